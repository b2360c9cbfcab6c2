import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { silentLogger } from '../../../main/log/logger.ts';
import { createSpiceBridge, type SpiceBridge } from '../../../main/sessions/spice/bridge.ts';
import { buildLinkMessage, CHANNEL } from '../../../main/sessions/spice/link.ts';
import { parseAddress } from '../../../renderer/display/address.ts';
import { type FakeSpiceServer, startFakeSpiceServer } from '../../support/spice-server.ts';

const UI = 'https://ui.invalid';
const DISPLAY = 'https://display.invalid';
const PASSWORD = 'the real ticket';

let folder: string;
let path: string;
let bridge: SpiceBridge;
let server: FakeSpiceServer | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-bridge-'));
  path = join(folder, 'spice.sock');
  bridge = createSpiceBridge({
    log: silentLogger,
    displayOrigin: DISPLAY,
    uiOrigin: UI,
    returnChord: 'Ctrl+Alt+Home',
  });
});

afterEach(async () => {
  await bridge.end();
  await server?.close();
  server = undefined;
  await rm(folder, { recursive: true, force: true });
});

/** A client that logs in like the page: with a ticket that holds nothing. */
class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  readonly texts: string[] = [];
  bytes = 0;
  #chunks: Buffer[] = [];
  #arrived: () => void = () => {};

  constructor(url: string, origin = DISPLAY, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(url, 'binary', { origin, headers });
    this.socket.on('message', (data: Buffer, binary) => {
      if (binary) {
        this.bytes += data.length;
        this.#chunks.push(data);
      } else this.texts.push(data.toString());
      this.#arrived();
    });
    this.socket.on('error', () => {});
    this.closed = new Promise((resolve) =>
      this.socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
    );
  }

  async logIn(type: number, connectionId: number): Promise<number> {
    await once(this.socket, 'open');
    this.socket.send(buildLinkMessage({ connectionId, channelType: type, channelId: 0 }));
    await this.read(16 + 182);
    this.socket.send(Buffer.alloc(132, 0xaa));
    return (await this.read(4)).readUInt32LE(0);
  }

  async read(length: number): Promise<Buffer> {
    for (;;) {
      const all = Buffer.concat(this.#chunks);
      if (all.length >= length) {
        this.#chunks = [all.subarray(length)];
        return all.subarray(0, length);
      }
      const gone = await Promise.race([
        this.closed.then(() => true),
        new Promise<false>((resolve) => {
          this.#arrived = () => resolve(false);
        }),
      ]);
      if (gone && Buffer.concat(this.#chunks).length < length) throw new Error('closed');
    }
  }

  tokens(): string[] {
    return JSON.parse(this.texts[0] ?? '{}').channels;
  }
}

async function address(session = 'one') {
  const display = await bridge.open(session, { type: 'spice-socket', path, password: PASSWORD });
  const parsed = parseAddress(display.frameUrl);
  if (!parsed) throw new Error(`not an address: ${display.frameUrl}`);
  return parsed;
}

test('the address keeps its token out of the request', async () => {
  const { frameUrl } = await bridge.open('one', { type: 'spice-socket', path, password: PASSWORD });
  expect(new URL(frameUrl).origin).toBe(DISPLAY);
  expect(new URL(frameUrl).search).toBe('');
  expect(frameUrl).not.toContain(PASSWORD);
});

test('a frame logs in with all its channels, and its own ticket counts for nothing', async () => {
  const types: number[] = [];
  server = await startFakeSpiceServer({ path }, PASSWORD, (_socket, type) => types.push(type));
  const where = await address();
  const main = new Client(where.url);
  expect(await main.logIn(CHANNEL.main, 0)).toBe(0);
  for (const type of [CHANNEL.display, CHANNEL.inputs, CHANNEL.cursor, CHANNEL.playback]) {
    const channel = new Client(where.channel(main.tokens().at(type) ?? ''));
    expect(await channel.logIn(type, 7)).toBe(0);
  }
  expect(types).toEqual([1, 2, 3, 4, 5]);
});

test('a token is good once, and nothing else opens the port', async () => {
  server = await startFakeSpiceServer({ path }, PASSWORD);
  const where = await address();
  const refused = async (client: Client): Promise<void> => {
    expect((await client.closed).code).toBe(1006);
  };
  await refused(new Client(where.url, 'https://evil.invalid'));
  await refused(new Client(where.url, 'null'));
  await refused(new Client(where.url, DISPLAY, { Host: 'evil.invalid' }));
  await refused(new Client(where.channel('A'.repeat(43))));
  await refused(new Client(where.channel('x')));
  const withoutProtocol = new WebSocket(where.url, { origin: DISPLAY });
  withoutProtocol.on('error', () => {});
  await new Promise((resolve) => withoutProtocol.once('close', resolve));

  // None of these spent the token.
  const main = new Client(where.url);
  expect(await main.logIn(CHANNEL.main, 0)).toBe(0);
  await refused(new Client(where.url));

  const [token = ''] = main.tokens();
  const channel = new Client(where.channel(token));
  expect(await channel.logIn(CHANNEL.inputs, 7)).toBe(0);
  await refused(new Client(where.channel(token)));
  expect(server.counts.accepted).toBe(2);
});

test('a token opens only the channels that it is for', async () => {
  server = await startFakeSpiceServer({ path }, PASSWORD);
  const first = await address();
  const wrong = new Client(first.url);
  await expect(wrong.logIn(CHANNEL.display, 7)).rejects.toThrow();
  expect((await wrong.closed).reason).toBe('DISPLAY_TOKEN_REFUSED');

  const second = await address();
  const main = new Client(second.url);
  await main.logIn(CHANNEL.main, 0);
  const [first1 = '', second1 = ''] = main.tokens();
  const another = new Client(second.channel(first1));
  await expect(another.logIn(CHANNEL.main, 0)).rejects.toThrow();
  const usb = new Client(second.channel(second1));
  await expect(usb.logIn(9, 7)).rejects.toThrow();
  expect(server.counts.accepted).toBe(1);
});

test('tokens of further channels die with the main one', async () => {
  server = await startFakeSpiceServer({ path }, PASSWORD);
  const where = await address();
  const main = new Client(where.url);
  await main.logIn(CHANNEL.main, 0);
  const [used = '', unused = ''] = main.tokens();
  const channel = new Client(where.channel(used));
  await channel.logIn(CHANNEL.inputs, 7);
  main.socket.close();
  await channel.closed;
  expect((await new Client(where.channel(unused)).closed).code).toBe(1006);
});

test('800 logins, none refused', { timeout: 300_000 }, async () => {
  server = await startFakeSpiceServer({ path }, PASSWORD, (socket) => socket.end());
  for (let batch = 0; batch < 16; batch++) {
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const client = new Client((await address(`s${index}`)).url);
        await client.logIn(CHANNEL.main, 0);
        await client.closed;
      }),
    );
  }
  expect(server.counts).toEqual({ accepted: 800, refused: 0 });
});

test('a wrong ticket closes with its reason, and the page never sees it', async () => {
  server = await startFakeSpiceServer({ path }, 'another ticket');
  const lost: string[] = [];
  const url = await bridge.address(
    'one',
    { endpoint: { type: 'unix', path }, password: PASSWORD },
    { lost: (error) => lost.push(error.code) },
  );
  const client = new Client(parseAddress(url)?.url ?? '');
  await expect(client.logIn(CHANNEL.main, 0)).rejects.toThrow();
  expect(await client.closed).toEqual({ code: 4000, reason: 'REMOTE_CREDENTIALS_WRONG' });
  expect(lost).toEqual(['REMOTE_CREDENTIALS_WRONG']);
});

test('a machine that is gone, and one that does not speak SPICE', async () => {
  const gone = new Client((await address()).url);
  expect((await gone.closed).reason).toBe('DISPLAY_UNAVAILABLE');
  const http = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  http.listen({ path });
  await once(http, 'listening');
  const client = new Client((await address()).url);
  await expect(client.logIn(CHANNEL.main, 0)).rejects.toThrow();
  expect((await client.closed).reason).toBe('REMOTE_NEGOTIATION_FAILED');
  http.close();
});

test('every channel closes with the reason of the one that broke', async () => {
  const sockets: Socket[] = [];
  server = await startFakeSpiceServer({ path }, PASSWORD, (socket) => sockets.push(socket));
  const where = await address();
  const main = new Client(where.url);
  await main.logIn(CHANNEL.main, 0);
  const channel = new Client(where.channel(main.tokens()[0] ?? ''));
  await channel.logIn(CHANNEL.inputs, 7);
  sockets[0]?.destroy();
  expect(await main.closed).toEqual({ code: 4000, reason: 'REMOTE_LOST' });
  expect(await channel.closed).toEqual({ code: 4000, reason: 'REMOTE_LOST' });
});

test('the session’s end closes its channels and revokes its tokens, and no other session’s', async () => {
  const sockets: Socket[] = [];
  server = await startFakeSpiceServer({ path }, PASSWORD, (socket) => sockets.push(socket));
  const [one, two, later] = [await address('one'), await address('two'), await address('one')];
  const first = new Client(one.url);
  await first.logIn(CHANNEL.main, 0);
  const second = new Client(two.url);
  await second.logIn(CHANNEL.main, 0);
  bridge.close('one');
  expect(await first.closed).toEqual({ code: 4000, reason: '' });
  expect((await new Client(later.url).closed).code).toBe(1006);
  sockets[1]?.write('still here');
  expect((await second.read(10)).toString()).toBe('still here');
});

test('a new frame of the same session takes over', async () => {
  server = await startFakeSpiceServer({ path }, PASSWORD);
  const [one, two] = [await address(), await address()];
  const first = new Client(one.url);
  await first.logIn(CHANNEL.main, 0);
  const second = new Client(two.url);
  await second.logIn(CHANNEL.main, 0);
  expect(await first.closed).toEqual({ code: 4000, reason: '' });
  expect(second.socket.readyState).toBe(WebSocket.OPEN);
});

const FLOOD = 64 * 1024 * 1024;
const BOUND = 16 * 1024 * 1024;

test('a page that does not read stops the server, and loses nothing', async () => {
  let written = 0;
  server = await startFakeSpiceServer({ path }, PASSWORD, (socket) => {
    const chunk = Buffer.alloc(64 * 1024, 1);
    const write = (): void => {
      while (written < FLOOD) {
        written += chunk.length;
        if (!socket.write(chunk)) {
          socket.once('drain', write);
          return;
        }
      }
    };
    write();
  });
  const client = new Client((await address()).url);
  await client.logIn(CHANNEL.main, 0);
  client.socket.pause();
  await settled(() => written);
  expect(written).toBeLessThan(client.bytes + BOUND);
  client.socket.resume();
  await expect.poll(() => client.bytes).toBeGreaterThanOrEqual(FLOOD);
});

test('a server that does not read stops the page, and loses nothing', async () => {
  let received = 0;
  let resume: () => void = () => {};
  server = await startFakeSpiceServer({ path }, PASSWORD, (socket) => {
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.pause();
    resume = () => socket.resume();
  });
  const client = new Client((await address()).url);
  await client.logIn(CHANNEL.main, 0);
  const chunk = Buffer.alloc(64 * 1024, 1);
  for (let sent = 0; sent < FLOOD; sent += chunk.length) client.socket.send(chunk);
  await settled(() => client.socket.bufferedAmount);
  expect(client.socket.bufferedAmount).toBeGreaterThan(FLOOD - BOUND);
  resume();
  await expect.poll(() => received).toBe(FLOOD);
});

/** Until a number has stood still for a while. */
async function settled(read: () => number): Promise<void> {
  let last = -1;
  for (let same = 0; same < 5; ) {
    await sleep(50);
    same = read() === last ? same + 1 : 0;
    last = read();
  }
}
