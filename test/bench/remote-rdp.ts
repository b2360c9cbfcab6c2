/**
 * `npm run bench -- remote-rdp`: a moving desktop that freerdp-shadow shares, over RDP, by what
 * appears on the X screen: our native engine beside xfreerdp started by hand, IronRDP behind our
 * bridge beside IronRDP behind the plainest proxy; frames in a time, and from the click to the
 * first picture.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { silentLogger } from '../../main/log/logger.ts';
import { findViewer } from '../../main/sessions/rdp/xfreerdp.ts';
import { type Display, startDisplay } from '../support/display.ts';
import { type DisplayPage, launchChromium, openDisplayPage } from '../support/display-page.ts';
import { startPlainProxy } from '../support/plain-rdcleanpath.ts';
import { everyProcess, processTree, textsInMemory } from '../support/processes.ts';
import { createRdpBench, fingerprintAt, frameAddress, type RdpBench } from '../support/rdp-page.ts';
import { type SharedDesktop, startSharedDesktop } from '../support/rdp-servers.ts';
import { median, printResult, printTable } from './report.ts';

const SIZES = [
  [1280, 720],
  [1920, 1080],
] as const;
const ROUNDS = 2;
const DESKTOP_FPS = 25;
const SECONDS = 4;
const SETTLE_MS = 1_500;
const FIRST_PICTURE_SECONDS = 30;
const NATIVE_GOAL = 0.97;
const EMBEDDED_GOAL = 1;
const FIRST_PICTURE_GOAL = 1.2;
const PASSWORD = 'Geheim & Zutritt-4711';

type EngineName = 'native' | 'xfreerdp' | 'embedded' | 'plain IronRDP';
interface Figures {
  /** A second. */
  readonly frames: number;
  /** Milliseconds. */
  readonly first: number;
}

/** Never synchronously: the bridge under test runs in this process. */
const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-rdp-'));
const [probe, mover] = await Promise.all([
  compile('screen-probe/probe.c', 'probe'),
  compile('screen-mover/mover.c', 'mover'),
]);

const rows: (string | number)[][] = [];
const ratios: { native: number; embedded: number; first: number }[] = [];
let seen = false;
try {
  for (const size of SIZES) {
    const rounds: Record<EngineName, Figures>[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      const figures = await measureRound(size, round);
      rounds.push(figures);
      for (const [engine, { frames, first }] of Object.entries(figures)) {
        rows.push([size.join('×'), round, engine, rounded(frames), Math.round(first)]);
      }
    }
    const ratio = (of: (figures: Record<EngineName, Figures>) => number): number =>
      median(rounds.map(of));
    ratios.push({
      native: ratio((f) => f.native.frames / f.xfreerdp.frames),
      embedded: ratio((f) => f.embedded.frames / f['plain IronRDP'].frames),
      first: Math.max(
        ratio((f) => f.native.first / f.xfreerdp.first),
        ratio((f) => f.embedded.first / f['plain IronRDP'].first),
      ),
    });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

printTable([['screen', 'round', 'engine', 'frames/s', 'click to picture, ms'], ...rows]);
const native = Math.min(...ratios.map((ratio) => ratio.native));
const embedded = Math.min(...ratios.map((ratio) => ratio.embedded));
const first = Math.max(...ratios.map((ratio) => ratio.first));
printResult({
  bench: 'remote-rdp',
  ratio: native,
  goal: NATIVE_GOAL,
  embeddedRatio: rounded(embedded),
  embeddedGoal: EMBEDDED_GOAL,
  firstPictureRatio: rounded(first),
  firstPictureGoal: FIRST_PICTURE_GOAL,
  passwordSeen: seen,
  ok: native >= NATIVE_GOAL && embedded >= EMBEDDED_GOAL && first <= FIRST_PICTURE_GOAL && !seen,
});

async function measureRound(
  size: readonly [number, number],
  round: number,
): Promise<Record<EngineName, Figures>> {
  const desktop = await startSharedDesktop(size);
  const server = await desktop.serve({ security: 'tls' });
  const display = await startDisplay(size);
  process.env.DISPLAY = display.name;
  const bench = createRdpBench(silentLogger);
  const pin = await fingerprintAt(server.port);
  const stage: Stage = { size, desktop, display, bench, port: server.port, pin };
  try {
    // Who comes second finds everything warm: each does in one of the rounds.
    const bare = round % 2 === 0 ? undefined : await measureByHand(stage);
    const native = await measureNative(stage);
    const xfreerdp = bare ?? (await measureByHand(stage));
    const browser = await launchChromium([], display.env);
    const page = await openDisplayPage(browser, { wholeWindow: true });
    await page.page.evaluate(() => {
      document.body.style.background = '#000';
    });
    try {
      const before = round % 2 === 0 ? undefined : await measurePlain(stage, page);
      const embedded = await measureEmbedded(stage, page);
      const plain = before ?? (await measurePlain(stage, page));
      return { native, xfreerdp, embedded, 'plain IronRDP': plain };
    } finally {
      await page.close();
      await browser.close();
    }
  } finally {
    await bench.stop();
    await display.stop();
    await desktop.stop();
  }
}

interface Stage {
  readonly size: readonly [number, number];
  readonly desktop: SharedDesktop;
  readonly display: Display;
  readonly bench: RdpBench;
  readonly port: number;
  readonly pin: string;
}

async function measureByHand(stage: Stage): Promise<Figures> {
  const viewer = await findViewer(stage.bench.launcher);
  if (viewer === undefined) throw new Error('xfreerdp is not installed');
  const pin = stage.pin.match(/../g)?.join(':') ?? '';
  const args = [
    ...[`/v:127.0.0.1:${stage.port}`, '/f', '/sec:tls', `/cert:fingerprint:sha256:${pin}`],
    ...['/u:anna', '/d:', '/from-stdin:force', '/network:lan', '/rfx', '/log-level:OFF'],
  ];
  const start = async () => {
    const child = spawn(viewer.program, args, {
      env: stage.display.env,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.end(`${PASSWORD}\n`);
    return async () => {
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    };
  };
  return await measure(stage, start);
}

async function measureNative(stage: Stage): Promise<Figures> {
  return await measure(stage, async () => {
    await stage.bench.start(target(stage), { engine: 'native', secret: PASSWORD });
    seen ||= everyProcess().includes(PASSWORD);
    return () => stage.bench.endSessions();
  });
}

async function measurePlain(stage: Stage, page: DisplayPage): Promise<Figures> {
  const proxy = await startPlainProxy({ host: '127.0.0.1', port: stage.port });
  try {
    return await measure(stage, async () => {
      await page.show('a', proxy.frameUrl);
      return () => page.remove('a');
    });
  } finally {
    proxy.end();
  }
}

async function measureEmbedded(stage: Stage, page: DisplayPage): Promise<Figures> {
  return await measure(stage, async () => {
    const session = await stage.bench.start(target(stage), { secret: PASSWORD });
    await page.show('a', await frameAddress(session));
    return async () => {
      seen ||= everyProcess().includes(PASSWORD);
      for (const { pid, commandLine } of processTree(process.pid)) {
        if (!commandLine.includes('--type=renderer')) continue;
        seen ||= textsInMemory(pid, [PASSWORD]).length > 0;
      }
      await page.remove('a');
      await stage.bench.endSessions();
    };
  });
}

function target({ port, pin }: Stage): object {
  return { hosts: [{ host: '127.0.0.1', port }], certificate: { pins: [pin] }, user: 'anna' };
}

/**
 * @param start the click; returns how to end what it started
 */
async function measure(
  { size: [width, height], desktop, display }: Stage,
  start: () => Promise<() => Promise<void>>,
): Promise<Figures> {
  const run = async (...args: (string | number)[]): Promise<number> => {
    const { stdout } = await execute(probe, args.map(String), { env: display.env });
    return Number(stdout.trim());
  };
  const at = [Math.round(width * 0.4), Math.round(height * 0.3)] as const;
  desktop.paint('#ffffff');
  // A browser's new window is white until its page is drawn, and a session's end takes its time.
  const dark = await run('dark', ...at, FIRST_PICTURE_SECONDS);
  if (dark < 0) throw new Error('the screen did not become dark before the click');
  const shown = run('wait', ...at, FIRST_PICTURE_SECONDS);
  await sleep(500);
  const clicked = Date.now();
  const end = await start();
  const first = (await shown) - clicked;
  if (first < 0) throw new Error('no picture appeared');
  const motion = spawn(mover, [String(DESKTOP_FPS)], { env: desktop.env, stdio: 'ignore' });
  await sleep(SETTLE_MS);
  const count = await run('frames', ...at, SECONDS);
  const still = once(motion, 'exit');
  motion.kill();
  await still;
  await end();
  await sleep(500);
  return { frames: count / SECONDS, first };
}

async function compile(source: string, name: string): Promise<string> {
  const program = join(folder, name);
  const path = new URL(`../support/${source}`, import.meta.url).pathname;
  await execute('gcc', ['-O2', '-o', program, path, '-lX11', '-lXtst']);
  return program;
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
