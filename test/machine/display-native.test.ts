/** The native viewer on a real X display with a window manager. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import { NativeStrip } from '../../main/sessions/native-strip.ts';
import type { SpiceConnection } from '../../main/sessions/spice/connection.ts';
import { createNativeViewer, type NativeViewer } from '../../main/sessions/spice/viewer.ts';
import { type Display, startDisplay } from '../support/display.ts';
import { startGuest, type TestGuest } from '../support/guest.ts';

const run = promisify(execFile);

let screen: Display;
let guest: TestGuest;
let viewer: NativeViewer;
let launcher: Launcher;
let folder: string;
let chords = 0;
const before = process.env.DISPLAY;

beforeAll(async () => {
  [screen, guest] = await Promise.all([startDisplay([1024, 768]), startGuest()]);
  process.env.DISPLAY = screen.name;
  launcher = new Launcher(silentLogger);
  folder = await mkdtemp(join(tmpdir(), 'native-'));
  viewer = createNativeViewer({
    launcher,
    onReturnChord: () => chords++,
    strip: new NativeStrip({ launcher, kiosk: false, log: silentLogger }),
    runtimeFolder: folder,
    log: silentLogger,
  });
});

afterAll(async () => {
  await launcher?.stopAll();
  await guest?.kill();
  await screen?.stop();
  await rm(folder, { recursive: true, force: true });
  if (before === undefined) delete process.env.DISPLAY;
  else process.env.DISPLAY = before;
});

function connection(password: string): SpiceConnection {
  return { endpoint: { type: 'unix', path: guest.socket }, password };
}

/** The colour of one pixel of the screen, as `#rrggbb`. */
async function pixel(x: number, y: number): Promise<string> {
  const { stdout } = await run(
    'import',
    ['-silent', '-window', 'root', '-crop', `1x1+${x}+${y}`, '-depth', '8', 'txt:-'],
    { env: screen.env },
  );
  return /#[0-9A-F]{6}/i.exec(stdout)?.[0].toLowerCase() ?? stdout;
}

async function windows(): Promise<number> {
  const { stdout } = await run('xdotool', ['search', '--onlyvisible', '--class', 'remote-viewer'], {
    env: screen.env,
  }).catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter(Boolean).length;
}

const signal = new AbortController().signal;

test('full screen, with keys, lowered and raised, gone when it is closed', async () => {
  expect(await viewer.available()).toBe(true);
  const window = await viewer.open(connection(guest.password), 'A machine', signal);
  const corner = (): Promise<string> => pixel(4, 4);
  // The guest takes the screen's size, so its red quarter begins in the corner.
  await expect.poll(corner, { interval: 500 }).toBe('#ff0000');
  const { stdout: argv } = await run('ps', ['-eo', 'args']);
  expect(argv).not.toContain(guest.password);

  const at = guest.lines.length;
  // The window manager gives the focus when it pleases: somebody clicks and types again.
  const typed = async (): Promise<boolean> => {
    const keys = ['mousemove', '300', '300', 'click', '1', 'key', 'q'];
    await run('xdotool', keys, { env: screen.env });
    return guest.lines.slice(at).some((line) => line.startsWith('KEY 16 0'));
  };
  await expect.poll(typed, { interval: 1_000 }).toBe(true);

  await window.surface.hide();
  await expect.poll(corner).not.toBe('#ff0000');
  await window.surface.show();
  await expect.poll(corner).toBe('#ff0000');

  await run('xdotool', ['key', 'ctrl+alt+Home'], { env: screen.env });
  await expect.poll(() => chords).toBe(1);

  await window.close();
  await window.ended;
  await expect.poll(windows).toBe(0);
});

test('a wrong ticket is named, and nobody sees a dialog', async () => {
  await expect(viewer.open(connection('wrong'), 'A machine', signal)).rejects.toMatchObject({
    code: 'REMOTE_CREDENTIALS_WRONG',
  });
  expect(await windows()).toBe(0);
});

test('the machine’s death ends the viewer', async () => {
  const window = await viewer.open(connection(guest.password), 'A machine', signal);
  await guest.kill();
  await window.ended;
  await expect.poll(windows).toBe(0);
});
