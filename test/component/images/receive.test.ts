import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHUNK_SIZE } from '../../../main/images/manifest.ts';
import type { PackResult } from '../../../main/images/pack.ts';
import {
  httpPort,
  imageBytes,
  imageRig,
  packBytes,
  rangeServer,
  refOf,
  scratchFolder,
} from '../../support/images.ts';

/** Packs versions of an image and serves them as `<version>` and `<version>.manifest`. */
async function campus(scratch: { path: string }, versions: Readonly<Record<string, Buffer>>) {
  const packed: Record<string, PackResult> = {};
  const files: Record<string, Buffer> = {};
  const folder = join(scratch.path, 'campus');
  await mkdir(folder, { recursive: true });
  for (const [version, bytes] of Object.entries(versions)) {
    const result = await packBytes(folder, bytes, { id: 'debian', version });
    packed[version] = result;
    files[version] = await readFile(result.chunksPath);
    files[`${version}.manifest`] = await readFile(result.manifestPath);
  }
  const server = await rangeServer(files);
  const pick = (version: string): PackResult => {
    const result = packed[version];
    if (!result) throw new Error(`no version ${version}`);
    return result;
  };
  return {
    server,
    folder,
    packed: pick,
    ref: (version: string, urls = [`${server.url}/${version}`]) =>
      refOf(pick(version), urls, `${server.url}/${version}.manifest`),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const isChunks = (request: IncomingMessage): boolean => !request.url?.endsWith('.manifest');

describe('an image arrives from the campus by HTTP', () => {
  test('it is packed, received, verified and handed to a machine', async () => {
    await using scratch = await scratchFolder();
    const bytes = imageBytes(40, 1234);
    await using source = await campus(scratch, { '1': bytes });
    await using rig = await imageRig(scratch.path);
    await rig.images.apply([source.ref('1')]);
    expect(rig.images.status('debian')).toMatchObject({ current: null, next: '1' });
    await expect(rig.images.acquire('debian')).rejects.toMatchObject({
      code: 'MACHINE_IMAGE_MISSING',
    });
    await expect(rig.images.acquire('other')).rejects.toMatchObject({ code: 'IMAGE_UNKNOWN' });
    await rig.idle();
    expect(rig.images.status('debian')).toEqual({
      current: '1',
      next: null,
      progress: 0,
      secondsLeft: null,
      startable: true,
      error: null,
    });
    const acquired = await rig.images.acquire('debian');
    expect(acquired).toMatchObject({ format: 'raw', version: '1' });
    expect(await readFile(acquired.path)).toEqual(bytes);
    expect(await rig.images.list()).toMatchObject([{ current: true, inUse: true }]);
    acquired.release();
    expect(await rig.images.list()).toMatchObject([{ current: true, inUse: false }]);
    const { root, storedSize } = source.packed('1').manifest;
    expect(rig.reports).toMatchObject([
      { kind: 'image.committed', body: { root, transferredBytes: storedSize, retries: 0 } },
    ]);
    expect(await readFile(join(scratch.path, 'images/debian/current'))).toEqual(bytes);
    expect(await readdir(join(scratch.path, 'images/debian/staging'))).toEqual([]);
  });

  test('an empty image and one of a single byte arrive too', async () => {
    await using scratch = await scratchFolder();
    await using source = await campus(scratch, { '0': Buffer.alloc(0), '1': Buffer.from('x') });
    await using rig = await imageRig(scratch.path);
    for (const [version, size] of [
      ['0', 0],
      ['1', 1],
    ] as const) {
      await rig.images.apply([source.ref(version)]);
      await rig.idle();
      const acquired = await rig.images.acquire('debian');
      expect((await stat(acquired.path)).size).toBe(size);
      acquired.release();
    }
  });

  test('an update costs the changed chunks, and nothing when nothing changed', async () => {
    await using scratch = await scratchFolder();
    const v2 = imageBytes(41, 99, { 4: 'new', 17: 'newer', 30: 'newest' });
    await using source = await campus(scratch, { '1': imageBytes(40, 1234), '2': v2 });
    await using rig = await imageRig(scratch.path);
    await rig.images.apply([source.ref('1')]);
    await rig.idle();
    const held = await rig.images.acquire('debian');
    source.server.bytesSent = 0;
    await rig.images.apply([source.ref('2')]);
    await rig.idle();
    // Chunks 4, 17 and 30, chunk 40 that was short, and the new tail.
    const { manifest, manifestSize } = source.packed('2');
    const changed = [4, 17, 30, 40, 41].reduce((sum, at) => sum + manifest.stored(at).length, 0);
    expect(source.server.bytesSent).toBe(changed + manifestSize);
    expect(rig.reports.at(-1)?.body).toMatchObject({ transferredBytes: changed });
    expect(rig.images.status('debian')).toMatchObject({ current: '2', next: null });
    // The version in use stays, and is what it was.
    expect(await readFile(held.path)).toEqual(imageBytes(40, 1234));
    held.release();
    const acquired = await rig.images.acquire('debian');
    expect(await readFile(acquired.path)).toEqual(v2);
    acquired.release();

    const requests = source.server.requests.length;
    await rig.images.apply([source.ref('2')]);
    await rig.idle();
    expect(source.server.requests.length).toBe(requests);
  });

  test('chunks that moved, and those of another image, are copied on the kiosk', async () => {
    await using scratch = await scratchFolder();
    const bytes = imageBytes(24, 0);
    const moved = Buffer.concat([
      bytes.subarray(16 * CHUNK_SIZE),
      bytes.subarray(0, 16 * CHUNK_SIZE),
    ]);
    await using source = await campus(scratch, { '1': bytes });
    const other = await packBytes(source.folder, moved, { id: 'other', version: '1' });
    await using files = await rangeServer({ manifest: await readFile(other.manifestPath) });
    await using rig = await imageRig(scratch.path);
    await rig.images.apply([source.ref('1')]);
    await rig.idle();
    await rig.images.apply([
      source.ref('1'),
      refOf(other, [`${files.url}/chunks`], `${files.url}/manifest`),
    ]);
    await rig.idle();
    expect(files.requests).toEqual([{ path: 'manifest', range: undefined }]);
    const acquired = await rig.images.acquire('other');
    expect(await readFile(acquired.path)).toEqual(moved);
    acquired.release();
  });

  test('the same contents under another version cost the manifest alone', async () => {
    await using scratch = await scratchFolder();
    const bytes = imageBytes(8, 5);
    await using source = await campus(scratch, { '1': bytes, '1-rebuilt': bytes });
    await using rig = await imageRig(scratch.path);
    await rig.images.apply([source.ref('1')]);
    await rig.idle();
    source.server.bytesSent = 0;
    await rig.images.apply([source.ref('1-rebuilt')]);
    await rig.idle();
    expect(source.server.bytesSent).toBe(source.packed('1-rebuilt').manifestSize);
    expect(rig.images.status('debian')).toMatchObject({ current: '1-rebuilt', next: null });
    (await rig.images.acquire('debian')).release();
  });

  test('what was cancelled goes on from what was verified', async () => {
    await using scratch = await scratchFolder();
    await using source = await campus(scratch, { '1': imageBytes(256, 7) });
    let sent = 0;
    let stopAfter = 3 * 1024 * 1024;
    source.server.fault = (request, response, bytes) => {
      if (!isChunks(request)) return false;
      const [, from = '0', to = '0'] = /(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      const part = bytes.subarray(Number(from), Number(to) + 1);
      response.writeHead(206, { 'content-length': part.length });
      const allowed = Math.min(part.length, Math.max(0, stopAfter - sent));
      sent += allowed;
      response.write(part.subarray(0, allowed));
      if (allowed === part.length) response.end();
      return true;
    };
    await using rig = await imageRig(scratch.path);
    await rig.images.apply([source.ref('1')]);
    await expect.poll(() => sent).toBe(stopAfter);
    const [job] = rig.jobs.list();
    await rig.jobs.cancel(job?.id ?? '');
    expect(rig.images.status('debian')).toMatchObject({ current: null, next: '1', progress: 0 });
    stopAfter = Number.POSITIVE_INFINITY;
    sent = 0;
    await rig.images.apply([source.ref('1')]);
    await rig.idle();
    expect(rig.images.status('debian').current).toBe('1');
    const total = source.packed('1').manifest.storedSize;
    expect(sent).toBeLessThan(total - 1024 * 1024);
    expect(sent).toBeGreaterThan(0);
  });

  test('a paused transfer asks for nothing; a ceiling is kept', async () => {
    await using scratch = await scratchFolder();
    await using source = await campus(scratch, { '1': imageBytes(160, 0) });
    await using rig = await imageRig(scratch.path);
    rig.images.setPace({ bytesPerSecond: 4 * 1024 * 1024, busy: true });
    const startedAt = performance.now();
    await rig.images.apply([source.ref('1')]);
    await expect.poll(() => source.server.bytesSent).toBeGreaterThan(100_000);
    const id = rig.jobs.list()[0]?.id ?? '';
    rig.jobs.pause(id);
    // Requests that were under way end; then nothing more is asked for.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const paused = source.server.requests.length;
    await new Promise((resolve) => setTimeout(resolve, 700));
    expect(source.server.requests.length).toBe(paused);
    rig.jobs.resume(id);
    await rig.idle();
    expect(rig.images.status('debian').current).toBe('1');
    // About 8 MB at 4 MiB/s, of which the last request is not waited for.
    expect(performance.now() - startedAt).toBeGreaterThan(900);
  });
});

describe('servers that fail', () => {
  const faults: Record<
    string,
    (request: IncomingMessage, response: ServerResponse, bytes: Buffer) => void
  > = {
    'answers 500': (_request, response) => response.writeHead(500).end(),
    'breaks off in the middle': (_request, response) => {
      response.writeHead(206, { 'content-length': 100_000_000 });
      response.write(Buffer.alloc(10_000), () => response.destroy());
    },
    'sends a short body': (_request, response, bytes) => {
      response.writeHead(206).end(bytes.subarray(0, 70_000));
    },
    'sends wrong bytes': (request, response) => {
      const [, from = '0', to = '0'] = /(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
      const length = Number(to) + 1 - Number(from);
      response.writeHead(206, { 'content-length': length }).end(Buffer.alloc(length, 1));
    },
  };
  for (const [name, fault] of Object.entries(faults)) {
    test(`one that ${name}: the other delivers, and the image is right`, async () => {
      await using scratch = await scratchFolder();
      const bytes = imageBytes(48, 3);
      await using source = await campus(scratch, { '1': bytes });
      await using bad = await rangeServer({ '1': await readFile(source.packed('1').chunksPath) });
      bad.fault = (request, response, file) => {
        fault(request, response, file);
        return true;
      };
      await using rig = await imageRig(scratch.path);
      await rig.images.apply([source.ref('1', [`${bad.url}/1`, `${source.server.url}/1`])]);
      await rig.idle();
      expect(bad.requests.length).toBeGreaterThan(0);
      const acquired = await rig.images.acquire('debian');
      expect(await readFile(acquired.path)).toEqual(bytes);
      acquired.release();
    });

    test(`all ${name}: nothing is published, it is said, and it comes later`, async () => {
      await using scratch = await scratchFolder();
      await using source = await campus(scratch, { '1': imageBytes(48, 3) });
      source.server.fault = (request, response, file) => {
        if (!isChunks(request)) return false;
        fault(request, response, file);
        return true;
      };
      await using rig = await imageRig(scratch.path);
      await rig.images.apply([source.ref('1')]);
      await rig.idle();
      expect(rig.images.status('debian')).toMatchObject({
        current: null,
        next: '1',
        startable: false,
        error: { code: 'IMAGE_TRANSPORT_FAILED' },
      });
      expect(rig.reports).toMatchObject([
        { kind: 'image.failed', body: { code: 'IMAGE_TRANSPORT_FAILED' } },
      ]);
      expect(await rig.images.list()).toEqual([]);
      source.server.fault = undefined;
      await rig.images.apply([source.ref('1')]);
      await rig.idle();
      expect(rig.images.status('debian')).toMatchObject({ current: '1', error: null });
    });
  }

  test('without ranges the whole file is read, and what is missing taken from it', async () => {
    await using scratch = await scratchFolder();
    const v2 = imageBytes(96, 7, { 4: 'a', 50: 'b' });
    await using source = await campus(scratch, { '1': imageBytes(96, 7), '2': v2 });
    await using other = await rangeServer({ '2': await readFile(source.packed('2').chunksPath) });
    const full = (_request: IncomingMessage, response: ServerResponse, bytes: Buffer): boolean => {
      response.writeHead(200).end(bytes);
      return true;
    };
    await using rig = await imageRig(scratch.path);
    source.server.fault = full;
    await rig.images.apply([source.ref('1')]);
    await rig.idle();
    expect(rig.reports.at(-1)?.body).toMatchObject({
      transferredBytes: source.packed('1').manifest.storedSize,
    });
    // One breaks off behind chunk 4, for ever; the other has a wrong chunk 4.
    const { offset, length } = source.packed('2').manifest.stored(4);
    source.server.fault = (request, response, bytes) => {
      if (!isChunks(request)) return full(request, response, bytes);
      response.writeHead(200, { 'content-length': bytes.length });
      response.write(bytes.subarray(0, offset + length + 10), () => response.destroy());
      return true;
    };
    other.fault = (request, response, bytes) =>
      full(request, response, Buffer.from(bytes).fill(1, offset, offset + 9));
    await rig.images.apply([source.ref('2', [`${source.server.url}/2`, `${other.url}/2`])]);
    await rig.idle();
    const acquired = await rig.images.acquire('debian');
    expect(acquired.version).toBe('2');
    expect(await readFile(acquired.path)).toEqual(v2);
    acquired.release();
  });

  test('one that hangs is left when the client gives up, and the old version starts meanwhile', async () => {
    await using scratch = await scratchFolder();
    await using source = await campus(scratch, {
      '1': imageBytes(9, 3),
      '2': imageBytes(9, 3, { 1: 'x' }),
    });
    await using rig = await imageRig(scratch.path, {
      http: {
        ...httpPort,
        range: (url, start, end, { signal }) =>
          httpPort.range(url, start, end, {
            signal: AbortSignal.any([signal, AbortSignal.timeout(300)]),
          }),
      },
    });
    await rig.images.apply([source.ref('1')]);
    await rig.idle();
    source.server.fault = (request) => isChunks(request);
    await rig.images.apply([source.ref('2')]);
    (await rig.images.acquire('debian')).release();
    expect(rig.images.status('debian')).toMatchObject({
      current: '1',
      next: '2',
      startable: true,
    });
    await rig.idle();
    expect(rig.images.status('debian')).toMatchObject({ current: '1', next: '2', startable: true });
  });

  test('an image manifest that the campus did not sign is refused', async () => {
    await using scratch = await scratchFolder();
    await using source = await campus(scratch, { '1': imageBytes(2, 0), '2': imageBytes(3, 0) });
    await using rig = await imageRig(scratch.path);
    const ref = source.ref('1');
    for (const [manifest, code] of [
      [{ ...ref.manifest, sha256: '0'.repeat(64) }, 'IMAGE_HASH_MISMATCH'],
      [source.ref('2').manifest, 'IMAGE_MANIFEST_INVALID'],
      [{ ...ref.manifest, size: 20 }, 'CAMPUS_RESPONSE_TOO_LARGE'],
    ] as const) {
      await rig.images.apply([{ ...ref, manifest }]);
      await rig.idle();
      expect(rig.images.status('debian').error).toMatchObject({ code });
    }
    expect(await rig.images.list()).toEqual([]);
  });
});

describe('other sources', () => {
  test('a folder at hand brings manifest and chunks; damage in it is fetched elsewhere', async () => {
    await using scratch = await scratchFolder();
    const bytes = imageBytes(30, 77);
    await using source = await campus(scratch, { '1': bytes });
    const { chunksPath, manifest } = source.packed('1');
    const chunks = await readFile(chunksPath);
    chunks.writeUInt32LE(0xdeadbeef, manifest.stored(9).offset);
    await writeFile(chunksPath, chunks);
    await using rig = await imageRig(scratch.path, { nearbyFolders: async () => [source.folder] });
    await rig.images.apply([source.ref('1')]);
    await rig.idle();
    expect(source.server.bytesSent).toBe(manifest.stored(9).length);
    expect(rig.reports[0]?.body).toMatchObject({ repairedChunks: 1, mismatches: 1 });
    const acquired = await rig.images.acquire('debian');
    expect(await readFile(acquired.path)).toEqual(bytes);
    acquired.release();
  });

  test('a plain layout is served as the image itself', async () => {
    await using scratch = await scratchFolder();
    const bytes = imageBytes(12, 345);
    const packed = await packBytes(scratch.path, bytes, {
      id: 'plain',
      version: '1',
      layout: 'plain',
    });
    await using server = await rangeServer({
      image: bytes,
      manifest: await readFile(packed.manifestPath),
    });
    await using rig = await imageRig(scratch.path);
    await rig.images.apply([refOf(packed, [`${server.url}/image`], `${server.url}/manifest`)]);
    await rig.idle();
    const acquired = await rig.images.acquire('plain');
    expect(await readFile(acquired.path)).toEqual(bytes);
    acquired.release();
    // The chunk of zeros was not asked for.
    expect(server.bytesSent).toBe(bytes.length - CHUNK_SIZE * 2 + packed.manifestSize);
  });
});
