/**
 * `npm run bench -- remote-spice`: a moving desktop in the frame (spice-html5 through the bridge)
 * beside the same machine in `remote-viewer`, by what appears on the X screen: frames in a time,
 * and from a key press to its pixel.
 */

import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import { NativeStrip } from '../../main/sessions/native-strip.ts';
import { createSpiceBridge } from '../../main/sessions/spice/bridge.ts';
import { createNativeViewer } from '../../main/sessions/spice/viewer.ts';
import { type Display, startDisplay } from '../support/display.ts';
import {
  DISPLAY_ORIGIN,
  launchChromium,
  openDisplayPage,
  UI_ORIGIN,
} from '../support/display-page.ts';
import { startGuest, type TestGuest } from '../support/guest.ts';
import { median, printResult, printTable } from './report.ts';

const SIZES = [
  [1280, 720],
  [1920, 1080],
] as const;
const ROUNDS = 3;
const GUEST_FPS = 30;
const SECONDS = 8;
const PRESSES = 15;
const FRAMES_GOAL = 0.9;
const KEY_GOAL = 1.3;
/** Of the key A on X11. */
const KEYCODE = '38';

interface Figures {
  /** A second. */
  readonly frames: number;
  /** Milliseconds, the median of a round. */
  readonly key: number;
}

/** Never synchronously: the bridge under test runs in this process. */
const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-spice-'));
const probe = join(folder, 'probe');
const source = new URL('../support/screen-probe/probe.c', import.meta.url).pathname;
await execute('gcc', ['-O2', '-o', probe, source, '-lX11', '-lXtst']);

const rows: (string | number)[][] = [];
const ratios: { frames: number; key: number }[] = [];
try {
  for (const size of SIZES) {
    const name = size.join('×');
    const pairs: { native: Figures; embedded: Figures }[] = [];
    const display = await startDisplay(size);
    process.env.DISPLAY = display.name;
    // One pixel less than a mode would do no harm; the screen's own size is what both ask for.
    const guest = await startGuest({ size, moving: GUEST_FPS });
    try {
      for (let round = 1; round <= ROUNDS; round++) {
        const native = await measureNative(guest, display, size);
        const embedded = await measureEmbedded(guest, display, size);
        pairs.push({ native, embedded });
        for (const [engine, { frames, key }] of Object.entries({ native, embedded })) {
          rows.push([name, round, engine, rounded(frames), rounded(key)]);
        }
      }
    } finally {
      await guest.kill();
      await display.stop();
    }
    ratios.push({
      frames: median(pairs.map(({ native, embedded }) => embedded.frames / native.frames)),
      key: median(pairs.map(({ native, embedded }) => embedded.key / native.key)),
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

printTable([['screen', 'round', 'engine', 'frames/s', 'key to pixel, ms'], ...rows]);
const frames = Math.min(...ratios.map((ratio) => ratio.frames));
const key = Math.max(...ratios.map((ratio) => ratio.key));
printResult({
  bench: 'remote-spice',
  ratio: frames,
  keyRatio: rounded(key),
  goal: FRAMES_GOAL,
  keyGoal: KEY_GOAL,
  ok: frames >= FRAMES_GOAL && key <= KEY_GOAL,
});

async function measureNative(
  guest: TestGuest,
  display: Display,
  size: readonly [number, number],
): Promise<Figures> {
  const launcher = new Launcher(silentLogger);
  const folder = await mkdtemp(join(tmpdir(), 'bench-viewer-'));
  const viewer = createNativeViewer({
    launcher,
    onReturnChord: () => {},
    strip: new NativeStrip({ launcher, kiosk: false, log: silentLogger }),
    runtimeFolder: folder,
    log: silentLogger,
  });
  const window = await viewer.open(
    { endpoint: { type: 'unix', path: guest.socket }, password: guest.password },
    'bench',
    new AbortController().signal,
  );
  try {
    return await measure(guest, display, size);
  } finally {
    await window.close();
    await launcher.stopAll();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureEmbedded(
  guest: TestGuest,
  display: Display,
  size: readonly [number, number],
): Promise<Figures> {
  const bridge = createSpiceBridge({
    log: silentLogger,
    displayOrigin: DISPLAY_ORIGIN,
    uiOrigin: UI_ORIGIN,
    returnChord: 'Ctrl+Alt+Home',
  });
  const browser = await launchChromium([], display.env);
  const page = await openDisplayPage(browser, { wholeWindow: true });
  try {
    const { frameUrl } = await bridge.open('bench', {
      type: 'spice-socket',
      path: guest.socket,
      password: guest.password,
    });
    await page.show('a', frameUrl);
    await page.message('a', 'ready');
    return await measure(guest, display, size);
  } finally {
    await page.close();
    await browser.close();
    await bridge.end();
  }
}

async function measure(
  guest: TestGuest,
  display: Display,
  [width, height]: readonly [number, number],
): Promise<Figures> {
  // Focus, the pointer out of the way, and the size that the viewer asked for.
  const at = ['mousemove', String(width / 4), String(height / 4), 'click', '1'];
  await sleep(2_000);
  await execute('xdotool', at, { env: display.env });
  await sleep(1_000);
  const run = async (...args: (string | number)[]): Promise<number[]> => {
    const { stdout } = await execute(probe, args.map(String), { env: display.env });
    return stdout.trim().split('\n').map(Number);
  };
  await guest.command('move');
  const [count = 0] = await run(
    'frames',
    Math.round(width * 0.4),
    Math.round(height * 0.3),
    SECONDS,
  );
  await guest.command('still');
  await sleep(500);
  const keys = await run('key', KEYCODE, width / 2, height / 2, PRESSES);
  await guest.command('move');
  return { frames: count / SECONDS, key: median(keys) / 1000 };
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
