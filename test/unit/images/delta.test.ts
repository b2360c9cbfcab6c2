import { describe, expect, test } from 'vitest';
import {
  type DeltaIndex,
  encodeDeltaIndex,
  parseDeltaIndex,
} from '../../../main/images/delta/delta-index.ts';
import { SimilarChunks } from '../../../main/images/delta/similar.ts';
import { CHUNK_SIZE } from '../../../main/images/manifest.ts';
import { noise } from '../../support/images.ts';

const INDEX: DeltaIndex = {
  parent: 'ab'.repeat(32),
  root: '01'.repeat(32),
  entries: [
    { index: 2, length: 9, dictionary: [] },
    { index: 7, length: 70_000, dictionary: [5] },
    { index: 8, length: 1, dictionary: [9, 0, 3, 3] },
  ],
};
const LIMITS = { chunks: 9, parentChunks: 10 };

describe('the index of a delta', () => {
  test('what is encoded is what is parsed', () => {
    expect(parseDeltaIndex(encodeDeltaIndex(INDEX), LIMITS)).toEqual(INDEX);
  });

  test('cut off anywhere it is refused with a code', () => {
    const bytes = encodeDeltaIndex(INDEX);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => parseDeltaIndex(bytes.subarray(0, length), LIMITS)).toThrow(/delta is wrong/);
    }
    expect(() => parseDeltaIndex(Buffer.concat([bytes, Buffer.of(0)]), LIMITS)).toThrow(/length/);
  });

  test('no index beyond either image comes out, whatever byte is damaged', () => {
    const bytes = encodeDeltaIndex(INDEX);
    let parsed = 0;
    for (let at = 0; at < bytes.length; at++) {
      for (const bit of [0, 3, 7]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = (damaged[at] ?? 0) ^ (1 << bit);
        try {
          const { entries } = parseDeltaIndex(damaged, LIMITS);
          parsed++;
          for (const { index, dictionary } of entries) {
            expect(index).toBeLessThan(LIMITS.chunks);
            for (const one of dictionary) expect(one).toBeLessThan(LIMITS.parentChunks);
          }
        } catch (error) {
          expect(error).toMatchObject({ code: 'IMAGE_MANIFEST_INVALID' });
        }
      }
    }
    expect(parsed).toBeGreaterThan(0);
  });

  test.each([
    ['more chunks than the image', { chunks: 2, parentChunks: 10 }],
    ['a chunk beyond the image', { chunks: 8, parentChunks: 10 }],
    ['a dictionary beyond the parent', { chunks: 9, parentChunks: 9 }],
  ])('%s is refused', (_name, limits) => {
    expect(() => parseDeltaIndex(encodeDeltaIndex(INDEX), limits)).toThrow(/delta is wrong/);
  });

  test('chunks out of order are refused: their frames would be of others', () => {
    const entries = INDEX.entries.toReversed();
    expect(() => parseDeltaIndex(encodeDeltaIndex({ ...INDEX, entries }), LIMITS)).toThrow(/order/);
  });
});

test('a chunk finds the one that it was made from, moved by some bytes', () => {
  const similar = new SimilarChunks();
  const chunks = Array.from({ length: 40 }, (_, at) => noise(CHUNK_SIZE, `old ${at}`));
  for (const [at, bytes] of chunks.entries()) similar.add(at, bytes);
  const [a, b] = [chunks[17], chunks[31]];
  if (!a || !b) throw new Error('there are no chunks');
  const made = Buffer.concat([Buffer.alloc(37, 1), a.subarray(0, 40_000), b.subarray(50_000)]);
  expect(similar.find(made, undefined, 2)).toEqual([31, 17]);
  expect(similar.find(noise(CHUNK_SIZE, 'unlike any'), undefined, 2)).toEqual([]);
  expect(similar.find(noise(CHUNK_SIZE, 'unlike any'), 5, 2)).toEqual([5]);
});
