import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  encodeConnectRequest,
  encodeRetransmit,
  isReady,
  MAX_BLOCK_SIZE,
  MAX_SLICE_BLOCKS,
  parseSenderMessage,
} from '../../../main/images/udpcast/codec.ts';
import { detectCompression } from '../../../main/images/udpcast/decompress.ts';
import { Memory } from '../../../main/images/udpcast/memory.ts';
import { stockArguments } from '../../../main/images/udpcast/receive-stock.ts';
import { SliceWindow } from '../../../main/images/udpcast/slices.ts';

/** As a stock sender (20120424) sent them in a test network. */
const captured = {
  hello: '05000000 00000009 ea4d0001 00000000 00000000 00000000 05b00000',
  reply: '00070000 00000000 000005b0 00000009 ea4d0001 00000000 00000000 00000000',
};

function hex(text: string): Buffer {
  return Buffer.from(text.replaceAll(' ', ''), 'hex');
}

function dataPacket(slice: number, block: number, sliceBytes: number, payload: Uint8Array): Buffer {
  const packet = Buffer.alloc(16 + payload.length);
  packet.writeUInt16BE(8, 0);
  packet.writeInt32BE(slice, 4);
  packet.writeUInt16BE(block, 8);
  packet.writeUInt32BE(sliceBytes, 12);
  packet.set(payload, 16);
  return packet;
}

test('what a stock sender sends is understood', () => {
  expect(parseSenderMessage(hex(captured.hello))).toEqual({
    type: 'hello',
    blockSize: 1456,
    async: false,
    streaming: false,
    dataAddress: '234.77.0.1',
  });
  expect(parseSenderMessage(hex(captured.reply))).toEqual({
    type: 'connect-reply',
    clientNumber: 0,
    blockSize: 1456,
    async: false,
    dataAddress: '234.77.0.1',
  });
  const request = Buffer.alloc(144);
  request.writeUInt16BE(6, 0);
  request.writeInt32BE(7, 4);
  request.writeUInt32BE(3000, 8);
  request.writeUInt32BE(2, 12);
  request[16 + 1] = 0b100; // client 10
  const parsed = parseSenderMessage(request);
  expect(parsed).toMatchObject({ type: 'request-ack', slice: 7, sliceBytes: 3000, rxmit: 2 });
  if (parsed?.type !== 'request-ack') throw new Error('not a request');
  expect([9, 10, 11, 4000].map((client) => isReady(parsed.readySet, client))).toEqual([
    false,
    true,
    false,
    false,
  ]);
});

test('what this receiver sends has the protocol’s layout', () => {
  expect(encodeConnectRequest(425_984).toString('hex')).toBe('000300000000000900068000');
  const packet = encodeRetransmit(5, 9, Uint8Array.of(0b101));
  expect(packet).toHaveLength(140);
  expect(packet.subarray(0, 13).toString('hex')).toBe(`0001000000000005${'00000009'}05`);
});

test('any bytes are a message within bounds, or none', () => {
  const operations = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0x0500];
  const packet = fc
    .tuple(fc.constantFrom(...operations), fc.uint8Array({ maxLength: 1600 }))
    .map(([operation, rest]) => Buffer.concat([Buffer.from([operation >> 8, operation]), rest]));
  fc.assert(
    fc.property(fc.oneof(packet, fc.uint8Array({ maxLength: 64 })), (bytes) => {
      const message = parseSenderMessage(bytes);
      if (message?.type === 'data') {
        expect(message.block).toBeLessThan(MAX_SLICE_BLOCKS);
        expect(message.payload.length).toBeLessThanOrEqual(MAX_BLOCK_SIZE);
      }
      if (message?.type === 'data' || message?.type === 'request-ack') {
        expect(message.slice).toBeGreaterThanOrEqual(0);
        expect(message.sliceBytes).toBeLessThanOrEqual(MAX_SLICE_BLOCKS * MAX_BLOCK_SIZE);
      }
      if (message?.type === 'hello' || message?.type === 'connect-reply') {
        expect(message.blockSize).toBeGreaterThan(0);
        expect(message.blockSize).toBeLessThanOrEqual(MAX_BLOCK_SIZE);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a slice is whole whatever the order, losses and repetitions of its blocks', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 64 }),
      fc.uint8Array({ minLength: 1, maxLength: 2000 }),
      fc.infiniteStream(fc.nat()),
      (blockSize, bytes, choices) => {
        const blocks = Math.ceil(bytes.length / blockSize);
        fc.pre(blocks <= MAX_SLICE_BLOCKS);
        const window = new SliceWindow(blockSize, new Memory());
        const left = new Set(Array.from({ length: blocks }, (_, block) => block));
        while (left.size > 0) {
          expect(window.state(0, bytes.length)?.complete).toBe(false);
          const block = choices.next().value % blocks;
          const fresh = left.delete(block) || undefined;
          const next = fresh ? block : [...left][0];
          left.delete(next ?? -1);
          const payload = bytes.slice((next ?? 0) * blockSize, ((next ?? 0) + 1) * blockSize);
          expect(window.add(0, next ?? 0, bytes.length, payload)).toBe(true);
          expect(window.add(0, next ?? 0, bytes.length, payload)).toBe(false);
        }
        expect(window.state(0, bytes.length)?.complete).toBe(true);
        expect(Buffer.from(window.take()).equals(bytes)).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

test('packets that lie about a slice cost no memory and do not stay', () => {
  const window = new SliceWindow(100, new Memory());
  const forged = [
    dataPacket(4, 0, 250, Buffer.alloc(100)), // beyond the window
    dataPacket(0, 5, 250, Buffer.alloc(100)), // beyond the slice
    dataPacket(0, 2, 250, Buffer.alloc(100)), // longer than the last block is
    dataPacket(0, 0, 0, Buffer.alloc(0)),
  ];
  for (const packet of forged) {
    const message = parseSenderMessage(packet);
    if (message?.type !== 'data') throw new Error('not data');
    expect(window.add(message.slice, message.block, message.sliceBytes, message.payload)).toBe(
      false,
    );
  }
  // A forged length falls with the sender's own word, and then no other is believed.
  window.add(0, 0, 40, Buffer.alloc(40, 1));
  expect(window.state(0, 250)?.complete).toBe(false);
  expect(window.add(0, 0, 40, Buffer.alloc(40, 1))).toBe(false);
  for (const [block, length] of [100, 100, 50].entries()) {
    expect(window.add(0, block, 250, Buffer.alloc(length, 2))).toBe(true);
  }
  expect(Buffer.from(window.take()).equals(Buffer.alloc(250, 2))).toBe(true);
});

test('compression is seen from the first bytes', () => {
  expect(detectCompression(Buffer.from('LZIP\x01'))).toBe('lzip');
  expect(detectCompression(hex('28b52ffd00'))).toBe('zstd');
  expect(detectCompression(hex('fd377a585a00'))).toBe('xz');
  expect(detectCompression(hex('1f8b08'))).toBe('gzip');
  expect(detectCompression(Buffer.from('QFI\xfb', 'latin1'))).toBe('none');
  expect(detectCompression(Buffer.alloc(0))).toBe('none');
});

test('udp-receiver is always started with --nokbd, a large buffer and timeouts', () => {
  const args = stockArguments({
    interfaceName: 'eth0',
    portbase: 9002,
    rendezvous: '239.1.2.3',
    startTimeoutMs: 2_500,
    receiveTimeoutMs: 30_000,
    windowBytes: 1,
  });
  expect(args.join(' ')).toBe(
    '--nokbd --no-progress --rcvbuf 4194304 --start-timeout 3 --receive-timeout 30 --interface eth0 --portbase 9002 --mcast-rdv-address 239.1.2.3',
  );
  expect(args).not.toContain('--ignore-lost-data');
});
