import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import {
  CHUNK_SIZE,
  ImageManifest,
  type ImageManifestParts,
  parseImageManifest,
  sampleChunks,
  zeroHash,
} from '../../../main/images/manifest.ts';

/** Any well-formed manifest of up to a dozen chunks. */
const parts: fc.Arbitrary<ImageManifestParts> = fc
  .record({
    id: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,20}$/),
    version: fc.string({ minLength: 1, maxLength: 40 }),
    format: fc.constantFrom('qcow2', 'raw'),
    layout: fc.constantFrom('packed', 'plain'),
    full: fc.nat(10),
    tail: fc.nat(CHUNK_SIZE - 1),
    // The parser leaves prototype keys out.
    description: fc.option(
      fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
      { nil: undefined },
    ),
    parents: fc.array(
      fc.record({ version: fc.string({ minLength: 1, maxLength: 9 }), root: hex() }),
      { maxLength: 3 },
    ),
    seeds: fc.array(fc.record({ zero: fc.boolean(), share: fc.nat(1000) }), {
      minLength: 12,
      maxLength: 12,
    }),
  })
  .map(({ full, tail, seeds, layout, ...rest }) => {
    const size = full * CHUNK_SIZE + tail;
    const chunks = Math.ceil(size / CHUNK_SIZE);
    const hashes = new Uint8Array(chunks * 32);
    const storedLengths = new Uint32Array(chunks);
    for (let index = 0; index < chunks; index++) {
      const length = Math.min(CHUNK_SIZE, size - index * CHUNK_SIZE);
      const { zero = false, share = 0 } = seeds[index] ?? {};
      hashes.set(
        zero ? zeroHash(length) : createHash('sha256').update(`${index}`).digest(),
        index * 32,
      );
      const stored = layout === 'plain' ? length : Math.max(1, Math.floor((length * share) / 1000));
      storedLengths[index] = zero ? 0 : stored;
    }
    return {
      ...rest,
      description: JSON.parse(JSON.stringify(rest.description ?? null)) ?? undefined,
      layout,
      size,
      hashes,
      storedLengths,
    };
  });

function hex(): fc.Arbitrary<string> {
  return fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => Buffer.from(b).toString('hex'));
}

function facts(manifest: ImageManifest) {
  const { id, version, format, size, layout, root, parents, description, storedSize } = manifest;
  const chunks = Array.from({ length: manifest.chunks }, (_, index) => ({
    hash: Buffer.from(manifest.hash(index)).toString('hex'),
    bytes: manifest.chunkLength(index),
    zero: manifest.isZero(index),
    ...manifest.stored(index),
  }));
  return { id, version, format, size, layout, root, parents, description, storedSize, chunks };
}

describe('the image manifest', () => {
  test('what is encoded is what is parsed', () => {
    fc.assert(
      fc.property(parts, (given) => {
        const manifest = new ImageManifest(given);
        const parsed = parseImageManifest(manifest.encode());
        expect(facts(parsed)).toEqual(facts(manifest));
        expect(parsed.encode()).toEqual(manifest.encode());
      }),
      { numRuns: 200 },
    );
  });

  test('stored chunks follow each other without gap or overlap', () => {
    fc.assert(
      fc.property(parts, (given) => {
        const manifest = new ImageManifest(given);
        let end = 0;
        for (let index = 0; index < manifest.chunks; index++) {
          const { offset, length, encoding } = manifest.stored(index);
          expect(offset).toBe(manifest.layout === 'plain' ? index * CHUNK_SIZE : end);
          expect(encoding === 'zero').toBe(length === 0);
          end = offset + length;
        }
        expect(end).toBeLessThanOrEqual(manifest.storedSize);
      }),
      { numRuns: 200 },
    );
  });

  test('a damaged file is refused with a code, or says the same', () => {
    fc.assert(
      fc.property(
        parts,
        fc.array(fc.record({ at: fc.nat(), value: fc.nat(255) }), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        (given, flips, cut) => {
          const manifest = new ImageManifest(given);
          let file = manifest.encode();
          for (const { at, value } of flips) file[at % file.length] = value;
          if (cut !== undefined) file = file.subarray(0, cut % file.length);
          try {
            const parsed = parseImageManifest(file);
            // The root names the hashes: it is the same only where they are.
            const same = Buffer.compare(hashesOf(parsed), hashesOf(manifest)) === 0;
            expect(parsed.root === manifest.root).toBe(same);
            sampleChunks(file, [0, 0.5, 0.99]);
          } catch (error) {
            if (!(error instanceof KioskError)) throw error;
            expect(error.code).toBe('IMAGE_MANIFEST_INVALID');
          }
        },
      ),
      { numRuns: 500 },
    );
  });

  test('any bytes at all are refused with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, magic) => {
        const file = magic ? Buffer.concat([Buffer.from('VSTIMG1\n'), bytes]) : bytes;
        expect(() => parseImageManifest(file)).toThrowError(KioskError);
      }),
    );
  });

  test('sampled chunks are those of the tables', () => {
    fc.assert(
      fc.property(
        parts,
        fc.array(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (given, picks) => {
          const manifest = new ImageManifest(given);
          for (const { index, length, hash } of sampleChunks(manifest.encode(), picks)) {
            expect(length).toBe(manifest.chunkLength(index));
            expect(Buffer.from(hash)).toEqual(Buffer.from(manifest.hash(index)));
          }
        },
      ),
    );
  });

  const wrong: Record<string, (header: Record<string, unknown>) => void> = {
    'a size that its tables do not have': (header) => {
      header.size = 2 ** 50;
    },
    'a negative size': (header) => {
      header.size = -1;
    },
    'another chunk size': (header) => {
      header.chunkSize = 4096;
    },
    'an id that is a path': (header) => {
      header.id = '../../etc';
    },
    'another root': (header) => {
      header.root = '0'.repeat(64);
    },
    'an unknown format': (header) => {
      header.format = 'vmdk';
    },
  };
  for (const [name, change] of Object.entries(wrong)) {
    test(`${name} is refused`, () => {
      const file = sample().encode();
      const length = file.readUInt32LE(8);
      const header = JSON.parse(file.subarray(12, 12 + length).toString());
      change(header);
      const json = Buffer.from(JSON.stringify(header));
      const start = Buffer.alloc(12);
      file.copy(start, 0, 0, 8);
      start.writeUInt32LE(json.length, 8);
      const made = Buffer.concat([start, json, file.subarray(12 + length)]);
      expect(() => parseImageManifest(made)).toThrowError(
        expect.objectContaining({ code: 'IMAGE_MANIFEST_INVALID' }),
      );
    });
  }

  test('the manifest of 40 GiB stays reasonable', () => {
    const chunks = 655_360;
    const manifest = new ImageManifest({
      ...sampleParts(),
      size: chunks * CHUNK_SIZE,
      hashes: new Uint8Array(chunks * 32).fill(7),
      storedLengths: new Uint32Array(chunks).fill(30_000),
    });
    expect(manifest.encode().length).toBeLessThan(24 * 1024 * 1024);
    const sparse = new ImageManifest({
      ...sampleParts(),
      size: chunks * CHUNK_SIZE,
      hashes: Buffer.concat(Array.from({ length: chunks }, () => zeroHash(CHUNK_SIZE))),
      storedLengths: new Uint32Array(chunks),
    });
    expect(sparse.encode().length).toBeLessThan(3 * 1024 * 1024);
  });
});

function hashesOf(manifest: ImageManifest): Uint8Array {
  return manifest.hashesOf(0, manifest.chunks);
}

function sampleParts(): ImageManifestParts {
  return {
    id: 'debian',
    version: '1',
    format: 'raw',
    layout: 'packed',
    parents: [],
    size: CHUNK_SIZE + 5,
    hashes: Buffer.concat([zeroHash(CHUNK_SIZE), createHash('sha256').update('x').digest()]),
    storedLengths: Uint32Array.of(0, 5),
  };
}

function sample(): ImageManifest {
  return new ImageManifest(sampleParts());
}
