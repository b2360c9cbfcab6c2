import { hash } from 'node:crypto';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeHeader, readRecord, scanSegment } from '../../../main/uicache/segment.ts';

let folder: string;
let path: string;
const contents = ['', 'a', 'some content', 'x'.repeat(5_000), 'VSB1 is no header here'];
let ends: number[];
let whole: Buffer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-segment-'));
  path = join(folder, 'segment');
  const parts: Buffer[] = [];
  ends = [];
  for (const content of contents) {
    parts.push(encodeHeader('file', hash('sha256', content), content.length), Buffer.from(content));
    ends.push(parts.reduce((sum, part) => sum + part.length, 0));
  }
  whole = Buffer.concat(parts);
});
afterAll(() => rm(folder, { recursive: true }));

async function scan(bytes: Buffer): Promise<Awaited<ReturnType<typeof scanSegment>>> {
  await writeFile(path, bytes);
  await using file = await open(path);
  return await scanSegment(file, bytes.length, 0);
}

test('what was written is found', async () => {
  const { records, damaged, end } = await scan(whole);
  expect(records.map(({ length }) => length)).toEqual(contents.map(({ length }) => length));
  expect({ damaged, end }).toEqual({ damaged: 0, end: whole.length });
  await using file = await open(path);
  for (const [index, record] of records.entries()) {
    expect(String(await readRecord(file, record))).toBe(contents[index]);
  }
});

test('cut anywhere, with or without rubbish behind, it is read up to the last whole record', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.length),
      fc.oneof(fc.constant(Buffer.alloc(0)), fc.constant(Buffer.alloc(4096))),
      async (cut, rubbish) => {
        const { records, end } = await scan(Buffer.concat([whole.subarray(0, cut), rubbish]));
        const sound = ends.filter((one) => one <= cut);
        expect(records).toHaveLength(sound.length);
        expect(end).toBeGreaterThanOrEqual(sound.at(-1) ?? 0);
      },
    ),
    { numRuns: 150 },
  );
});

test('a changed bit never yields a record with other content', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(7), async (at, bit) => {
      const bytes = Buffer.from(whole);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
      const { records } = await scan(bytes);
      const written = await readFile(path);
      for (const { sha256, offset, length } of records) {
        expect(hash('sha256', written.subarray(offset, offset + length))).toBe(sha256);
      }
      // The records before the damage are all there.
      expect(records.length).toBeGreaterThanOrEqual(ends.filter((end) => end <= at).length);
    }),
    { numRuns: 150 },
  );
});
