import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createFastLane, type FastLane } from '../../../main/uicache/fast-lane.ts';
import { bundleOf } from '../../support/ui-bundle.ts';

const CONTENT = 'the whole content';
const bundle = bundleOf('1', { 'index.html': CONTENT, 'a b/é.js': CONTENT });
const file = (index: number) => bundle.files[index] ?? bundle.files[0] ?? expect.unreachable();

let server: Server;
let url: string;
let answer: (response: ServerResponse) => void;
let asked: { path: string | undefined; connection: number | undefined }[];
let lane: FastLane;
let handedOn: number;

beforeEach(async () => {
  asked = [];
  handedOn = 0;
  answer = (response) => response.end(CONTENT);
  server = createServer((request, response) => {
    asked.push({ path: request.url, connection: request.socket.remotePort });
    answer(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/campus`;
  lane = createFastLane({
    server: () => url,
    userAgent: 'test',
    patienceMs: 500,
    connections: 2,
    otherwise: async () => {
      handedOn++;
      return Buffer.from('from the general client');
    },
  });
});
afterEach(async () => {
  await lane.close();
  server.closeAllConnections();
  server.close();
});

const bring = async (index = 0): Promise<string> => {
  const answered = lane.fetchFile(file(index), bundle, { signal: AbortSignal.timeout(20_000) });
  if (Symbol.asyncIterator in answered) throw new Error('not whole');
  return Buffer.from(await answered).toString('utf8');
};

test('files come from beside the manifest, many over few connections', async () => {
  expect(await Promise.all(Array.from({ length: 20 }, () => bring()))).toEqual(
    Array(20).fill(CONTENT),
  );
  expect(new Set(asked.map(({ path }) => path))).toEqual(new Set(['/campus/ui/1/index.html']));
  expect(new Set(asked.map(({ connection }) => connection)).size).toBeLessThanOrEqual(2);
  expect(await bring(1)).toBe(CONTENT);
  expect(asked.at(-1)?.path).toBe('/campus/ui/1/a%20b/%C3%A9.js');
  expect(handedOn).toBe(0);
});

test.each<[string, (response: ServerResponse) => void]>([
  ['an error', (response) => response.writeHead(500).end(CONTENT)],
  ['a redirect', (response) => response.writeHead(302, { location: 'http://evil.example/' }).end()],
  [
    'a compressed answer',
    (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(CONTENT)),
  ],
  ['too much', (response) => response.end(CONTENT.repeat(1000))],
  ['too little', (response) => response.end('the')],
  ['a broken connection', (response) => response.destroy()],
  ['half of it and silence', (response) => response.write('the whole')],
  ['silence', () => {}],
  [
    'a drip',
    (response) => {
      const timer = setInterval(() => response.write('x'), 100);
      response.once('close', () => clearInterval(timer));
    },
  ],
])('%s is handed on to the general client', async (_, fault) => {
  answer = fault;
  expect(await bring()).toBe('from the general client');
  expect(handedOn).toBe(1);
});

test('a caller that gives up is not handed on', async () => {
  answer = () => {};
  const abort = new AbortController();
  const answered = lane.fetchFile(file(0), bundle, { signal: abort.signal });
  setTimeout(() => abort.abort(), 50);
  await expect(answered).rejects.toMatchObject({ name: 'AbortError' });
  expect(handedOn).toBe(0);
});

/** A server that is given all requests that came together, with the connection's number. */
async function rawServer(
  respond: (socket: Socket, requests: number, connection: number) => void,
): Promise<AsyncDisposable & { connections(): number }> {
  let connections = 0;
  const open = new Set<Socket>();
  const raw = createTcpServer((socket) => {
    const connection = connections++;
    open.add(socket);
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      respond(socket, bytes.toString().split('\r\n\r\n').length - 1, connection);
    });
  });
  raw.listen(0, '127.0.0.1');
  await once(raw, 'listening');
  url = `http://127.0.0.1:${(raw.address() as AddressInfo).port}/campus`;
  return {
    connections: () => connections,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      raw.close();
      await once(raw, 'close');
    },
  };
}

const ANSWER = `HTTP/1.1 200 OK\r\ncontent-length: ${CONTENT.length}\r\n\r\n${CONTENT}`;
const many = (count: number): Promise<string[]> =>
  Promise.all(Array.from({ length: count }, () => bring()));

test('requests leave together once a connection is kept, and answers may come in any pieces', async () => {
  let most = 0;
  const turns = new Map<Socket, Promise<void>>();
  const inPieces = async (socket: Socket, text: string): Promise<void> => {
    for (let at = 0; at < text.length; at += 23) {
      socket.write(text.slice(at, at + 23));
      await pause(1);
    }
  };
  await using _raw = await rawServer((socket, requests) => {
    most = Math.max(most, requests);
    const before = turns.get(socket) ?? Promise.resolve();
    turns.set(
      socket,
      before.then(() => inPieces(socket, ANSWER.repeat(requests))),
    );
  });
  expect(await many(20)).toEqual(Array(20).fill(CONTENT));
  expect(most).toBeGreaterThan(1);
  expect(handedOn).toBe(0);
});

test.each([
  ['says so', 'HTTP/1.1 200 OK\r\nconnection: close\r\n'],
  ['says nothing', 'HTTP/1.1 200 OK\r\n'],
])(
  'a server that ends connections in the middle and %s: the rest is asked again',
  async (_, last) => {
    const left = new Map<Socket, number>();
    await using raw = await rawServer((socket, requests) => {
      for (let n = 0; n < requests; n++) {
        const rest = (left.get(socket) ?? 5) - 1;
        left.set(socket, rest);
        if (rest < 0) return;
        socket.write(rest === 0 ? ANSWER.replace('HTTP/1.1 200 OK\r\n', last) : ANSWER);
        if (rest === 0) socket.end();
      }
    });
    expect(await many(40)).toEqual(Array(40).fill(CONTENT));
    expect(raw.connections()).toBeGreaterThanOrEqual(8);
    expect(handedOn).toBe(0);
  },
);

test('one strange answer among many costs only its own file', async () => {
  let answered = 0;
  await using _raw = await rawServer((socket, requests) => {
    for (let n = 0; n < requests; n++) {
      socket.write(
        ++answered === 10 ? 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n' : ANSWER,
      );
    }
  });
  const contents = await many(30);
  expect(contents.filter((content) => content === CONTENT)).toHaveLength(29);
  expect(handedOn).toBe(1);
});
