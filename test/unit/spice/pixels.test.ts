import fc from 'fast-check';
import { expect, test } from 'vitest';
import { copyRgb32, decodeLzRgb32, flipRows } from '../../../renderer/display/pixels.ts';

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

test('rows are turned, the middle one stays', () => {
  const words = Uint32Array.from([1, 2, 3, 4, 5, 6]);
  flipRows(words, 2);
  expect([...words]).toEqual([5, 6, 3, 4, 1, 2]);
});

test('uncompressed pixels: colours in their places, opaque, never beyond the data', () => {
  const output = new Uint32Array(3);
  copyRgb32(Uint8Array.from([0, 0, 255, 9, 0, 255, 0, 0, 255, 0, 0, 0]).buffer, output);
  expect([...output]).toEqual([RED, GREEN, BLUE]);
  expect(() => copyRgb32(new ArrayBuffer(8), output)).toThrow(RangeError);
});
