import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import {
  buildConnectionRequest,
  parseConnectionConfirm,
  tpktBodyLength,
} from '../../../main/sessions/rdp/x224.ts';

test('a request as FreeRDP and mstsc send it', () => {
  expect(buildConnectionRequest(['tls', 'nla'], undefined).toString('hex')).toBe(
    '030000130ee00000000000010008000300' + '0000',
  );
  const routed = buildConnectionRequest(['tls'], 'Cookie: msts=3640205228.15629.0000');
  expect(routed.toString('latin1')).toContain('Cookie: msts=3640205228.15629.0000\r\n\x01');
  expect(routed.readUInt16BE(2)).toBe(routed.length);
  expect(routed[4]).toBe(routed.length - 5);
});

test('an endless routing token is cut to what fits', () => {
  const request = buildConnectionRequest(['tls'], 'x'.repeat(5_000));
  expect(request[4]).toBe(request.length - 5);
});

test('the answers of real servers', () => {
  const confirm = (hex: string) => parseConnectionConfirm(Buffer.from(hex, 'hex'));
  expect(confirm('0ed000001234000200080002000000')).toEqual({ type: 'chosen', protocol: 'nla' });
  expect(confirm('0ed000001234000209080001000000')).toEqual({ type: 'chosen', protocol: 'tls' });
  expect(confirm('06d00000123400')).toEqual({ type: 'chosen', protocol: 'classic' });
  expect(confirm('0ed000001234000300080005000000')).toEqual({ type: 'refused', reason: 5 });
});

test('whatever else comes is refused with a code, and nothing is read beyond its end', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
      for (const read of [tpktBodyLength, parseConnectionConfirm]) {
        try {
          read(Buffer.from(bytes));
        } catch (error) {
          expect(error).toBeInstanceOf(KioskError);
        }
      }
    }),
    { numRuns: 2_000 },
  );
});

test('every truncation and every changed length of a good answer is refused', () => {
  const good = Buffer.from('0ed000001234000200080002000000', 'hex');
  for (let length = 0; length < good.length; length++) {
    expect(() => parseConnectionConfirm(good.subarray(0, length))).toThrow(KioskError);
  }
  expect(() => tpktBodyLength(Buffer.from('0300ffff', 'hex'))).toThrow(KioskError);
  expect(() => tpktBodyLength(Buffer.from('03000004', 'hex'))).toThrow(KioskError);
  expect(() => tpktBodyLength(Buffer.from('48545450', 'hex'))).toThrow(KioskError);
  expect(tpktBodyLength(Buffer.from('03000013', 'hex'))).toBe(15);
});
