/**
 * The native transport in network namespaces: the campus's sender, kiosks that lose packets, come
 * late, are slow or die, and the others, who must not notice.
 */
import { execFileSync } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { PAYLOAD } from '../../main/images/multicast/packets.ts';
import { imageBytes } from '../support/images.ts';
import { Room } from '../support/multicast-room.ts';
import { createNetwork, type Host, networkObstacle, type Process } from '../support/namespaces.ts';

const obstacle = networkObstacle();
if (obstacle) console.warn(`multicast in namespaces: skipped, because ${obstacle}`);

const OFFER = { type: 'multicast', group: '239.77.0.1', port: 9100, startTimeout: 60 } as const;
/** Mbit/s at which a transfer takes so long that what a test does meanwhile comes in time, also on a slow computer. */
const LEISURELY = 6;
const committed = { kind: 'image.committed', current: '1' };
const Sent = z.object({
  receivers: z.array(z.object({ address: z.string(), state: z.string() })),
  packets: z.number(),
  repairs: z.number(),
});

function send(host: Host | undefined, room: Room, receivers: number, mbit = 100): Process {
  const script = fileURLToPath(new URL('../support/multicast-send.ts', import.meta.url));
  const config = {
    ...{ manifest: room.packed.manifestPath, file: room.packed.chunksPath },
    ...{ group: OFFER.group, port: OFFER.port, mbit, receivers },
  };
  return at(host).start(process.execPath, [script, JSON.stringify(config)]);
}

async function sent(sender: Process): Promise<z.infer<typeof Sent>> {
  const [line] = await sender.said(/^\{"event":"sent".*$/m);
  return Sent.parse(JSON.parse(line));
}

function at<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there are too few hosts');
  return value;
}

/** Data packets that the image takes without any loss. */
function fewest({ packed: { manifest } }: Room): number {
  let packets = 0;
  for (let index = 0; index < manifest.chunks; index++) {
    packets += Math.ceil(manifest.stored(index).length / PAYLOAD);
  }
  return packets;
}

describe.skipIf(obstacle !== undefined)('multicast', () => {
  let room: Room;
  beforeAll(async () => {
    room = await Room.open();
  });
  afterAll(() => room?.close());

  test.each([
    { loss: 0, receivers: 1, goal: 1 },
    { loss: 0.001, receivers: 2, goal: 1.03 },
    { loss: 0.01, receivers: 4, goal: 1.1 },
    { loss: 0.05, receivers: 4, goal: 1.3 },
  ])('$receivers receivers at a loss of $loss: at most $goal of the packets', async (row) => {
    await using network = createNetwork(1 + row.receivers);
    const [campus, ...hosts] = network.hosts;
    for (const host of hosts) host.lose(row.loss);
    const kiosks = await Promise.all(hosts.map((host) => room.kiosk(host, [OFFER])));
    // Slow enough for the receive buffer to bridge a pause of the computer: it counts as a loss.
    const sender = send(campus, room, row.receivers, 25);
    for (const kiosk of kiosks) {
      const outcome = await kiosk.outcome();
      expect(outcome).toMatchObject(committed);
      expect(outcome.transports).toMatchObject([{ transport: 'multicast', mismatches: 0 }]);
    }
    const report = await sent(sender);
    expect(report.receivers.map(({ state }) => state)).toEqual(hosts.map(() => 'done'));
    expect(report.packets / fewest(room)).toBeLessThanOrEqual(row.goal);
  });

  test('late joiner: gets all of it, and costs at most what it missed', async () => {
    await using network = createNetwork(3);
    const [campus, host, late] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER]);
    const sender = send(campus, room, 1, LEISURELY);
    await kiosk.receiving();
    const joiner = await room.kiosk(at(late), [OFFER]);
    expect(await kiosk.outcome()).toMatchObject(committed);
    expect(await joiner.outcome()).toMatchObject({
      ...committed,
      transports: [{ transport: 'multicast', failure: null }],
    });
    expect((await sent(sender)).packets).toBeLessThan(2 * fewest(room));
  });

  test('receiver killed: the other and the sender go on', async () => {
    await using network = createNetwork(3);
    const [campus, host, dying] = network.hosts;
    const kiosk = await room.kiosk(at(host), [OFFER]);
    const killed = await room.kiosk(at(dying), [OFFER]);
    const sender = send(campus, room, 2, LEISURELY);
    await killed.receiving();
    killed.process.child.kill('SIGKILL');
    expect(await kiosk.outcome()).toMatchObject({ ...committed, transports: [{ failure: null }] });
    const report = await sent(sender);
    expect(report.receivers.map(({ state }) => state).sort()).toEqual(['done', 'silent']);
    expect(report.packets).toBe(fewest(room) + report.repairs);
  });

  test('laggard: dropped to HTTP, the other loses nothing', async () => {
    await using network = createNetwork(3);
    const [campus, host, slow] = network.hosts;
    at(slow).slow(8);
    const kiosk = await room.kiosk(at(host), [OFFER]);
    const laggard = await room.kiosk(at(slow), [OFFER], { http: true });
    const sender = send(campus, room, 2, 25);
    expect(await kiosk.outcome()).toMatchObject({ ...committed, transports: [{ failure: null }] });
    expect(await laggard.outcome()).toMatchObject({
      ...committed,
      transports: [{ failure: 'IMAGE_TRANSPORT_FAILED' }, { transport: 'http' }],
    });
    const { receivers } = await sent(sender);
    expect(receivers.find(({ address }) => address === at(slow).address)?.state).toBe('dropped');
  });

  test('sender SIGKILL: what arrived stays; link cut meanwhile; the next sender completes it', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const folder = join(room.folder, 'resumed');
    const offer = { ...OFFER, startTimeout: 15, receiveTimeout: 6 };
    const kiosk = await room.kiosk(at(host), [offer], { folder });
    const first = send(campus, room, 1, LEISURELY);
    await kiosk.process.said(/"progress":0\.[3-9]/);
    at(host).link(false);
    await sleep(1_000);
    at(host).link(true);
    await kiosk.process.said(/"progress":0\.[4-9]/);
    first.child.kill('SIGKILL');
    expect(await kiosk.outcome()).toMatchObject({ current: null, code: 'IMAGE_TRANSPORT_FAILED' });
    const again = await room.kiosk(at(host), [OFFER], { folder });
    const sender = send(campus, room, 1);
    const outcome = await again.outcome();
    expect(outcome).toMatchObject(committed);
    expect(outcome.localBytes).toBeGreaterThan(2_000_000);
    expect((await sent(sender)).packets).toBeLessThan(0.8 * fewest(room));
  });

  test('delta: only what the last version lacks is sent', async () => {
    await using network = createNetwork(2);
    const [campus, host] = network.hosts;
    const folder = join(room.folder, 'delta');
    const kiosk = await room.kiosk(at(host), [], { folder, http: true });
    expect(await kiosk.outcome()).toMatchObject(committed);
    const changed = imageBytes(128, 777, { 2: 'new', 60: 'new', 61: 'new', 100: 'new' });
    const next = await Room.open(changed, '2');
    try {
      const update = await next.kiosk(at(host), [OFFER], { folder });
      const sender = send(campus, next, 1);
      expect(await update.outcome()).toMatchObject({
        current: '2',
        transports: [{ transport: 'multicast', chunks: 4 }],
      });
      expect((await sent(sender)).packets).toBe(4 * 46);
    } finally {
      await next.close();
      await rm(folder, { recursive: true });
    }
  });

  test('spoofed packets of the session: bad chunks are fetched again, the image is right', async () => {
    await using network = createNetwork(3);
    const [campus, host, villain] = network.hosts;
    const script = fileURLToPath(new URL('../support/forge-multicast.ts', import.meta.url));
    const forger = at(villain).start(process.execPath, [
      ...[script, OFFER.group, String(OFFER.port), at(villain).address],
    ]);
    await forger.said(/listening/);
    const kiosk = await room.kiosk(at(host), [OFFER], { http: true });
    send(campus, room, 1, LEISURELY);
    const [, address = ''] = await forger.said(/heard (\S+)/);
    const netns = ['netns', 'exec', at(villain).name, 'ip'];
    execFileSync('ip', [...netns, 'address', 'add', `${address}/32`, 'dev', 'lo']);
    await forger.said(/forging/);
    const outcome = await kiosk.outcome();
    expect(outcome).toMatchObject({ ...committed, root: room.packed.manifest.root });
    expect(outcome.transports[0]).toMatchObject({ transport: 'multicast' });
    expect(outcome.transports[0]?.mismatches).toBeGreaterThan(0);
  });

  test('nobody sends: not started, then HTTP', async () => {
    await using network = createNetwork(1);
    const [host] = network.hosts;
    const kiosk = await room.kiosk(at(host), [{ ...OFFER, startTimeout: 1 }], { http: true });
    expect(await kiosk.outcome()).toMatchObject({
      ...committed,
      transports: [{ failure: 'IMAGE_NOT_STARTED' }, { transport: 'http' }],
    });
  });
});
