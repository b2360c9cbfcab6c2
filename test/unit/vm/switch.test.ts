import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { FrameReader, Switch } from '../../../main/sessions/vm/switch.ts';

const folder = mkdtempSync(join(tmpdir(), 'switch-'));
const path = join(folder, 'socket');
let network: Switch | undefined;
afterEach(async () => {
  await network?.close();
  rmSync(path, { force: true });
});

/** A frame as QEMU sends it. */
function packet(to: string, from: string, text = ''): Buffer {
  const frame = Buffer.concat([
    Buffer.from(to + from, 'hex'),
    Buffer.from([0x08, 0x00]),
    Buffer.from(text.padEnd(46)),
  ]);
  const head = Buffer.alloc(4);
  head.writeUInt32BE(frame.length);
  return Buffer.concat([head, frame]);
}
const ALL = 'ffffffffffff';
const A = '525400000001';
const B = '525400000002';

async function plug(): Promise<{ socket: Socket; got: string[]; next(): Promise<unknown> }> {
  const socket = connect(path);
  await once(socket, 'connect');
  const reader = new FrameReader();
  const got: string[] = [];
  socket.on('data', (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) got.push(frame.subarray(18).toString().trim());
    socket.emit('frames');
  });
  return { socket, got, next: () => once(socket, 'frames') };
}

it('floods what it does not know, then sends to the right port only', async () => {
  network = new Switch({ lingerMs: 60_000, onIdle: () => {} });
  await network.listen(path);
  const [a, b, c] = await Promise.all([plug(), plug(), plug()]);
  await expect.poll(() => network?.ports).toBe(3);
  a.socket.write(packet(ALL, A, 'who'));
  await Promise.all([b.next(), c.next()]);
  b.socket.write(packet(A, B, 'me'));
  await a.next();
  a.socket.write(packet(B, A, 'hello'));
  await b.next();
  expect(a.got).toEqual(['me']);
  expect(b.got).toEqual(['who', 'hello']);
  expect(c.got).toEqual(['who']);
});

it('drops a port that is out of step, and keeps the others', async () => {
  network = new Switch({ lingerMs: 60_000, onIdle: () => {} });
  await network.listen(path);
  const [a, b, c] = await Promise.all([plug(), plug(), plug()]);
  await expect.poll(() => network?.ports).toBe(3);
  c.socket.write(Buffer.from([0xff, 0xff, 0xff, 0xff]));
  await once(c.socket, 'close');
  a.socket.write(packet(ALL, A, 'still'));
  await b.next();
  expect(b.got).toEqual(['still']);
});

it('does not wait for a machine that reads nothing', async () => {
  network = new Switch({ lingerMs: 60_000, onIdle: () => {} });
  await network.listen(path);
  const [a, b, stuck] = await Promise.all([plug(), plug(), plug()]);
  await expect.poll(() => network?.ports).toBe(3);
  stuck.socket.pause();
  const big = packet(ALL, A, 'x'.repeat(60_000));
  for (let i = 0; i < 200; i++) a.socket.write(big);
  a.socket.write(packet(ALL, A, 'last'));
  while (b.got.at(-1) !== 'last') await b.next();
  expect(b.got).toHaveLength(201);
});

it('says when nobody is left', async () => {
  const idle = new Promise<void>((resolve) => {
    network = new Switch({ lingerMs: 20, onIdle: resolve });
  });
  await network?.listen(path);
  const a = await plug();
  a.socket.destroy();
  await idle;
});

it('cuts frames out of any stream of bytes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 2000 }), { maxLength: 10 }),
      fc.integer({ min: 1, max: 999 }),
      (texts, cut) => {
        const packets = texts.map((text) => packet(A, B, text));
        const bytes = Buffer.concat(packets);
        const reader = new FrameReader();
        const out: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += cut)
          out.push(...reader.push(bytes.subarray(at, at + cut)));
        expect(Buffer.concat(out)).toEqual(bytes);
        expect(out).toHaveLength(packets.length);
      },
    ),
  );
});
