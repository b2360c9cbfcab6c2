/**
 * Receiving from the stock `udp-sender` in network namespaces: every row of its failure matrix.
 * Whatever the sender and the network do, a version that is not right to the last byte is never
 * published, and the other receivers do not pay for this kiosk's trouble.
 */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageBytes, noise } from '../support/images.ts';
import { Room, udpReceiver, udpSender } from '../support/multicast-room.ts';
import { createNetwork, networkObstacle } from '../support/namespaces.ts';

const obstacle = networkObstacle();
if (obstacle) console.warn(`udpcast in namespaces: skipped, because ${obstacle}`);

const OFFER = { type: 'udpcast', startTimeout: 60, receiveTimeout: 20 } as const;
/** Mbit/s at which a transfer takes so long that what a test does meanwhile comes in time, also on a slow computer. */
const LEISURELY = 8;
const committed = { kind: 'image.committed', current: '1' };

describe.skipIf(obstacle !== undefined)('udpcast', () => {
  let room: Room;
  beforeAll(async () => {
    room = await Room.open();
  });
  afterAll(() => room?.close());

  test.each([
    { kiosks: 1, stock: 0, loss: 0 },
    { kiosks: 2, stock: 0, loss: 0.001 },
    { kiosks: 1, stock: 1, loss: 0.01 },
    { kiosks: 2, stock: 2, loss: 0.05 },
  ])(
    '$kiosks kiosks and $stock stock receivers at a loss of $loss',
    async ({ kiosks, stock, loss }) => {
      await using network = createNetwork(1 + kiosks + stock);
      const [campus, ...others] = network.hosts;
      for (const host of others.slice(0, kiosks)) host.lose(loss);
      const ours = await Promise.all(
        others.slice(0, kiosks).map((host) => room.kiosk(host, [OFFER])),
      );
      const theirs = others.slice(kiosks).map((host, index) => ({
        file: join(room.folder, `stock-${index}`),
        process: udpReceiver(host, join(room.folder, `stock-${index}`)),
      }));
      udpSender(at(campus), { file: room.image, receivers: others.length });
      // A stock receiver asks once: where that is lost, the sender waits for it in vain.
      for (const [index, { process }] of theirs.entries()) {
        await process.said(/Listening to multicast/);
        at(others[kiosks + index]).lose(loss);
      }
      for (const kiosk of ours) {
        const outcome = await kiosk.outcome();
        expect(outcome).toMatchObject(committed);
        expect(outcome.transports).toMatchObject([{ transport: 'udpcast', mismatches: 0 }]);
      }
      for (const { file, process } of theirs) {
        await process.exited;
        expect((await readFile(file)).equals(room.bytes)).toBe(true);
      }
    },
  );

  test('streams of 0, 1, 1455, 1456, 1457 and 400,000 bytes', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    await Promise.all(
      [1, 1455, 1456, 1457, 400_000, 0].map(async (size, index) => {
        const small = await Room.open(noise(Math.max(1, size), `${size}`));
        try {
          const portbase = 9000 + 2 * index;
          const kiosk = await small.kiosk(at(host), [{ ...OFFER, portbase }]);
          if (size === 0) await truncate(small.image, 0);
          udpSender(at(campus), { file: small.image, portbase });
          expect(await kiosk.outcome()).toMatchObject(
            size > 0
              ? { ...committed, transports: [{ bytes: size }] }
              : { current: null, last: 'IMAGE_NOT_STARTED' },
          );
        } finally {
          await small.close();
        }
      }),
    );
  });

  test('streams that lzip, zstd, xz and gzip compressed, and the file of packed chunks', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    await Promise.all(
      ['lzip', 'zstd', 'xz', 'gzip', 'packed'].map(async (how, index) => {
        const portbase = 9000 + 2 * index;
        const content = how === 'packed' ? 'packed' : 'image';
        const kiosk = await room.kiosk(at(host), [{ ...OFFER, portbase, content }]);
        udpSender(at(campus), {
          portbase,
          ...(how === 'packed'
            ? { file: room.packed.chunksPath }
            : { file: room.image, more: ['--pipe', `${how} -1 -c`] }),
        });
        expect(await kiosk.outcome()).toMatchObject({
          ...committed,
          transports: [{ transport: 'udpcast', mismatches: 0 }],
        });
      }),
    );
  });

  test('link cut 2 s: recovers', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER]);
    udpSender(at(campus), { file: room.image, mbit: LEISURELY });
    await kiosk.receiving();
    at(host).link(false);
    await sleep(2_000);
    at(host).link(true);
    expect(await kiosk.outcome()).toMatchObject({
      ...committed,
      transports: [{ transport: 'udpcast', failure: null }],
    });
  });

  // The matrix cuts it for 60 s: what counts is that it lasts longer than the sender's patience.
  test('link cut until the sender drops this kiosk: what arrived stays, the rest by HTTP', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const kiosk = await room.kiosk(at(host), [{ ...OFFER, receiveTimeout: 3 }], { http: true });
    const more = ['--retries-until-drop', '10'];
    const sender = udpSender(at(campus), { file: room.image, mbit: LEISURELY, more });
    await kiosk.process.said(/"progress":0\.[2-9]/);
    at(host).link(false);
    await sender.said(/Dropping client/);
    at(host).link(true);
    const outcome = await kiosk.outcome();
    expect(outcome).toMatchObject({
      ...committed,
      transports: [
        { transport: 'udpcast', failure: 'IMAGE_TRANSPORT_FAILED', mismatches: 0 },
        { transport: 'http' },
      ],
    });
    expect(outcome.transports[0]?.chunks).toBeGreaterThan(0);
  });

  test('dropped by the sender, who goes on with the others: completed by HTTP', async () => {
    await using network = createNetwork(3);
    const [campus, host, other] = network.hosts;
    const kiosk = await room.kiosk(at(host), [{ ...OFFER, receiveTimeout: 3 }], { http: true });
    const file = join(room.folder, 'beside-the-dropped');
    const peer = udpReceiver(at(other), file);
    const more = ['--retries-until-drop', '10'];
    const sender = udpSender(at(campus), { file: room.image, receivers: 2, mbit: LEISURELY, more });
    await kiosk.receiving();
    kiosk.process.child.kill('SIGSTOP');
    await sender.said(/Dropping client/);
    expect(await peer.exited).toBe(0);
    expect((await readFile(file)).equals(room.bytes)).toBe(true);
    kiosk.process.child.kill('SIGCONT');
    expect(await kiosk.outcome()).toMatchObject({
      ...committed,
      transports: [{ failure: 'IMAGE_TRANSPORT_FAILED' }, { transport: 'http' }],
    });
  });

  test('receiver SIGTERM: says farewell, the others finish at once', async () => {
    await using network = createNetwork(3);
    const [campus, host, other] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER]);
    const file = join(room.folder, 'peer');
    const peer = udpReceiver(at(other), file);
    const sender = udpSender(at(campus), { file: room.image, receivers: 2, mbit: LEISURELY });
    await kiosk.receiving();
    kiosk.process.child.kill('SIGTERM');
    await kiosk.process.said(/"stopped"/);
    // Without a farewell the sender would write "Timeout notAnswered" for ten seconds, then drop.
    await peer.exited;
    await sender.exited;
    expect(sender.errors()).not.toContain('Dropping client');
    expect(sender.errors()).toContain('Disconnecting');
    expect((await readFile(file)).equals(room.bytes)).toBe(true);
  });

  test('sender SIGKILL: a timeout, nothing published; the next try goes on by HTTP', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const folder = join(room.folder, 'resumed');
    const kiosk = await room.kiosk(at(host), [{ ...OFFER, startTimeout: 15, receiveTimeout: 4 }], {
      folder,
    });
    const sender = udpSender(at(campus), { file: room.image, mbit: LEISURELY });
    await kiosk.receiving();
    await kiosk.process.said(/"progress":0\.[3-9]/);
    sender.child.kill('SIGKILL');
    expect(await kiosk.outcome()).toMatchObject({
      current: null,
      code: 'IMAGE_TRANSPORT_FAILED',
      // It waited for the sender to come back, too.
      last: 'IMAGE_NOT_STARTED',
    });
    const again = await room.kiosk(at(host), [], { folder, http: true });
    const outcome = await again.outcome();
    expect(outcome).toMatchObject({ ...committed, transports: [{ transport: 'http' }] });
    expect(outcome.localBytes).toBeGreaterThan(1_000_000);
  });

  test('sender’s --pipe dies: the short stream is completed by HTTP', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER], { http: true });
    udpSender(at(campus), { file: room.image, more: ['--pipe', 'head -c 3000000'] });
    const outcome = await kiosk.outcome();
    expect(outcome).toMatchObject({
      ...committed,
      transports: [{ transport: 'udpcast', failure: null }, { transport: 'http' }],
    });
    expect(outcome.transports[0]?.chunks).toBeGreaterThan(20);
  });

  test('wrong image: refused early', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const wrong = join(room.folder, 'wrong');
    await writeFile(wrong, noise(room.bytes.length, 'another image'));
    const kiosk = await room.kiosk(at(host), [OFFER]);
    udpSender(at(campus), { file: wrong, mbit: 20 });
    expect(await kiosk.outcome()).toMatchObject({ current: null, last: 'IMAGE_STREAM_WRONG' });
  });

  test('stream of another version: what is equal counts, the rest by HTTP', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const other = join(room.folder, 'other');
    await writeFile(other, imageBytes(128, 777, { 2: 'new', 60: 'new', 61: 'new', 100: 'new' }));
    const kiosk = await room.kiosk(at(host), [OFFER], { http: true });
    udpSender(at(campus), { file: other });
    const outcome = await kiosk.outcome();
    expect(outcome).toMatchObject({
      ...committed,
      transports: [
        { transport: 'udpcast', mismatches: 4 },
        { transport: 'http', chunks: 4 },
      ],
    });
  });

  test('spoofed DATA: bad chunks are fetched again by HTTP', async () => {
    await using network = createNetwork(3);
    const [campus, host, villain] = network.hosts;
    const netns = ['netns', 'exec', at(villain).name, 'ip'];
    execFileSync('ip', [...netns, 'address', 'add', `${at(campus).address}/32`, 'dev', 'lo']);
    const script = fileURLToPath(new URL('../support/forge-udpcast.ts', import.meta.url));
    const forger = at(villain).start(process.execPath, [
      ...[script, at(campus).address, '9000', at(host).address],
    ]);
    await forger.said(/forging/);
    const kiosk = await room.kiosk(at(host), [OFFER], { http: true });
    udpSender(at(campus), { file: room.image, mbit: 50 });
    const outcome = await kiosk.outcome();
    expect(outcome).toMatchObject(committed);
    expect(outcome.transports[0]?.mismatches).toBeGreaterThan(0);
    expect(outcome.transports[1]).toMatchObject({ transport: 'http' });
  });

  test.each(['whichever answers first', 'the one that the offer names'])(
    'two senders on one portbase: the right image, %s',
    async (which) => {
      await using network = createNetwork(3);
      const [campus, stray, host] = network.hosts;
      const wrong = join(room.folder, 'stray');
      await writeFile(wrong, noise(room.bytes.length, 'stray'));
      udpSender(at(stray), { file: wrong });
      udpSender(at(campus), { file: room.image });
      const named = which === 'the one that the offer names';
      const offer = named ? { ...OFFER, sender: at(campus).address } : OFFER;
      const kiosk = await room.kiosk(at(host), [offer], { http: !named });
      expect(await kiosk.outcome()).toMatchObject(committed);
    },
  );

  test('connected, and the sender does not start: not started, then HTTP', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const sender = udpSender(at(campus), { file: room.image, receivers: 2 });
    await sender.said(/UDP sender/i);
    const kiosk = await room.kiosk(at(host), [{ ...OFFER, startTimeout: 10 }], { http: true });
    await sender.said(/New connection/);
    expect(await kiosk.outcome()).toMatchObject({
      ...committed,
      transports: [{ failure: 'IMAGE_NOT_STARTED', chunks: 0 }, { transport: 'http' }],
    });
    // It has left: the sender goes on waiting for two.
    await sender.said(/Disconnecting/);
  });

  test('receiver SIGKILL: the others wait as long as the sender does, then have all of it', async () => {
    await using network = createNetwork(3);
    const [campus, host, dying] = network.hosts;
    const offer = { ...OFFER, receiveTimeout: 60 };
    const kiosk = await room.kiosk(at(host), [offer]);
    const killed = await room.kiosk(at(dying), [offer]);
    const more = ['--retries-until-drop', '10'];
    const sender = udpSender(at(campus), { file: room.image, receivers: 2, mbit: LEISURELY, more });
    await killed.receiving();
    killed.process.child.kill('SIGKILL');
    await sender.said(/Dropping client/);
    expect(await kiosk.outcome()).toMatchObject({
      ...committed,
      transports: [{ transport: 'udpcast', failure: null, mismatches: 0 }],
    });
  });

  test('late joiner: not started for it, HTTP instead; the others are not disturbed', async () => {
    await using network = createNetwork(3);
    const [campus, host, late] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER]);
    udpSender(at(campus), { file: room.image, mbit: LEISURELY });
    await kiosk.receiving();
    const joiner = await room.kiosk(at(late), [{ ...OFFER, startTimeout: 2 }], { http: true });
    expect(await kiosk.outcome()).toMatchObject(committed);
    expect(await joiner.outcome()).toMatchObject({
      ...committed,
      transports: [{ failure: 'IMAGE_NOT_STARTED' }, { transport: 'http' }],
    });
  });

  test('--async --streaming: refused', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER]);
    const more = ['--async', '--streaming', '--fec', '8x8/112', '--rexmit-hello-interval', '200'];
    udpSender(at(campus), { file: room.image, mbit: 20, more });
    expect(await kiosk.outcome()).toMatchObject({ current: null, last: 'IMAGE_TRANSPORT_FAILED' });
  });

  test('ENOSPC: space is checked before, and the group is left alone', async () => {
    await using network = createNetwork(3);
    const [campus, host, other] = network.hosts;
    const folder = join(room.folder, 'small-disk');
    await mkdir(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder]);
    try {
      const kiosk = await room.kiosk(at(host), [OFFER], { folder });
      expect(await kiosk.outcome()).toMatchObject({ current: null, code: 'DISK_FULL' });
    } finally {
      execFileSync('umount', ['--lazy', folder]);
    }
    const peer = udpReceiver(at(other), join(room.folder, 'beside'));
    const sender = udpSender(at(campus), { file: room.image });
    expect(await peer.exited).toBe(0);
    expect(sender.errors().match(/New connection/g)).toHaveLength(1);
  });

  test('ENOSPC in mid-transfer: this kiosk leaves, the others finish; with room again it goes on', async () => {
    await using network = createNetwork(3);
    const [campus, host, other] = network.hosts;
    const folder = join(room.folder, 'filling-disk');
    await mkdir(folder);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', folder]);
    try {
      const kiosk = await room.kiosk(at(host), [OFFER], { folder });
      const file = join(room.folder, 'beside-the-full');
      const peer = udpReceiver(at(other), file);
      const sender = udpSender(at(campus), { file: room.image, receivers: 2, mbit: LEISURELY });
      await kiosk.process.said(/"progress":0\.[2-9]/);
      const filler = join(folder, 'filler');
      expect(() => execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4k'])).toThrow(
        'No space left on device',
      );
      expect(await kiosk.outcome()).toMatchObject({ current: null, code: 'DISK_FULL' });
      expect(await peer.exited).toBe(0);
      await sender.exited;
      expect(sender.errors()).not.toContain('Dropping client');
      expect((await readFile(file)).equals(room.bytes)).toBe(true);
      await rm(filler);
      const again = await room.kiosk(at(host), [], { folder, http: true });
      const outcome = await again.outcome();
      expect(outcome).toMatchObject({ ...committed, transports: [{ transport: 'http' }] });
      expect(outcome.localBytes).toBeGreaterThan(500_000);
    } finally {
      execFileSync('umount', ['--lazy', folder]);
    }
  });

  test('decompressor fails: this kiosk leaves, the others finish, HTTP completes', async () => {
    await using network = createNetwork(3);
    const [campus, host, other] = network.hosts;
    const stream = execFileSync('zstd', ['-1', '-c', room.image], { maxBuffer: 2 ** 26 });
    stream.fill(0xff, stream.length / 2, stream.length / 2 + 4096);
    const damaged = join(room.folder, 'damaged.zst');
    await writeFile(damaged, stream);
    const kiosk = await room.kiosk(at(host), [OFFER], { http: true });
    const file = join(room.folder, 'damaged-received');
    const peer = udpReceiver(at(other), file);
    const sender = udpSender(at(campus), { file: damaged, receivers: 2, mbit: 40 });
    expect(await kiosk.outcome()).toMatchObject({
      ...committed,
      transports: [{ failure: 'IMAGE_STREAM_WRONG' }, { transport: 'http' }],
    });
    await peer.exited;
    await sender.exited;
    expect(sender.errors()).not.toContain('Dropping client');
    expect((await readFile(file)).equals(stream)).toBe(true);
  });

  test('truncated compressed stream: completed by HTTP', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER], { http: true });
    const stream = execFileSync('zstd', ['-1', '-c', room.image], { maxBuffer: 2 ** 26 });
    const truncated = join(room.folder, 'truncated.zst');
    await writeFile(truncated, stream.subarray(0, stream.length / 2));
    udpSender(at(campus), { file: truncated });
    expect(await kiosk.outcome()).toMatchObject({
      ...committed,
      transports: [{ failure: 'IMAGE_STREAM_WRONG' }, { transport: 'http' }],
    });
  });

  test('the stock udp-receiver as fallback; stopped, it says farewell', async () => {
    await using network = createNetwork(3);
    const [campus, host, other] = network.hosts;
    const offer = { ...OFFER, receiver: 'stock' };
    const kiosk = await room.kiosk(at(host), [offer]);
    const stopped = await room.kiosk(at(other), [offer]);
    const sender = udpSender(at(campus), { file: room.image, receivers: 2, mbit: LEISURELY });
    await stopped.receiving();
    stopped.process.child.kill('SIGTERM');
    expect(await kiosk.outcome()).toMatchObject(committed);
    await sender.exited;
    expect(sender.errors()).not.toContain('Dropping client');
  });
});

function at<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there are too few hosts');
  return value;
}
