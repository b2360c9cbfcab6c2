import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
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
