import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Bitmap } from '../../../main/images/bitmap.ts';
import { ChunkIndex } from '../../../main/images/chunk-index.ts';
import { CHUNK_SIZE, ImageManifest } from '../../../main/images/manifest.ts';

const hashOf = (name: number): Buffer => createHash('sha256').update(`${name}`).digest();

function manifestOf(names: readonly number[]): ImageManifest {
  return new ImageManifest({
    id: 'a',
    version: '1',
    format: 'raw',
    layout: 'packed',
    parents: [],
    size: names.length * CHUNK_SIZE,
    hashes: Buffer.concat(names.map(hashOf)),
    storedLengths: Uint32Array.from(names, (name) => (name === 0 ? 0 : 100)),
  });
}

test('a chunk is found where one of the versions has it, and nowhere else', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(40), { maxLength: 60 }), { maxLength: 4 }),
      fc.array(fc.nat(60), { maxLength: 30 }),
      (versions, wanted) => {
        const index = new ChunkIndex(versions.map(manifestOf));
        for (const name of wanted) {
          const found = index.find(hashOf(name));
          const there = name !== 0 && versions.some((names) => names.includes(name));
          expect(found !== undefined).toBe(there);
          if (found) expect(versions[found.source]?.[found.index]).toBe(name);
        }
      },
    ),
  );
});

test('a bitmap is a set of indexes, also through its bytes', () => {
  fc.assert(
    fc.property(
      fc.nat(200),
      fc.array(fc.record({ add: fc.boolean(), at: fc.integer({ min: -2, max: 210 }) })),
      (length, steps) => {
        const bitmap = new Bitmap(length);
        const model = new Set<number>();
        for (const { add, at } of steps) {
          if (add && at >= 0 && at < length) model.add(at);
          if (add) bitmap.add(at);
          else {
            expect(bitmap.delete(at)).toBe(model.has(at));
            model.delete(at);
          }
        }
        const sorted = [...model].sort((a, b) => a - b);
        expect([...bitmap]).toEqual(sorted);
        expect(bitmap.count).toBe(model.size);
        expect([...(Bitmap.from(bitmap.toBytes(), length) ?? [])]).toEqual(sorted);
        expect(Bitmap.from(new Uint8Array(Math.ceil(length / 8) + 1), length)).toBeUndefined();
      },
    ),
  );
});
