import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeLz4, decodeLzRgb32, putRgb32, putWords } from '../../../renderer/display/pixels.ts';

const RED = 0xff0000ff;
const GREEN = 0xff00ff00;
const BLUE = 0xffff0000;
/** Blue, green, red: as the wire has them. */
const bytes = { [RED]: [0, 0, 255], [GREEN]: [0, 255, 0], [BLUE]: [255, 0, 0] };

function decode(packed: number[], pixels: number): number[] {
  const output = new Uint32Array(pixels);
  decodeLzRgb32(Uint8Array.from(packed), output);
  return [...output];
}

test('literals', () => {
  expect(decode([1, ...bytes[RED], ...bytes[GREEN]], 2)).toEqual([RED, GREEN]);
});

test('a run: the last pixel, again', () => {
  // Length 3 (control 3 << 5), distance 1.
  expect(decode([0, ...bytes[RED], 3 << 5, 0], 4)).toEqual([RED, RED, RED, RED]);
});

test('a long run: bytes of 255 go on', () => {
  const packed = [0, ...bytes[BLUE], 7 << 5, 255, 255, 10, 0];
  expect(decode(packed, 1 + 7 + 520)).toEqual(Array(528).fill(BLUE));
});

test('a reference, and one that overlaps itself', () => {
  const start = [1, ...bytes[RED], ...bytes[GREEN]];
  expect(decode([...start, 2 << 5, 1], 4)).toEqual([RED, GREEN, RED, GREEN]);
  expect(decode([...start, 5 << 5, 1], 7)).toEqual([RED, GREEN, RED, GREEN, RED, GREEN, RED]);
});

test('a far reference has 16 bits more', () => {
  const far = 8191 + 300;
  const packed = [0, ...bytes[RED]];
  // One green pixel, then a run up to the place where the red one lies `far` + 1 before.
  packed.push(0, ...bytes[GREEN], 7 << 5);
  let rest = far - 1 - 7;
  for (; rest >= 255; rest -= 255) packed.push(255);
  packed.push(rest, 0);
  packed.push((1 << 5) | 31, 255, 300 >> 8, 300 & 255);
  expect(decode(packed, far + 2).at(-1)).toBe(RED);
});

test('whatever comes, nothing outside is touched', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 300 }),
      (packed, size) => {
        const whole = new Uint32Array(size + 2).fill(7);
        try {
          decodeLzRgb32(packed, whole.subarray(1, size + 1));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
        expect([whole[0], whole[size + 1]]).toEqual([7, 7]);
      },
    ),
  );
});

/** As spice-server sends it: the block's length, then the block. */
function lz4(...blocks: number[][]): Uint8Array {
  return Uint8Array.from(blocks.flatMap((block) => [0, 0, 0, block.length, ...block]));
}

test('LZ4: literals, a reference, one that overlaps itself, one into the block before', () => {
  const output = new Uint8Array(22);
  decodeLz4(
    lz4(
      // Two literals; four bytes from two before; the end is literals again.
      [0x20, 1, 2, 2, 0, 0x10, 3],
      // No literal; 15 + 0 + 4 - 4 bytes from one before, then none.
      [0x0b, 1, 0, 0x00],
    ),
    output,
  );
  expect([...output]).toEqual([1, 2, 1, 2, 1, 2, 3, ...Array(15).fill(3)]);
});

test('LZ4: long lengths go on in further bytes', () => {
  const literals = Array.from({ length: 15 + 255 + 3 }, (_, index) => index % 251);
  const output = new Uint8Array(literals.length + 19 + 255 + 7);
  const block = [0xff, 255, 3, ...literals, literals.length & 255, literals.length >> 8, 255, 7, 0];
  const bytes = [block.length >> 8, block.length & 255];
  decodeLz4(Uint8Array.from([0, 0, ...bytes, ...block]), output);
  const repeated = [...literals, ...literals, ...literals].slice(0, output.length);
  expect([...output]).toEqual(repeated);
});

test('whatever comes as LZ4, it ends, and nothing outside is touched', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200, minLength: 1 }),
      fc.integer({ min: 1, max: 300 }),
      (block, size) => {
        const whole = new Uint8Array(size + 2).fill(7);
        try {
          decodeLz4(lz4([...block], [...block]), whole.subarray(1, size + 1));
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
        expect([whole[0], whole[size + 1]]).toEqual([7, 7]);
      },
    ),
  );
});

test('rows to their places in a wider surface, from either end', () => {
  const picture = Uint32Array.from([1, 2, 3, 4]);
  const surface = new Uint32Array(12);
  putWords(picture, true, surface, { at: 1, step: 4 }, 2, 2);
  expect([...surface]).toEqual([0, 1, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0]);
  surface.fill(0);
  putWords(picture, false, surface, { at: 6, step: 4 }, 2, 2);
  expect([...surface]).toEqual([0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 1, 2]);
});

test('uncompressed pixels: colours in their places, opaque, never beyond the data', () => {
  const output = new Uint32Array(4);
  // Rows of one pixel and four bytes that belong to nothing, the lower row first.
  const rows = Uint8Array.from([0, 0, 255, 9, 1, 1, 1, 1, 0, 255, 0, 0, 1, 1, 1, 1]);
  putRgb32(rows, 8, false, output, { at: 1, step: 2 }, 1, 2);
  expect([...output]).toEqual([0, GREEN, 0, RED]);
  putRgb32(rows, 8, true, output, { at: 0, step: 2 }, 1, 2);
  expect([...output]).toEqual([RED, GREEN, GREEN, RED]);
  expect(() => putRgb32(rows, 8, true, output, { at: 0, step: 1 }, 3, 2)).toThrow(RangeError);
});
