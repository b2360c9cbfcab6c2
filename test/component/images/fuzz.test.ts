/** Whatever a stream brings, what is published is the image and nothing else. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ChunkSink, Transport } from '../../../main/images/transport.ts';
import { putStream, type StreamAccount } from '../../../main/images/udpcast/put-stream.ts';
import {
  imageBytes,
  imageRig,
  noise,
  packBytes,
  rangeServer,
  refOf,
  scratchFolder,
} from '../../support/images.ts';

const ROUNDS = 30;
const CHUNKS = 12;

/** The same numbers on each run (Park and Miller, 1988). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

type Mutation = (bytes: Buffer, random: () => number) => Buffer;
const at = (bytes: Buffer, random: () => number): number => Math.floor(random() * bytes.length);

const MUTATIONS: readonly Mutation[] = [
  (bytes) => bytes,
  (bytes, random) => {
    const flipped = Buffer.from(bytes);
    for (let n = 0; n < 3; n++) flipped.writeUInt8(Math.floor(random() * 256), at(bytes, random));
    return flipped;
  },
  (bytes, random) => bytes.subarray(0, at(bytes, random)),
  (bytes, random) => {
    const from = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(from + 1 + at(bytes, random))]);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), noise(1000, 'more'), bytes.subarray(from)]);
  },
  (bytes, random) => {
    const from = at(bytes, random);
    return Buffer.concat([bytes.subarray(from), bytes.subarray(0, from)]);
  },
  (bytes) => noise(bytes.length, 'another image'),
];

/** Streams that mutate, and single chunks with any index and any bytes. */
function fuzz(streams: readonly [image: Buffer, packed: Buffer], random: () => number): Transport {
  const pick = (): Mutation => MUTATIONS[Math.floor(random() * MUTATIONS.length)] ?? ((b) => b);
  const transfer = async (sink: ChunkSink): Promise<void> => {
    for (const [number, content] of (['image', 'packed'] as const).entries()) {
      const bytes = pick()(pick()(streams[number] ?? Buffer.alloc(0), random), random);
      const parts = async function* (): AsyncGenerator<Uint8Array> {
        for (let from = 0; from < bytes.length; ) {
          const part = bytes.subarray(from, from + 1 + Math.floor(random() * 100_000));
          yield part;
          from += part.length;
        }
      };
      const account: StreamAccount = { chunks: 0, mismatches: 0 };
      await putStream(parts(), sink, content, account).catch(() => {});
    }
    for (let n = 0; n < 10; n++) {
      const index = Math.floor(random() * CHUNKS);
      const bytes = new Uint8Array(noise(Math.floor(random() * 70_000), `${random()}`));
      if (n % 2 === 0) await sink.put(index, bytes);
      else await sink.putStored(index, bytes);
    }
  };
  return {
    name: 'udpcast',
    async transfer(sink) {
      await transfer(sink);
      return { transport: 'udpcast', bytes: 0, chunks: 0, retries: 0, mismatches: 0 };
    },
  };
}

test(`${ROUNDS} mutated streams: the image itself, or nothing, is published`, async () => {
  await using scratch = await scratchFolder();
  const image = imageBytes(CHUNKS, 321);
  const packed = await packBytes(scratch.path, image, { id: 'lab', version: '1' });
  const stored = await readFile(packed.chunksPath);
  await using server = await rangeServer({ manifest: await readFile(packed.manifestPath) });
  const ref = refOf(packed, [`${server.url}/none`], `${server.url}/manifest`);
  const outcomes = { published: 0, refused: 0 };
  for (let round = 1; round <= ROUNDS; round++) {
    const random = seeded(round * 7919);
    const folder = join(scratch.path, `kiosk-${round}`);
    await using rig = await imageRig(folder, {
      transports: () => [fuzz([image, stored], random)],
      policy: { order: ['udpcast'] },
    });
    await rig.images.apply([ref]);
    await rig.idle();
    const [version] = await rig.images.list();
    if (version === undefined) {
      expect(rig.images.status('lab').error).toMatchObject({ code: 'IMAGE_TRANSPORT_FAILED' });
      outcomes.refused++;
      continue;
    }
    outcomes.published++;
    const held = await rig.images.acquire('lab');
    expect((await readFile(held.path)).equals(image)).toBe(true);
    held.release();
  }
  // Neither a transport that never brings anything nor one that always does would show much.
  expect(outcomes.published).toBeGreaterThan(2);
  expect(outcomes.refused).toBeGreaterThan(2);
}, 120_000);
