/**
 * A whole desktop behind a real xrdp: picture, keys with three layouts, mouse, clipboard both ways,
 * sound, and a desktop over two monitors. xrdp 0.9 neither follows a window's size nor shows drives.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { RdpEntry } from '../../main/base/manifest.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { Engine, RunningSession } from '../../main/sessions/engine.ts';
import { NativeStrip } from '../../main/sessions/native-strip.ts';
import { openPinStore, type PinStore } from '../../main/sessions/pins.ts';
import { createRdpBridge } from '../../main/sessions/rdp/embedded/bridge.ts';
import { createRdpEngine } from '../../main/sessions/rdp/engine.ts';
import { type Display, startDisplay } from '../support/display.ts';
import { DISPLAY_ORIGIN, UI_ORIGIN } from '../support/display-page.ts';
import { answers, deskFor } from '../support/questions.ts';
import { startXrdp, type Xrdp, xrdpObstacle } from '../support/xrdp.ts';

const obstacle = xrdpObstacle();
if (obstacle !== undefined) console.log(`skipped: ${obstacle}`);

const PATIENCE = { timeout: 30_000, interval: 200 };
/** evdev codes + 8. */
const KEY = { y: 29, z: 52, q: 24 } as const;

describe.skipIf(obstacle !== undefined)('xrdp', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xrdp-test-'));
  let screen: Display;
  let server: Xrdp;
  let launcher: Launcher;
  let pins: PinStore;
  let engine: Engine<RdpEntry>;
  let running: RunningSession | undefined;

  const soundEnv = { ...process.env, PULSE_SERVER: `unix:${join(folder, 'sound')}` };
  let sound: ChildProcess;

  beforeAll(async () => {
    sound = spawn(
      'pulseaudio',
      [
        ...['-n', '--daemonize=no', '--exit-idle-time=-1', '--use-pid-file=no'],
        ...['-L', `module-native-protocol-unix socket=${join(folder, 'sound')} auth-anonymous=1`],
        ...['-L', 'module-null-sink sink_name=kiosk'],
      ],
      { stdio: 'ignore', env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder } },
    );
    vi.stubEnv('PULSE_SERVER', soundEnv.PULSE_SERVER);
    [screen, server] = await Promise.all([startDisplay([1280, 800]), startXrdp()]);
    vi.stubEnv('DISPLAY', screen.name);
    launcher = new Launcher(silentLogger);
    pins = openPinStore({ path: join(folder, 'rdp.db'), now: Date.now, log: silentLogger });
    engine = createRdpEngine({
      launcher,
      credentials: deskFor(() => undefined),
      pins,
      bridge: createRdpBridge({
        log: silentLogger,
        displayOrigin: DISPLAY_ORIGIN,
        uiOrigin: UI_ORIGIN,
        returnChord: 'Ctrl+Alt+Home',
      }),
      preferred: () => 'native',
      strip: new NativeStrip({ launcher, kiosk: false, log: silentLogger }),
      runtimeFolder: join(folder, 'run'),
      onReturnChord: () => {},
      log: silentLogger,
    });
  });
  afterEach(async () => {
    await running?.kill();
    await running?.ended;
    running = undefined;
  });
  afterAll(async () => {
    await launcher?.stopAll();
    pins?.close();
    await server?.stop();
    sound?.kill();
    await screen?.stop();
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  async function start(target: object): Promise<void> {
    const { user, password: secret, port } = server;
    const { ask } = answers(
      { type: 'certificate' },
      { type: 'credentials', user, domain: '', secret },
    );
    running = await engine.start({
      sessionId: 's-xrdp',
      groupId: 'g-1',
      entry: RdpEntry.parse({
        kind: 'rdp',
        id: 'desk',
        title: 'Desk',
        target: {
          hosts: [{ host: '127.0.0.1', port }],
          certificate: { trustFirst: 'confirm' },
          credentials: 'ask',
          ...target,
        },
      }),
      machineIndex: 0,
      person: { id: 'guest', name: 'Guest', kind: 'guest', groups: [], offline: false },
      signal: AbortSignal.timeout(90_000),
      launching: () => {},
      progress: () => {},
      notice: () => {},
      ask,
    });
    if (running.surface.type === 'native') await running.surface.show();
    await expect.poll(() => server.session()?.DISPLAY, PATIENCE).toBeDefined();
  }
  function colour(x: number, y: number): string {
    const [r = 0, g = 0, b = 0] = execFileSync(
      'import',
      ['-window', 'root', '-crop', `1x1+${x}+${y}`, '-depth', '8', 'rgb:-'],
      { env: screen.env },
    );
    return [r, g, b].map((part) => Math.round(part / 16)).join(' ');
  }
  const shown = () => expect.poll(() => colour(640, 400), PATIENCE).toBe('2 8 13');
  const xdotool = (...args: string[]): void => {
    execFileSync('xdotool', args, { env: screen.env });
  };
  const dimensions = (): string =>
    /dimensions:\s+(\S+)/.exec(server.run('xdpyinfo'))?.[1] ?? 'none';

  test('a guest signs in on our screen; picture, keys, mouse, clipboard, sound', async () => {
    await start({ keyboard: 'de', network: 'lan' });
    await shown();
    expect(dimensions()).toBe('1280x800');
    expect(server.run('setxkbmap', '-query')).toMatch(/layout:\s+de/);
    xdotool('mousemove', '500', '400', 'click', '1', 'key', 'y', 'key', 'q');
    await expect.poll(() => server.keys().slice(-2), PATIENCE).toEqual([KEY.y, KEY.q]);
    await expect.poll(() => server.buttons().at(-1), PATIENCE).toBe(1);

    // Here to there, and back.
    const owner = spawn('xclip', ['-selection', 'clipboard', '-quiet'], { env: screen.env });
    owner.stdin.end('von hier: äöü €');
    const there = (): string => {
      try {
        return server.run(
          'timeout',
          '2',
          'xclip',
          '-o',
          '-selection',
          'clipboard',
          '-t',
          'UTF8_STRING',
        );
      } catch {
        return '';
      }
    };
    await expect.poll(there, PATIENCE).toBe('von hier: äöü €');
    server.start('sh', '-c', 'printf "von dort: ñ" | xclip -selection clipboard -quiet');
    const here = (): string => {
      try {
        return execFileSync(
          'timeout',
          ['2', 'xclip', '-o', '-selection', 'clipboard', '-t', 'UTF8_STRING'],
          {
            env: screen.env,
            encoding: 'utf8',
          },
        );
      } catch {
        return '';
      }
    };
    await expect.poll(here, PATIENCE).toBe('von dort: ñ');
    owner.kill();

    // It refuses another size: the picture stays.
    const window = execFileSync('xdotool', ['search', '--class', 'vestibule-s-xrdp'], {
      env: screen.env,
      encoding: 'utf8',
    }).split('\n')[0];
    const wmctrl = (...args: string[]): void => {
      execFileSync('wmctrl', ['-i', '-r', window ?? '', ...args], { env: screen.env });
    };
    wmctrl('-b', 'remove,fullscreen');
    wmctrl('-e', '0,0,0,1000,700');
    xdotool('mousemove', '400', '300', 'key', 'q');
    await expect.poll(() => server.keys().at(-1), PATIENCE).toBe(KEY.q);
    expect(dimensions()).toBe('1280x800');
    await shown();

    // Sound of the session, as its own sound server would hand it over.
    const heard: Buffer[] = [];
    const ear = spawn('parec', ['--device=kiosk.monitor', '--raw'], { env: soundEnv });
    ear.stdout.on('data', (chunk: Buffer) => heard.push(chunk));
    const socket = connect(
      join('/run/xrdp/sockdir', server.session()?.XRDP_PULSE_SINK_SOCKET ?? 'none'),
    );
    await once(socket, 'connect');
    const tone = setInterval(() => socket.write(soundMessage()), 20);
    const loudest = (): number =>
      Math.max(0, ...heard.map((chunk) => (chunk.length > 1 ? Math.abs(chunk.readInt16LE(0)) : 0)));
    await expect.poll(loudest, PATIENCE).toBeGreaterThan(5_000);
    clearInterval(tone);
    socket.destroy();
    ear.kill();
    await running?.stop();
    expect(await running?.ended).toEqual({});
  });

  test('a desktop over two monitors', async () => {
    const xrandr = (...args: string[]): void => {
      execFileSync('xrandr', args, { env: screen.env, stdio: 'ignore' });
    };
    // The one that takes Xvfb's only output replaces the monitor that there is by itself.
    xrandr('--setmonitor', 'left', '640/170x800/211+0+0', 'screen');
    xrandr('--setmonitor', 'right', '640/170x800/211+640+0', 'none');
    try {
      await start({ monitors: 'all' });
      await shown();
      const monitors = (): string => server.run('xrandr', '--listmonitors');
      await expect.poll(monitors, PATIENCE).toMatch(/Monitors: 2/);
      expect(dimensions()).toBe('1280x800');
    } finally {
      xrandr('--delmonitor', 'left');
      xrandr('--delmonitor', 'right');
    }
  });

  test.each([
    ['us', KEY.z],
    ['fr', KEY.z],
  ] as const)('the layout %s arrives in the session', async (layout, code) => {
    await expect.poll(() => server.session(), PATIENCE).toBeDefined();
    await start({ keyboard: layout });
    await shown();
    await expect
      .poll(() => /layout:\s+(\S+)/.exec(server.run('setxkbmap', '-query'))?.[1], PATIENCE)
      .toBe(layout);
    const before = server.keys().length;
    xdotool('mousemove', '500', '400', 'keydown', String(code), 'keyup', String(code));
    await expect.poll(() => server.keys().slice(before), PATIENCE).toContain(code);
  });
});

/** A 20th of a second of a loud tone for xrdp's sound socket: kind 0, length with header, PCM. */
function soundMessage(): Buffer {
  const samples = 2_205;
  const message = Buffer.alloc(8 + samples * 4);
  message.writeUInt32LE(message.length, 4);
  for (let i = 0; i < samples; i++) {
    const value = i % 100 < 50 ? 20_000 : -20_000;
    message.writeInt16LE(value, 8 + i * 4);
    message.writeInt16LE(value, 10 + i * 4);
  }
  return message;
}
