/** Updates as deltas: frames that need the version before. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHUNK_SIZE } from '../../../main/images/manifest.ts';
import {
  imageBytes,
  imageRig,
  noise,
  packBytes,
  rangeServer,
  refOf,
  scratchFolder,
} from '../../support/images.ts';

/** Version 2 is version 1 with bytes inserted in front of its second half, and some new ones. */
const V1 = imageBytes(32, 777);
const V2 = Buffer.concat([
  V1.subarray(0, 16 * CHUNK_SIZE),
  noise(1000, 'inserted'),
  V1.subarray(16 * CHUNK_SIZE),
  noise(3 * CHUNK_SIZE, 'appended'),
]);

async function campus(folder: string) {
  await mkdir(folder);
  const v1 = await packBytes(folder, V1, { id: 'lab', version: '1' });
  const v2 = await packBytes(folder, V2, { id: 'lab', version: '2', parents: [v1.manifestPath] });
  const files: Record<string, Buffer> = {};
  for (const name of [
    ...['lab-1.manifest', 'lab-1.chunks', 'lab-2.manifest', 'lab-2.chunks'],
    ...['lab-2-from-1.delta', 'lab-2-from-1.delta-index'],
  ]) {
    files[name] = await readFile(join(folder, name));
  }
  const server = await rangeServer(files);
  const ref = (packed: typeof v1, version: string) =>
    refOf(
      packed,
      [`${server.url}/lab-${version}.chunks`],
      `${server.url}/lab-${version}.manifest`,
      server.url,
    );
  return {
    server,
    v2,
    refs: [ref(v1, '1'), ref(v2, '2')],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const DELTA = '/lab-2-from-1.delta';

describe('an update as a delta', () => {
  test('costs what changed, though every chunk behind the change is another', async () => {
    await using scratch = await scratchFolder();
    await using source = await campus(join(scratch.path, 'campus'));
    expect(source.v2.manifest.parents).toMatchObject([{ version: '1' }]);
    await using rig = await imageRig(scratch.path);
    for (const ref of source.refs) {
      await rig.images.apply([ref]);
      await rig.idle();
    }
    const held = await rig.images.acquire('lab');
    expect(held.version).toBe('2');
    expect((await readFile(held.path)).equals(V2)).toBe(true);
    held.release();
    const body = rig.reports.at(-1)?.body ?? {};
    expect(body).toMatchObject({ mismatches: 0, retries: 0 });
    const [delta] = source.v2.deltas;
    const changed = (delta?.framesSize ?? 0) + (delta?.indexSize ?? 0);
    expect(changed).toBeLessThan(200_000);
    // New noise is no smaller as a frame, and comes as it is.
    expect(body.transferredBytes).toBeGreaterThan(3 * CHUNK_SIZE);
    expect(body.transferredBytes).toBeLessThan(changed + 5 * CHUNK_SIZE);
  });

  test('is the same whenever it is made', async () => {
    await using scratch = await scratchFolder();
    await using one = await campus(join(scratch.path, 'one'));
    await using two = await campus(join(scratch.path, 'two'));
    const digests = [one, two].map(({ v2 }) => [v2.manifestSha256, v2.deltas[0]?.indexSha256]);
    expect(digests[0]).toEqual(digests[1]);
    const [a, b] = await Promise.all(
      ['one', 'two'].map((name) => readFile(join(scratch.path, name, 'lab-2-from-1.delta'))),
    );
    expect(a && b && a.equals(b)).toBe(true);
  });

  test.each([
    ['whose frames are damaged', DELTA, Buffer.alloc(400_000, 7)],
    ['whose index is not the signed one', `${DELTA}-index`, Buffer.alloc(64)],
    ['that is cut off', DELTA, Buffer.alloc(100)],
  ])('%s is made up for by chunks', async (_name, path, bytes) => {
    await using scratch = await scratchFolder();
    await using source = await campus(join(scratch.path, 'campus'));
    source.server.fault = (request, response) => {
      if (request.url !== path) return false;
      const [, from, to] = /(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      if (from === undefined) response.writeHead(200).end(bytes);
      else response.writeHead(206).end(bytes.subarray(Number(from), Number(to) + 1));
      return true;
    };
    await using rig = await imageRig(scratch.path);
    for (const ref of source.refs) {
      await rig.images.apply([ref]);
      await rig.idle();
    }
    expect(rig.images.status('lab')).toMatchObject({ current: '2', error: null });
    const held = await rig.images.acquire('lab');
    expect((await readFile(held.path)).equals(V2)).toBe(true);
    held.release();
  });

  test('from a version that is not here, or has rotted, is made up for too', async () => {
    await using scratch = await scratchFolder();
    await using source = await campus(join(scratch.path, 'campus'));
    await using fresh = await imageRig(join(scratch.path, 'fresh'));
    await fresh.images.apply(source.refs.slice(1));
    await fresh.idle();
    expect(source.server.requests.some(({ path }) => path.includes('delta'))).toBe(false);
    await using rig = await imageRig(join(scratch.path, 'rotted'));
    await rig.images.apply(source.refs.slice(0, 1));
    await rig.idle();
    const path = join(scratch.path, 'rotted/images/lab/current');
    await writeFile(path, noise(V1.length, 'rot'));
    await rig.images.apply(source.refs.slice(1));
    await rig.idle();
    for (const one of [fresh, rig]) {
      const held = await one.images.acquire('lab');
      expect((await readFile(held.path)).equals(V2)).toBe(true);
      held.release();
    }
  });
});
