import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { Pacer } from '../../../main/sessions/spice/pacer.ts';

const NOTHING = Buffer.alloc(0);
const ACK = Buffer.from('020000000000', 'hex');

function message(type: number, body: Buffer | number): Buffer {
  const content = typeof body === 'number' ? Buffer.alloc(body, 0xab) : body;
  const head = Buffer.alloc(6);
  head.writeUInt16LE(type, 0);
  head.writeUInt32LE(content.length, 2);
  return Buffer.concat([head, content]);
}

/** The server's announcement: generation 7, this window. */
function setAck(window: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(window, 4);
  return message(3, body);
}
const SYNC = message(1, Buffer.from([7, 0, 0, 0]));

test('the server hears the window acknowledged, and every window of messages', () => {
  const pacer = new Pacer();
  expect(pacer.fromServer(message(101, 12), 0)).toEqual(NOTHING);
  expect(pacer.fromServer(setAck(2), 0)).toEqual(SYNC);
  expect(pacer.fromServer(message(304, 50), 0)).toEqual(ACK);
  const two = Buffer.concat([message(304, 5), message(102, 0)]);
  expect(pacer.fromServer(two, 0)).toEqual(ACK);
  expect(pacer.fromServer(Buffer.concat([two, two]), 0)).toEqual(Buffer.concat([ACK, ACK]));
});

test('however the bytes are cut, the same is answered', () => {
  const all = Buffer.concat([
    message(101, 40),
    setAck(3),
    ...Array.from({ length: 20 }, (_, index) => message(304, index * 7)),
  ]);
  const whole = new Pacer().fromServer(all, 0);
  expect(whole.length).toBe(10 + 7 * 6);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }), (sizes) => {
      const pacer = new Pacer();
      const answers: Buffer[] = [];
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const size = sizes[turn % sizes.length] ?? 1;
        answers.push(pacer.fromServer(all.subarray(at, at + size), 0));
        at += size;
      }
      expect(Buffer.concat(answers)).toEqual(whole);
    }),
  );
});

test("the page's acknowledgements go no further, the rest does, in any pieces", () => {
  const pacer = new Pacer();
  const init = message(101, 14);
  const pong = message(3, 12);
  const said = Buffer.concat([init, SYNC, ACK, pong, ACK]);
  expect(pacer.fromPage(said)).toEqual(Buffer.concat([init, pong]));
  const pieces = [...said].map((byte) => pacer.fromPage(Buffer.from([byte])));
  expect(Buffer.concat(pieces)).toEqual(Buffer.concat([init, pong]));
});

test('a page that has not acknowledged for a while is behind, until it does', () => {
  const pacer = new Pacer();
  pacer.fromServer(setAck(2), 0);
  // Nothing is open yet: waiting for a page that has nothing to say would be for ever.
  expect(pacer.isBehind(10_000)).toBe(false);
  pacer.fromServer(message(304, 9), 1000);
  pacer.fromServer(Buffer.concat([message(304, 9), message(304, 9)]), 1080);
  expect(pacer.isBehind(1100)).toBe(false);
  expect(pacer.isBehind(1101)).toBe(true);
  pacer.fromPage(ACK);
  expect(pacer.isBehind(1150)).toBe(false);
  expect(pacer.isBehind(1200)).toBe(true);
  pacer.fromPage(ACK);
  expect(pacer.isBehind(9999)).toBe(false);
});

test('a page with too many bytes before it is behind at once', () => {
  const pacer = new Pacer();
  pacer.fromServer(setAck(1), 0);
  pacer.fromPage(ACK);
  pacer.fromServer(message(304, 33 * 1024 * 1024), 0);
  expect(pacer.isBehind(0)).toBe(true);
});

test('a page that sends what no page sends is refused', () => {
  expect(() => new Pacer().fromPage(Buffer.from('0100ffffffff', 'hex'))).toThrow(KioskError);
});
