/** RDP in the page: IronRDP in a real Chromium, our bridge, freerdp-shadow. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { createLog, type Log } from '../../main/log/log.ts';
import type { RunningSession } from '../../main/sessions/engine.ts';
import {
  DISPLAY_ORIGIN,
  type DisplayPage,
  launchChromium,
  openDisplayPage,
} from '../support/display-page.ts';
import { openLine } from '../support/line.ts';
import { freePort } from '../support/ports.ts';
import { everyProcess, processTree, textsInMemory } from '../support/processes.ts';
import { answers } from '../support/questions.ts';
import {
  createRdpBench,
  fingerprintAt,
  frameAddress,
  RDP_USER,
  type RdpBench,
} from '../support/rdp-page.ts';
import { type RdpServer, type SharedDesktop, startSharedDesktop } from '../support/rdp-servers.ts';

const USER = RDP_USER;
const PASSWORD = 'Geheim & Zutritt-4711 €';
/** Nothing of these may be in the page. */
const SECRETS = [PASSWORD, 'Zutritt-4711', USER];
const SIZE = { width: 1024, height: 768 };
const PATIENCE = { timeout: 60_000, interval: 100 };
const BLUE = [0x20, 0x80, 0xd0] as const;
/** evdev codes + 8. */
const KEYS = { KeyH: 43, KeyI: 31, AltRight: 108, ArrowUp: 111, Delete: 119, NumpadEnter: 104 };

const folder = mkdtempSync(join(tmpdir(), 'rdp-embedded-'));
const logFile = join(folder, 'test.log');
let log: Log;
let desktop: SharedDesktop;
let nla: RdpServer;
let pin: string;
let bench: RdpBench;
let browser: Browser;
let page: DisplayPage;

beforeAll(async () => {
  log = createLog({ level: 'debug', destination: { type: 'file', path: logFile } });
  log.info('the test begins');
  [desktop, browser] = await Promise.all([startSharedDesktop(), launchChromium()]);
  desktop.paint('#2080d0');
  nla = await desktop.serve({ security: 'nla', accounts: { [USER]: PASSWORD } });
  pin = await fingerprintAt(nla.port);
  bench = createRdpBench(log);
  page = await openDisplayPage(browser, SIZE);
});

afterEach(async () => {
  await bench.endSessions();
  await page.remove('a');
  await page.page.evaluate(() => {
    window.frameMessages = {};
  });
});

afterAll(async () => {
  await page?.close();
  await browser?.close();
  await bench?.stop();
  await desktop?.stop();
  log?.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = (port: number) => ({ host: '127.0.0.1', port });
const toNla = () => ({ hosts: [at(nla.port)], certificate: { pins: [pin] } });

async function shown(session: RunningSession): Promise<Frame> {
  const frame = await page.show('a', await frameAddress(session));
  await page.message('a', 'ready');
  return frame;
}

async function expectColour(frame: Frame, wanted: readonly number[]): Promise<void> {
  await expect
    .poll(async () => {
      const seen = await page.pixel(frame, 512, 400);
      // RemoteFX is lossy.
      return wanted.every((value, index) => Math.abs(value - (seen[index] ?? -99)) <= 8);
    }, PATIENCE)
    .toBe(true);
}

test('NLA: the picture appears, keys and pointer arrive, the password is nowhere', async () => {
  const session = await bench.start(toNla(), { secret: PASSWORD });
  const frame = await shown(session);
  await expectColour(frame, BLUE);
  expect(await page.message('a', 'ready')).toMatchObject(SIZE);

  await page.post('a', { type: 'focus' });
  for (const [key, keycode] of Object.entries(KEYS)) {
    await page.page.keyboard.press(key);
    await expect.poll(() => desktop.keys.at(-1), PATIENCE).toBe(keycode);
  }
  await page.page.mouse.move(300, 200);
  await expect.poll(() => desktop.pointer(), PATIENCE).toEqual([300, 200]);
  await page.page.mouse.click(700, 500, { button: 'right' });
  await expect.poll(() => desktop.pointer(), PATIENCE).toEqual([700, 500]);
  await expect.poll(() => desktop.buttons.at(-1), PATIENCE).toBe(3);
  await page.page.mouse.wheel(0, 100);
  await expect.poll(() => desktop.buttons.at(-1), PATIENCE).toBe(5);

  expect(everyProcess()).not.toContain(PASSWORD);
  const written = readFileSync(logFile, 'utf8');
  expect(written).toContain('the test begins');
  for (const text of SECRETS) expect(written).not.toContain(text);
  const heap = await heapOf();
  // It is the heap of the frame that draws.
  expect(heap).toContain('SessionBuilder');
  for (const text of SECRETS) expect(heap).not.toContain(text);
  const renderers = processTree(process.pid).filter(({ commandLine }) =>
    commandLine.includes('--type=renderer'),
  );
  const found = renderers.flatMap(({ pid }) =>
    textsInMemory(pid, [...SECRETS, `127.0.0.1:${nla.port}`, 'RDCleanPath']),
  );
  // The name of the protocol is in the memory of IronRDP, nothing else is.
  expect(new Set(found)).toEqual(new Set(['RDCleanPath']));

  await session.stop();
  expect(await session.ended).toEqual({});
  expect((await page.message('a', 'ended')).code).toBeNull();
  expect(page.problems).toEqual([]);
});

test('a wrong password is asked again on the screen; the right one opens the desktop', async () => {
  const { ask, asked } = answers({
    type: 'credentials',
    user: USER,
    domain: '',
    secret: PASSWORD,
  });
  const session = await bench.start(toNla(), { secret: 'wrong', ask });
  await expectColour(await shown(session), BLUE);
  expect(asked).toMatchObject([
    { type: 'credentials', error: { code: 'REMOTE_CREDENTIALS_WRONG' } },
  ]);
});

test('three wrong passwords, and the server hears no fourth', async () => {
  const line = await openLine(nla.port);
  const reply = { type: 'credentials', user: USER, domain: '', secret: 'wrong' } as const;
  const { ask, asked } = answers(reply, reply, reply);
  await expect(
    bench.start({ ...toNla(), hosts: [at(line.port)] }, { secret: 'wrong', ask, user: 'bert' }),
  ).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(asked.at(-1)).toMatchObject({ error: { details: { until: expect.any(Number) } } });
  // One look at the host, three sign-ins.
  expect(line.connections).toBe(4);
  await line.close();
});

test('TLS: the pinned certificate, and another one', async () => {
  const server = await desktop.serve({ security: 'tls', identity: 'tls' });
  const pins = [await fingerprintAt(server.port)];
  const hosts = [at(server.port)];
  const session = await bench.start({ hosts, certificate: { pins } }, { secret: PASSWORD });
  await expectColour(await shown(session), BLUE);
  await session.stop();
  await expect(
    bench.start({ hosts, certificate: { pins: ['00'.repeat(32)] } }, { secret: PASSWORD }),
  ).rejects.toMatchObject({ code: 'REMOTE_CERTIFICATE_CHANGED' });
  await expect(bench.start({ hosts }, { secret: PASSWORD })).rejects.toMatchObject({
    code: 'REMOTE_CERTIFICATE',
  });
  await server.stop();
});

test('servers that know only classic security, only NLA, or nothing', async () => {
  const classic = await desktop.serve({ security: 'rdp', identity: 'classic' });
  await expect(
    bench.start({ hosts: [at(classic.port)] }, { secret: PASSWORD }),
  ).rejects.toMatchObject({ code: 'REMOTE_NEGOTIATION_FAILED' });
  await classic.stop();
  await expect(
    bench.start({ ...toNla(), credentials: 'server' }, { secret: PASSWORD }),
  ).rejects.toMatchObject({ code: 'REMOTE_NLA_REQUIRED' });
  await expect(
    bench.start({ hosts: [at(await freePort())] }, { secret: PASSWORD }),
  ).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
});

test('a line that breaks comes back by itself, under the last picture in grey', async () => {
  const line = await openLine(nla.port);
  const session = await bench.start({ ...toNla(), hosts: [at(line.port)] }, { secret: PASSWORD });
  const frame = await shown(session);
  await expectColour(frame, BLUE);
  line.cut();
  expect((await page.message('a', 'lost')).code).toBe('REMOTE_LOST');
  expect(await frame.locator('#screen').getAttribute('class')).toBe('lost');
  await expectColour(frame, BLUE);
  await page.post('a', { type: 'connect', url: await frameAddress(session) });
  await page.message('a', 'ready', 1);
  expect(await frame.locator('#screen').getAttribute('class')).toBe('');
  await expectColour(frame, BLUE);
  await line.close();
});

test('a server that is restarted is waited for; one with another certificate is not believed', async () => {
  const port = await freePort();
  const before = await desktop.serve({ security: 'tls', identity: 'restarts', port });
  const pins = [await fingerprintAt(port)];
  const session = await bench.start(
    { hosts: [at(port)], certificate: { pins } },
    { secret: PASSWORD },
  );
  const frame = await shown(session);
  await before.stop();
  await page.message('a', 'lost');
  await page.post('a', { type: 'connect', url: await frameAddress(session) });
  const after = await desktop.serve({ security: 'tls', identity: 'restarts', port });
  await page.message('a', 'ready', 1);
  await expectColour(frame, BLUE);

  await after.stop();
  await page.message('a', 'lost', 1);
  const other = await desktop.serve({ security: 'tls', identity: 'somebody-else', port });
  await page.post('a', { type: 'connect', url: await frameAddress(session) });
  expect((await page.message('a', 'ended')).code).toBe('REMOTE_CERTIFICATE_CHANGED');
  expect(await session.ended).toMatchObject({ error: { code: 'REMOTE_CERTIFICATE_CHANGED' } });
  await other.stop();
});

test('a token is good once, for our page, and dies with its session', async () => {
  const session = await bench.start(toNla(), { secret: PASSWORD });
  const address = await frameAddress(session);
  const values = new URLSearchParams(new URL(address).hash.slice(1));
  const url = `ws://${values.get('bridge')}/rdp/${values.get('token')}`;
  const status = (origin: string, to = url): Promise<number | string> =>
    new Promise((resolve) => {
      const socket = new WebSocket(to, { origin });
      socket.on('unexpected-response', (_, response) => {
        response.destroy();
        resolve(response.statusCode ?? 0);
      });
      socket.on('open', () => {
        socket.close();
        resolve('open');
      });
      socket.on('error', () => {});
    });
  expect(await status('https://evil.example')).toBe(401);
  expect(await status(DISPLAY_ORIGIN, url.replace('/rdp/', '/spice/'))).toBe(401);
  expect(await status(DISPLAY_ORIGIN)).toBe('open');
  expect(await status(DISPLAY_ORIGIN)).toBe(401);
  const later = new URLSearchParams(new URL(await frameAddress(session)).hash.slice(1));
  await session.stop();
  expect(
    await status(DISPLAY_ORIGIN, `ws://${later.get('bridge')}/rdp/${later.get('token')}`),
  ).toBe(401);
});

test('what asks for more than the page can do is told so, and starts all the same', async () => {
  const notices: object[] = [];
  const session = await bench.start(
    { ...toNla(), sound: 'here', printers: true },
    { secret: PASSWORD, notice: (error) => notices.push(error) },
  );
  await shown(session);
  expect(notices).toMatchObject([
    { code: 'REMOTE_FEATURE_MISSING', details: { feature: 'sound' } },
    { code: 'REMOTE_FEATURE_MISSING', details: { feature: 'printers' } },
  ]);
});

// The last one: there is no bridge after it.
test('a bridge that ends takes the picture with it, and nothing else', async () => {
  const session = await bench.start(toNla(), { secret: PASSWORD });
  const frame = await shown(session);
  await expectColour(frame, BLUE);
  await bench.endBridge();
  expect((await page.message('a', 'lost')).code).toBe('REMOTE_LOST');
  await expectColour(frame, BLUE);
});

/** The frame's JavaScript heap, as one text. */
async function heapOf(): Promise<string> {
  const session = await page.page.context().newCDPSession(page.page);
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  await session.detach();
  return chunks.join('');
}
