/** Chunks between kiosks: what is served, to whom, and what becomes of wrong chunks and absent peers. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../../main/base/clock.ts';
import { CHUNK_SIZE } from '../../../main/images/manifest.ts';
import { Pace } from '../../../main/images/pace.ts';
import { encodePeerPacket, parsePeerPacket } from '../../../main/images/peers/peer-packets.ts';
import { PeerServer, type PeerServerOptions } from '../../../main/images/peers/peer-server.ts';
import { createPeerTransport } from '../../../main/images/peers/peer-transport.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { httpPort, imageBytes, packBytes, scratchFolder } from '../../support/images.ts';
import { MemorySink } from '../../support/memory-sink.ts';

async function peer(path: string, more: Partial<PeerServerOptions> = {}) {
  const bytes = imageBytes(20, 99);
  const { manifest } = await packBytes(path, bytes, { id: 'lab', version: '1' });
  const image = join(path, 'lab-1.img');
  const used = { now: 0 };
  const damaged: string[] = [];
  const server = await PeerServer.start({
    port: 0,
    allows: () => true,
    has: (root) => root === manifest.root,
    async open() {
      used.now++;
      return { path: image, manifest, release: () => used.now-- };
    },
    damaged: (root) => void damaged.push(root),
    pace: new Pace(systemClock),
    log: silentLogger,
    ...more,
  });
  return {
    ...{ bytes, manifest, image, used, damaged, server },
    url: `http://127.0.0.1:${server.port}/${manifest.root}`,
    [Symbol.asyncDispose]: () => server.close(),
  };
}

async function ask(
  url: string,
  range?: string,
): Promise<{ status: number; body: Buffer; whole: boolean }> {
  return new Promise((resolve, reject) => {
    get(url, { headers: range === undefined ? {} : { range } }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', () => {});
      response.on('close', () => {
        const { statusCode: status = 0, complete: whole } = response;
        resolve({ status, body: Buffer.concat(parts), whole });
      });
    }).on('error', reject);
  });
}

const transfer = {
  signal: new AbortController().signal,
  received: () => {},
  throttle: async () => {},
};

test('a kiosk receives all of an image from another one', async () => {
  await using scratch = await scratchFolder();
  await using one = await peer(scratch.path);
  const sink = new MemorySink(one.manifest);
  const transport = createPeerTransport({ find: async () => [one.url], port: httpPort });
  const report = await transport.transfer(sink, transfer);
  expect(sink.bytes().equals(one.bytes)).toBe(true);
  expect(report).toMatchObject({ transport: 'peer', mismatches: 0 });
  expect(one.used.now).toBe(0);
});

test('ranges are served to the byte; what is not asked rightly is refused', async () => {
  await using scratch = await scratchFolder();
  await using one = await peer(scratch.path);
  const from = CHUNK_SIZE - 10;
  expect(await ask(one.url, `bytes=${from}-${from + 19}`)).toEqual({
    status: 206,
    body: one.bytes.subarray(from, from + 20),
    whole: true,
  });
  expect((await ask(one.url)).status).toBe(416);
  expect((await ask(one.url, `bytes=${one.bytes.length}-`)).status).toBe(416);
  expect((await ask(one.url, 'bytes=9-3')).status).toBe(416);
  const base = one.url.slice(0, one.url.lastIndexOf('/'));
  for (const path of ['/', '/../../etc/passwd', `/${'0'.repeat(64)}`, `/${one.manifest.root}/x`]) {
    expect((await ask(`${base}${path}`, 'bytes=0-9')).status).toBe(404);
  }
});

test('a stranger gets nothing, neither an offer nor a byte', async () => {
  await using scratch = await scratchFolder();
  await using one = await peer(scratch.path, { allows: (address) => address !== '127.0.0.1' });
  expect((await ask(one.url, 'bytes=0-9')).status).toBe(403);
  expect(one.used.now).toBe(0);
});

test('a chunk that rotted is not served; it is told, and the next peer brings it', async () => {
  await using scratch = await scratchFolder();
  await using other = await scratchFolder();
  await using bad = await peer(scratch.path);
  await using good = await peer(other.path);
  const rotten = Buffer.from(bad.bytes).fill(7, 9 * CHUNK_SIZE, 9 * CHUNK_SIZE + 1);
  await writeFile(bad.image, rotten);
  const answer = await ask(bad.url, `bytes=${8 * CHUNK_SIZE}-${10 * CHUNK_SIZE - 1}`);
  expect(answer.whole).toBe(false);
  expect(answer.body.length).toBeLessThanOrEqual(CHUNK_SIZE);
  expect(bad.damaged).toEqual([bad.manifest.root]);
  const sink = new MemorySink(good.manifest);
  const urls = [bad.url, good.url];
  await createPeerTransport({ find: async () => urls, port: httpPort }).transfer(sink, transfer);
  expect(sink.bytes().equals(await readFile(good.image))).toBe(true);
});

test('without peers the transport says so at once', async () => {
  await using scratch = await scratchFolder();
  await using one = await peer(scratch.path);
  const transport = createPeerTransport({ find: async () => [], port: httpPort });
  await expect(transport.transfer(new MemorySink(one.manifest), transfer)).rejects.toMatchObject({
    code: 'IMAGE_NOT_STARTED',
  });
});

test('the ceiling for serving is kept', async () => {
  await using scratch = await scratchFolder();
  let time = 0;
  const pace = new Pace({ now: () => time });
  pace.set({ bytesPerSecond: 4 * CHUNK_SIZE, busy: false });
  await using one = await peer(scratch.path, { pace });
  let arrived = false;
  const answer = ask(one.url, `bytes=0-${8 * CHUNK_SIZE - 1}`).finally(() => {
    arrived = true;
  });
  // The clock stands still: what is beyond the first burst never comes.
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(arrived).toBe(false);
  time = 60_000;
  const timer = setInterval(() => {
    time += 1_000;
  }, 50);
  expect((await answer).body.equals(one.bytes.subarray(0, 8 * CHUNK_SIZE))).toBe(true);
  clearInterval(timer);
});

test('who asks for a version that is here is offered it', async () => {
  await using scratch = await scratchFolder();
  const offers: number[] = [];
  const asker = createSocket('udp4');
  asker.bind(0, '127.0.0.1');
  await once(asker, 'listening');
  // The ports of TCP and UDP are one number: a free one for both is found by trying.
  const free = createSocket('udp4').bind(0);
  await once(free, 'listening');
  const { port } = free.address();
  free.close();
  await using one = await peer(scratch.path, { port });
  const { root } = one.manifest;
  const nonce = '0011223344556677';
  asker.on('message', (packet) => offers.push(parsePeerPacket(packet)?.port ?? 0));
  const answered = once(asker, 'message');
  for (const packet of [
    Buffer.alloc(49),
    encodePeerPacket({ type: 'ask', nonce, root: '0'.repeat(64), port: 0 }),
    encodePeerPacket({ type: 'offer', nonce, root, port: 5 }),
    encodePeerPacket({ type: 'ask', nonce, root, port: 0 }),
  ]) {
    asker.send(packet, port, '127.0.0.1');
  }
  const [packet] = await answered;
  expect(parsePeerPacket(packet)).toEqual({ type: 'offer', nonce, root, port });
  expect(offers).toEqual([port]);
  asker.close();
});

test('packets of peers: any bytes at all are read or left', () => {
  const packet = encodePeerPacket({
    type: 'offer',
    nonce: '0011223344556677',
    root: 'ab'.repeat(32),
    port: 9110,
  });
  expect(parsePeerPacket(packet)).toMatchObject({ type: 'offer', port: 9110 });
  for (let length = 0; length < packet.length; length++) {
    expect(parsePeerPacket(packet.subarray(0, length))).toBeUndefined();
  }
  expect(parsePeerPacket(Buffer.concat([packet, Buffer.of(0)]))).toBeUndefined();
});
