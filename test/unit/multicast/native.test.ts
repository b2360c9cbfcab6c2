import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Assembly } from '../../../main/images/multicast/assembly.ts';
import { Demand } from '../../../main/images/multicast/demand.ts';
import { Group } from '../../../main/images/multicast/group.ts';
import { offersOf } from '../../../main/images/multicast/offers.ts';
import {
  allPackets,
  encodeAnnouncement,
  encodeDataHeader,
  encodeReceiverPacket,
  hasPacket,
  PAYLOAD,
  packetsOf,
  parseReceiverPacket,
  parseSenderPacket,
} from '../../../main/images/multicast/packets.ts';
import { silentLogger } from '../../../main/log/logger.ts';

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });

test('packets come back as they were encoded', () => {
  const loss = fc.record({ chunk: u32, lo: u32, hi: u32 });
  fc.assert(
    fc.property(u32, u32, fc.array(loss, { maxLength: 110 }), (session, seen, losses) => {
      const message = { type: 'nack', session, seen, loss: seen % 10_001, losses } as const;
      expect(parseReceiverPacket(encodeReceiverPacket(message))).toEqual(message);
    }),
  );
  const run = fc.record({ first: u32, count: u32 });
  fc.assert(
    fc.property(u32, u32, fc.array(run, { maxLength: 170 }), (session, part, runs) => {
      const message = { type: 'need', session, part, runs } as const;
      expect(parseReceiverPacket(encodeReceiverPacket(message))).toEqual(message);
    }),
  );
  const announcement = {
    ...{ session: 7, root: 'ab'.repeat(32), controlPort: 4711, receivers: 3 },
    ...{ lastSequence: 0xffff_fff0, drained: true, ended: false },
  };
  expect(parseSenderPacket(encodeAnnouncement(announcement))).toEqual({
    type: 'announce',
    ...announcement,
  });
  const header = { session: 1, sequence: 2, chunk: 3, packet: 45, repair: true };
  const payload = Uint8Array.of(1, 2, 3);
  expect(parseSenderPacket(Buffer.concat([encodeDataHeader(header), payload]))).toMatchObject(
    header,
  );
});

test('any bytes are a packet within bounds, or none', () => {
  const ours = fc
    .tuple(fc.integer({ min: 0, max: 9 }), fc.uint8Array({ maxLength: 1500 }))
    .map(([type, rest]) => Buffer.concat([Buffer.from([0x56, 0x4d, 1, type]), rest]));
  fc.assert(
    fc.property(fc.oneof(ours, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      const packet = parseSenderPacket(bytes);
      if (packet?.type === 'data') {
        expect(packet.packet).toBeLessThan(64);
        expect(packet.payload.length).toBeLessThanOrEqual(PAYLOAD);
      }
      parseReceiverPacket(bytes);
    }),
    { numRuns: 2000 },
  );
});

/** A sender and receivers without a network: packets are lost by chance, time is a counter. */
function simulate(lengths: Uint32Array, receivers: number, loss: number, random: () => number) {
  const demand = new Demand(lengths);
  const every = Uint32Array.from(lengths.keys());
  const contents = Array.from(lengths, (length, chunk) => new Uint8Array(length).fill(chunk + 1));
  const rooms = Array.from({ length: receivers }, () => ({
    assembly: new Assembly(lengths, every, random),
    seen: 0,
  }));
  for (const { assembly } of rooms) {
    for (const { first, count } of assembly.runs()) demand.need(first, count);
  }
  let sequence = 0;
  let now = 0;
  for (let rounds = 0; rounds < 100_000 && rooms.some((one) => one.assembly.wanted > 0); rounds++) {
    now++;
    const due = demand.next();
    if (!due) {
      // The announcement that everything was sent is lost sometimes, too.
      for (const one of rooms) {
        if (random() < loss) continue;
        one.seen = sequence;
        one.assembly.drained(now);
      }
    } else {
      for (let packet = 0; packet < packetsOf(lengths[due.chunk] ?? 0); packet++) {
        if (!hasPacket(due, packet)) continue;
        sequence++;
        const payload = contents[due.chunk]?.subarray(packet * PAYLOAD, (packet + 1) * PAYLOAD);
        for (const one of rooms) {
          if (!payload || random() < loss) continue;
          one.seen = sequence;
          const chunk = one.assembly.add(due.chunk, packet, payload);
          if (!due.repair) one.assembly.passed(due.chunk, now);
          if (!chunk) continue;
          expect(Buffer.from(chunk).equals(contents[due.chunk] ?? chunk)).toBe(true);
          one.assembly.settle(due.chunk);
        }
      }
      demand.sent(due, sequence);
    }
    for (const { assembly, seen } of rooms) {
      for (const one of assembly.losses(now)) demand.lost(one, seen, true);
    }
  }
  return { complete: rooms.every((one) => one.assembly.wanted === 0), sequence };
}

test('every receiver gets every chunk, whatever is lost', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 65_536 }), { minLength: 1, maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.constantFrom(0, 0.05, 0.5),
      fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
      (lengths, receivers, loss, stream) => {
        // The stream shrinks to zeros; a generator seeded by it keeps chance in every case.
        let state = Math.floor(stream.next().value * 2 ** 31) + 1;
        const random = (): number => {
          state = (state * 48_271) % 2_147_483_647;
          return state / 2_147_483_647;
        };
        expect(simulate(Uint32Array.from(lengths), receivers, loss, random).complete).toBe(true);
      },
    ),
    { numRuns: 60 },
  );
});

test('without loss each packet is sent once', () => {
  const lengths = Uint32Array.from({ length: 50 }, () => 65_536);
  expect(simulate(lengths, 3, 0, () => 0.5)).toEqual({ complete: true, sequence: 50 * 46 });
});

test('a loss that was repaired after the receiver spoke is not repaired twice', () => {
  const demand = new Demand(Uint32Array.of(65_536));
  demand.lost({ chunk: 0, lo: 0b11, hi: 0 }, 10, true);
  const due = demand.next();
  expect(due).toMatchObject({ chunk: 0, lo: 0b11, repair: true });
  if (due) demand.sent(due, 12);
  demand.lost({ chunk: 0, lo: 0b110, hi: 0 }, 11, true);
  expect(demand.next()).toMatchObject({ lo: 0b100 });
  demand.lost({ chunk: 0, lo: 0b01, hi: 0 }, 12, true);
  expect(demand.next()).toMatchObject({ lo: 0b01 });
  // Nonsense from outside asks for nothing.
  demand.lost({ chunk: 7, lo: 1, hi: 1 }, 99, true);
  demand.lost({ chunk: 0, lo: 0, hi: 0x8000_0000 }, 99, true);
  demand.need(5, 0xffff_ffff);
  expect(demand.drained).toBe(true);
});

test('the packets of a chunk', () => {
  expect(allPackets(1)).toEqual({ lo: 1, hi: 0 });
  expect(allPackets(32 * PAYLOAD)).toEqual({ lo: 0xffff_ffff, hi: 0 });
  expect(allPackets(32 * PAYLOAD + 1)).toEqual({ lo: 0xffff_ffff, hi: 1 });
  expect(packetsOf(65_536)).toBe(46);
});

test('a laggard is dropped, a room that is overrun slows the sender', () => {
  const group = new Group({ maxRate: 1000, minRate: 100 });
  const members = ['a', 'b', 'c'].map((name) => group.heard(name, 1, 0));
  const [laggard] = members;
  if (!laggard) throw new Error('no member');
  laggard.loss = 0.5;
  expect(group.isLaggard(laggard, 0)).toBe(true);
  const dropped = Array.from({ length: 6 }, () => group.adjust(0)).flat();
  expect(dropped).toEqual([laggard]);
  expect(group.rate).toBe(1000);
  for (const member of members) member.loss = 0.3;
  for (let count = 0; count < 50; count++) expect(group.adjust(0)).toEqual([]);
  expect(group.rate).toBe(100);
  for (const member of members) member.loss = 0.05;
  for (let count = 0; count < 100; count++) group.adjust(0);
  expect(group.rate).toBe(1000);
});

test('offers: what is not understood is left out, the order stays', () => {
  const ref = {
    ...{ id: 'lab', version: '1', urls: ['x'] },
    manifest: { url: 'm', size: 1, sha256: 'a'.repeat(64) },
    multicast: [
      { type: 'multicast', group: '239.1.2.3', port: 9100 },
      { type: 'pigeon' },
      { type: 'udpcast', portbase: 9001 },
      { type: 'udpcast' },
      { type: 'multicast', group: '10.0.0.1', port: 9100 },
    ],
  };
  expect(offersOf(ref, silentLogger).map(({ type }) => type)).toEqual(['multicast', 'udpcast']);
  expect(offersOf({ ...ref, multicast: undefined }, silentLogger)).toEqual([]);
});
