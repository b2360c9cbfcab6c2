/** xfreerdp against real servers: who is believed, what is sent, what appears, how it ends. */

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { RdpEntry } from '../../main/base/manifest.ts';
import { createLog, type Log } from '../../main/log/log.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { Ask, Engine, RunningSession } from '../../main/sessions/engine.ts';
import { NativeStrip } from '../../main/sessions/native-strip.ts';
import { openPinStore, type PinStore } from '../../main/sessions/pins.ts';
import { createRdpBridge } from '../../main/sessions/rdp/embedded/bridge.ts';
import { createRdpEngine } from '../../main/sessions/rdp/engine.ts';
import { probe } from '../../main/sessions/rdp/probe.ts';
import type { WireError } from '../../preload/contract/errors.ts';
import { type Display, startDisplay } from '../support/display.ts';
import { DISPLAY_ORIGIN, UI_ORIGIN } from '../support/display-page.ts';
import { openLine } from '../support/line.ts';
import { freePort } from '../support/ports.ts';
import { everyProcess } from '../support/processes.ts';
import { answers, deskFor, unasked } from '../support/questions.ts';
import { type RdpServer, type SharedDesktop, startSharedDesktop } from '../support/rdp-servers.ts';

const USER = 'anna';
const PASSWORD = 'Geheim & Zutritt-4711';
/** evdev codes + 8: the letters h and i. */
const KEY_H = 43;
const KEY_I = 31;

const folder = mkdtempSync(join(tmpdir(), 'rdp-test-'));
const logFile = join(folder, 'test.log');
const runtimeFolder = join(folder, 'run');
let screen: Display;
let desktop: SharedDesktop;
let nla: RdpServer;
let pin: string;
let log: Log;
let launcher: Launcher;
let pins: PinStore;
let engine: Engine<RdpEntry>;
/** What the person typed to sign in. */
let typed: string | undefined;
const credentials = deskFor(() => typed);
const onReturnChord = vi.fn();
const open = new Set<RunningSession>();

beforeAll(async () => {
  [screen, desktop] = await Promise.all([startDisplay([1024, 768]), startSharedDesktop()]);
  vi.stubEnv('DISPLAY', screen.name);
  log = createLog({ level: 'debug', destination: { type: 'file', path: logFile } });
  launcher = new Launcher(log);
  pins = openPinStore({ path: join(folder, 'rdp.db'), now: Date.now, log });
  engine = createRdpEngine({
    launcher,
    credentials,
    pins,
    strip: new NativeStrip({ launcher, kiosk: false, log }),
    bridge: createRdpBridge({
      log,
      displayOrigin: DISPLAY_ORIGIN,
      uiOrigin: UI_ORIGIN,
      returnChord: 'Ctrl+Alt+Home',
    }),
    preferred: () => 'native',
    runtimeFolder,
    onReturnChord,
    log,
  });
  mkdirSync(join(runtimeFolder, 'rdp-left-by-a-killed-main'), { recursive: true });
  nla = await desktop.serve({ security: 'nla', accounts: { [USER]: PASSWORD } });
  pin = await fingerprint(nla.port);
});

afterEach(async () => {
  await Promise.all([...open].map((session) => session.kill()));
  await Promise.all([...open].map((session) => session.ended));
  open.clear();
  onReturnChord.mockClear();
});

afterAll(async () => {
  await launcher?.stopAll();
  pins?.close();
  log?.close();
  await desktop?.stop();
  await screen?.stop();
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

async function fingerprint(port: number): Promise<string> {
  const { certificate } = await probe({
    host: '127.0.0.1',
    port,
    security: 'auto',
    signal: AbortSignal.timeout(10_000),
  });
  return certificate?.fingerprint ?? '';
}

async function start(
  target: object,
  {
    secret,
    notice = () => {},
    ask = unasked,
  }: { secret?: string; notice?: (error: WireError) => void; ask?: Ask } = {},
): Promise<RunningSession> {
  typed = secret;
  const session = await engine.start({
    sessionId: 's-1',
    groupId: 'g-1',
    entry: RdpEntry.parse({ kind: 'rdp', id: 'desk', title: 'Desk', target }),
    machineIndex: 0,
    person: { id: USER, name: 'Anna', kind: 'member', groups: [], offline: false },
    signal: AbortSignal.timeout(60_000),
    launching: () => {},
    progress: () => {},
    notice,
    ask,
  });
  open.add(session);
  return session;
}

const at = (port: number) => ({ host: '127.0.0.1', port });

/** The colour in the middle of our screen. */
function colour(): number[] {
  const shot = execFileSync(
    'import',
    ['-window', 'root', '-crop', '1x1+512+400', '-depth', '8', 'rgb:-'],
    { env: screen.env },
  );
  return [...shot.subarray(0, 3)];
}

function near(wanted: readonly number[]) {
  return (seen: readonly number[]): boolean =>
    wanted.every((value, index) => Math.abs(value - (seen[index] ?? -99)) <= 8);
}

async function expectColour(wanted: readonly number[]): Promise<void> {
  await expect.poll(() => near(wanted)(colour()), { timeout: 20_000 }).toBe(true);
}

async function show(session: RunningSession): Promise<void> {
  if (session.surface.type === 'native') await session.surface.show();
}

/** What FreeRDP leaves outside its home: shared memory, and mounts for copied files. */
const leftovers = (): string[] => [
  ...readdirSync('/dev/shm').filter((name) => name.includes('xfreerdp')),
  ...readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes('com.freerdp')),
];

test('NLA: the picture appears, keys arrive, the chord leads out, nothing tells the password', async () => {
  desktop.paint('#d02040');
  const before = leftovers();
  const session = await start(
    { hosts: [at(nla.port)], certificate: { pins: [pin] } },
    { secret: PASSWORD },
  );
  await show(session);
  await expectColour([0xd0, 0x20, 0x40]);
  desktop.paint('#2080d0');
  await expectColour([0x20, 0x80, 0xd0]);

  execFileSync('xdotool', ['mousemove', '512', '400', 'key', 'h', 'key', 'i'], { env: screen.env });
  await expect.poll(() => desktop.keys.slice(-2), { timeout: 20_000 }).toEqual([KEY_H, KEY_I]);

  const processes = everyProcess();
  expect(processes).toContain(`/u:${USER}`);
  expect(processes).not.toContain(PASSWORD);
  expect(readFileSync(logFile, 'utf8')).not.toContain(PASSWORD);

  expect(onReturnChord).not.toHaveBeenCalled();
  execFileSync('xdotool', ['key', 'ctrl+alt+Home'], { env: screen.env });
  await expect.poll(() => onReturnChord.mock.calls.length, { timeout: 20_000 }).toBe(1);
  if (session.surface.type === 'native') await session.surface.hide();
  await expectColour([0, 0, 0]);
  await show(session);
  await expectColour([0x20, 0x80, 0xd0]);

  await session.stop();
  expect(await session.ended).toEqual({});
  expect(readdirSync(runtimeFolder)).toEqual([]);
  expect(leftovers().filter((name) => !before.includes(name))).toEqual([]);
});

test('a password that the server refuses is asked for on our screen; a good one is kept', async () => {
  desktop.paint('#d02040');
  const target = { hosts: [at(nla.port)], certificate: { pins: [pin] } };
  const { ask, asked } = answers(
    { type: 'credentials', user: USER, domain: '', secret: 'wrong too' },
    { type: 'credentials', user: USER, domain: '', secret: PASSWORD },
  );
  const session = await start(target, { secret: 'wrong', ask });
  await show(session);
  await expectColour([0xd0, 0x20, 0x40]);
  expect(asked).toMatchObject([
    {
      user: USER,
      server: `127.0.0.1:${nla.port}`,
      error: { code: 'REMOTE_CREDENTIALS_WRONG', details: { attemptsLeft: 2 } },
    },
    { error: { details: { attemptsLeft: 1 } } },
  ]);
  await session.stop();
  await session.ended;
  // Asked once in a visit.
  const again = await start(target);
  await again.stop();
  await again.ended;
  credentials.wipe();

  // Nothing was typed, nobody answers.
  await expect(start(target)).rejects.toMatchObject({ code: 'CANCELLED' });
  await expect(
    start({ ...target, credentials: 'server', security: 'nla' }, { secret: PASSWORD }),
  ).rejects.toMatchObject({ code: 'REMOTE_NLA_REQUIRED' });
  expect(readdirSync(runtimeFolder)).toEqual([]);
});

test('a certificate that nobody believes, one that is not the pinned one, one that changed', async () => {
  const first = await desktop.serve({ security: 'tls' });
  const hosts = [at(first.port)];
  await expect(start({ hosts }, { secret: PASSWORD })).rejects.toMatchObject({
    code: 'REMOTE_CERTIFICATE',
    details: { fingerprint: pin },
  });
  await expect(
    start({ hosts, certificate: { pins: ['0'.repeat(64)] } }, { secret: PASSWORD }),
  ).rejects.toMatchObject({ code: 'REMOTE_CERTIFICATE_CHANGED' });
  const trusting = { hosts, certificate: { trustFirst: true } };
  const session = await start(trusting, { secret: PASSWORD });
  await session.stop();

  const confirming = { hosts, certificate: { trustFirst: 'confirm' } };
  const elsewhere = await desktop.serve({ security: 'tls' });
  const { ask, asked } = answers({ type: 'certificate' });
  const compared = { ...confirming, hosts: [at(elsewhere.port)] };
  await expect(start(compared, { secret: PASSWORD })).rejects.toMatchObject({ code: 'CANCELLED' });
  const confirmed = await start(compared, { secret: PASSWORD, ask });
  await confirmed.stop();
  expect(asked).toEqual([
    { type: 'certificate', server: `127.0.0.1:${elsewhere.port}`, fingerprint: pin },
  ]);
  const believed = await start(compared, { secret: PASSWORD });
  await believed.stop();

  await first.stop();
  await desktop.serve({ security: 'tls', identity: 'impostor', port: first.port });
  await expect(start(confirming, { secret: PASSWORD })).rejects.toMatchObject({
    code: 'REMOTE_CERTIFICATE_CHANGED',
  });
  await expect(start(trusting, { secret: PASSWORD })).rejects.toMatchObject({
    code: 'REMOTE_CERTIFICATE_CHANGED',
  });
});

test('a host that refuses is passed over; where all do, that is said', async () => {
  desktop.paint('#30a050');
  const tls = await desktop.serve({ security: 'tls' });
  const closed = { ...at(await freePort()), load: 0 };
  const notices: WireError[] = [];
  const session = await start(
    {
      hosts: [{ ...at(tls.port), load: 0.9 }, closed],
      certificate: { pins: [pin] },
      credentials: 'server',
      drives: [{ name: 'absent', path: join(folder, 'absent') }],
      keyboard: 'de',
    },
    { secret: PASSWORD, notice: (error) => notices.push(error) },
  );
  await show(session);
  await expectColour([0x30, 0xa0, 0x50]);
  expect(notices.map(({ code }) => code)).toEqual(['REMOTE_FEATURE_MISSING']);
  await expect(start({ hosts: [closed] }, { secret: PASSWORD })).rejects.toMatchObject({
    code: 'REMOTE_REFUSED',
  });
});

test('classic security works where the campus allows it, and never carries a password', async () => {
  desktop.paint('#c0c020');
  const classic = await desktop.serve({ security: 'rdp' });
  const hosts = [at(classic.port)];
  await expect(start({ hosts }, { secret: PASSWORD })).rejects.toMatchObject({
    code: 'REMOTE_NEGOTIATION_FAILED',
  });
  const session = await start({ hosts, security: 'classic' }, { secret: PASSWORD });
  await show(session);
  await expectColour([0xc0, 0xc0, 0x20]);
});

test.each(['here', 'server', 'off'] as const)(
  'everything that an entry may ask for at once, with sound %s: the viewer takes it',
  async (sound) => {
    desktop.paint('#d02040');
    const session = await start(
      {
        hosts: [at(nla.port)],
        certificate: { pins: [pin] },
        domain: 'LAB',
        // freerdp-shadow hangs up on tokens of another form.
        loadBalanceInfo: 'Cookie: msts=3640205228.15629.0000',
        keyboard: '0x0000040c',
        sound,
        microphone: true,
        drives: [{ name: 'Shared folder', path: folder }],
        printers: true,
        monitors: 'all',
        network: sound === 'here' ? 'auto' : 'wan',
        clipboard: false,
        resize: false,
      },
      { secret: PASSWORD },
    );
    await show(session);
    await expectColour([0xd0, 0x20, 0x40]);
  },
);

test('a viewer that is killed from outside leaves nothing, and the session says that it was lost', async () => {
  const before = leftovers();
  const session = await start(
    { hosts: [at(nla.port)], certificate: { pins: [pin] } },
    { secret: PASSWORD },
  );
  await show(session);
  const [pid = ''] = execFileSync(
    'xdotool',
    ['search', '--class', 'vestibule-s-1', 'getwindowpid'],
    {
      env: screen.env,
      encoding: 'utf8',
    },
  ).split('\n');
  process.kill(Number(pid), 'SIGKILL');
  expect((await session.ended).error?.code).toBe('REMOTE_LOST');
  expect(readdirSync(runtimeFolder)).toEqual([]);
  expect(leftovers().filter((name) => !before.includes(name))).toEqual([]);
});

test('a network that is lost and comes back: the same session goes on by itself', async () => {
  desktop.paint('#d02040');
  const line = await openLine(nla.port);
  const session = await start(
    { hosts: [at(line.port)], certificate: { pins: [pin] } },
    { secret: PASSWORD },
  );
  await show(session);
  await expectColour([0xd0, 0x20, 0x40]);
  line.cut();
  desktop.paint('#2080d0');
  await expectColour([0x20, 0x80, 0xd0]);
  await session.stop();
  expect(await session.ended).toEqual({});
  await line.close();
});

test('a server that restarts: the same session goes on by itself', async () => {
  desktop.paint('#d02040');
  const accounts = { [USER]: PASSWORD };
  const first = await desktop.serve({ security: 'nla', accounts });
  const session = await start(
    { hosts: [at(first.port)], certificate: { pins: [pin] } },
    { secret: PASSWORD },
  );
  await show(session);
  await expectColour([0xd0, 0x20, 0x40]);
  await first.stop();
  desktop.paint('#2080d0');
  await desktop.serve({ security: 'nla', accounts, port: first.port });
  await expect.poll(() => near([0x20, 0x80, 0xd0])(colour()), { timeout: 60_000 }).toBe(true);
});

test('a gateway is asked where the entry names one, and never before its certificate is right', async () => {
  const key = join(folder, 'gateway.key');
  const certificate = join(folder, 'gateway.pem');
  const subject = ['-subj', '/CN=rdg.lab.invalid', '-keyout', key, '-out', certificate];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...subject], {
    stdio: 'ignore',
  });
  const [keyText, text] = [readFileSync(key, 'utf8'), readFileSync(certificate, 'utf8')];
  const asked: string[] = [];
  const gateway = createTlsServer({ key: keyText, cert: text }, (socket) => {
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      asked.push(chunk.toString('latin1'));
      socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n');
    });
  }).listen(0, '127.0.0.1');
  await once(gateway, 'listening');
  const address = gateway.address();
  const port = address !== null && typeof address === 'object' ? address.port : 0;
  const target = (gatewayPin: string) => ({
    hosts: [{ host: 'behind.lab.invalid' }],
    certificate: { pins: [pin] },
    gateway: { host: '127.0.0.1', port, pins: [gatewayPin] },
  });
  await expect(start(target(pin), { secret: PASSWORD })).rejects.toMatchObject({
    code: 'REMOTE_CERTIFICATE_CHANGED',
  });
  expect(asked).toEqual([]);
  const { fingerprint256 } = new X509Certificate(text);
  await expect(
    start(target(fingerprint256.replaceAll(':', '')), { secret: PASSWORD }),
  ).rejects.toMatchObject({ code: expect.stringMatching(/^REMOTE_/) });
  expect(asked[0]).toMatch(
    /^(RDG_OUT_DATA|RPC_IN_DATA|RPC_OUT_DATA|GET) \/(remoteDesktopGateway|rpc)\//,
  );
  expect(asked.join()).not.toContain(PASSWORD);
  gateway.close();
});
