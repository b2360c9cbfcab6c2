import { expect, test } from 'vitest';
import { parseOpaqueCopy } from '../../../renderer/display/draw-copy.ts';

interface Fields {
  readonly clip?: number;
  readonly rop?: number;
  readonly mask?: number;
  readonly flags?: number;
  readonly type?: number;
  readonly sourceTop?: number;
  readonly format?: number;
  readonly pixels?: readonly number[];
}

/** A picture of 2 × 1 at (5, 7) of surface 3, as spice-server 0.15 lays it out. */
function drawCopy({
  clip = 0,
  rop = 8,
  mask = 0,
  flags = 0,
  type = 0,
  sourceTop = 0,
  format = 8,
  pixels = [1, 2, 3, 0, 4, 5, 6, 0],
}: Fields = {}): ArrayBuffer {
  const bytes: number[] = [];
  const u8 = (value: number): void => void bytes.push(value);
  const u16 = (value: number): void => void bytes.push(value & 255, value >> 8);
  const u32 = (value: number): void => {
    u16(value & 0xffff);
    u16(value >>> 16);
  };
  u32(3);
  for (const edge of [7, 5, 8, 7]) u32(edge);
  u8(clip);
  u32(57);
  for (const edge of [sourceTop, 0, sourceTop + 1, 2]) u32(edge);
  u16(rop);
  u8(0);
  u8(mask);
  for (const zero of [0, 0, 0]) u32(zero);
  // The image: id, type, flags, size.
  u32(9);
  u32(9);
  u8(type);
  u8(flags);
  u32(2);
  u32(1);
  // The bitmap: format, top down, size, stride, no palette.
  u8(format);
  u8(4);
  u32(2);
  u32(1);
  u32(8);
  u32(0);
  bytes.push(...pixels);
  return Uint8Array.from(bytes).buffer;
}

test('an opaque picture is found in its message', () => {
  const copy = parseOpaqueCopy(drawCopy());
  expect(copy).toMatchObject({
    surface: 3,
    left: 5,
    top: 7,
    width: 2,
    height: 1,
    encoding: 'plain',
    topDown: true,
    cached: false,
    stride: 8,
  });
  expect([...(copy?.data ?? [])]).toEqual([1, 2, 3, 0, 4, 5, 6, 0]);
  expect(parseOpaqueCopy(drawCopy({ flags: 1 }))?.cached).toBe(true);
});

test.each<[string, Fields]>([
  ['clipping', { clip: 1 }],
  ['a raster operation', { rop: 4 }],
  ['a mask', { mask: 1 }],
  ['a replaced picture of the cache', { flags: 4 }],
  ['a picture of the cache', { type: 103 }],
  ['QUIC', { type: 1 }],
  ['a part of a picture', { sourceTop: 1 }],
  ['transparency', { format: 9 }],
])('%s is left to the library', (_, fields) => {
  expect(parseOpaqueCopy(drawCopy(fields))).toBeUndefined();
});

test('a message that is cut off is an error or nothing', () => {
  const whole = drawCopy();
  for (let length = 0; length < whole.byteLength - 8; length++) {
    let copy: unknown;
    try {
      copy = parseOpaqueCopy(whole.slice(0, length));
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
    expect(copy).toBeUndefined();
  }
});
