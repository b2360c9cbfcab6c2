/** Files of the campus: whole and verified, resumed after a cut, never more than was asked for. */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import type { Campus } from '../../main/campus/api.ts';
import { codeOf } from '../unit/campus/support.ts';
import { Cleanup, testCampus, testKiosk } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const content = randomBytes(3_000_000);
const sha256 = createHash('sha256').update(content).digest('hex');
const size = content.length;

async function setUp() {
  const campus = await testCampus(cleanup);
  await campus.publish();
  await writeFile(join(campus.www, 'image.data'), content);
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
  const folder = await cleanup.folder();
  return { campus, kiosk, folder, path: join(folder, 'image') };
}

async function bytes(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('download', () => {
  test('arrives whole, with progress, and nothing else is left', async () => {
    const { kiosk, folder, path } = await setUp();
    const progress: number[] = [];
    await kiosk.http.download('image.data', path, {
      size,
      sha256,
      onProgress: (n) => progress.push(n),
    });
    expect(content.equals(await readFile(path))).toBe(true);
    expect(await readdir(folder)).toEqual(['image']);
    expect(progress.at(-1)).toBe(size);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  test('a connection that dies half way is resumed by Range within the same call', async () => {
    const { campus, kiosk, path } = await setUp();
    campus.server.setFault({ path: /data$/, kind: 'die', afterBytes: 1_000_000, times: 2 });
    const progress: number[] = [];
    await kiosk.http.download('image.data', path, {
      size,
      sha256,
      onProgress: (n) => progress.push(n),
    });
    expect(content.equals(await readFile(path))).toBe(true);
    expect(campus.server.requests.get('GET /image.data')).toBe(3);
    // Nothing was fetched twice: the position never went back.
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  test('after a restart it goes on where it was', async () => {
    const { campus, kiosk, path } = await setUp();
    campus.server.setFault({ path: /data$/, kind: 'die', afterBytes: 500_000 });
    const stop = new AbortController();
    const first = kiosk.http.download('image.data', path, {
      size,
      sha256,
      signal: stop.signal,
      onProgress: (n) => n > 400_000 && stop.abort(),
    });
    await expect(first).rejects.toThrow();
    const kept = (await stat(`${path}.part`)).size;
    expect(kept).toBeGreaterThan(400_000);
    campus.server.setFault(null);

    const again = await testKiosk(cleanup, [{ url: campus.server.url }]);
    let lowest = size;
    await again.http.download('image.data', path, {
      size,
      sha256,
      onProgress: (n) => {
        lowest = Math.min(lowest, n);
      },
    });
    expect(content.equals(await readFile(path))).toBe(true);
    expect(lowest).toBeGreaterThan(kept);
  });

  test('a file that was replaced in between is fetched from its beginning', async () => {
    const { campus, kiosk, path } = await setUp();
    const old = randomBytes(size);
    await writeFile(join(campus.www, 'image.data'), old);
    campus.server.setFault({ path: /data$/, kind: 'die', afterBytes: 500_000 });
    const wanted = { size, sha256 };
    expect(await codeOf(() => kiosk.http.download('image.data', path, wanted))).toBe(
      'CAMPUS_BAD_RESPONSE',
    );
    campus.server.setFault(null);
    await writeFile(join(campus.www, 'image.data'), content);
    await kiosk.http.download('image.data', path, wanted);
    expect(content.equals(await readFile(path))).toBe(true);
  });

  test('wrong bytes are never published, and not kept for next time', async () => {
    const { campus, kiosk, folder, path } = await setUp();
    await writeFile(join(campus.www, 'image.data'), randomBytes(size));
    await expect(kiosk.http.download('image.data', path, { size, sha256 })).rejects.toMatchObject({
      code: 'CAMPUS_BAD_RESPONSE',
      details: { reason: 'sha256' },
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test('a file that is longer than the manifest says is cut off', async () => {
    const { campus, kiosk, folder, path } = await setUp();
    campus.server.setFault({ path: /data$/, kind: 'huge', bytes: 2e8, announced: false });
    expect(await codeOf(() => kiosk.http.download('image.data', path, { size, sha256 }))).toBe(
      'CAMPUS_RESPONSE_TOO_LARGE',
    );
    expect(campus.server.hugeBytesSent).toBeLessThan(5e7);
    expect(await readdir(folder)).toEqual([]);
  });

  test('an empty file', async () => {
    const { campus, kiosk, path } = await setUp();
    await writeFile(join(campus.www, 'empty'), '');
    const empty = createHash('sha256').digest('hex');
    await kiosk.http.download('empty', path, { size: 0, sha256: empty });
    expect((await stat(path)).size).toBe(0);
  });

  test('no space: DISK_FULL', async () => {
    const { kiosk } = await setUp();
    // Every write to it fails with ENOSPC (full(4)).
    const path = join(await cleanup.folder(), 'image');
    await symlink('/dev/full', `${path}.part`);
    expect(await codeOf(() => kiosk.http.download('image.data', path, { size, sha256 }))).toBe(
      'DISK_FULL',
    );
  });
});

describe('range', () => {
  test('exactly the bytes that were asked for', async () => {
    const { kiosk } = await setUp();
    for (const [start, end] of [
      [0, 1],
      [0, size],
      [65_536, 131_072],
      [size - 1, size],
    ] as const) {
      const got = await bytes(kiosk.http.range('image.data', start, end));
      expect(got.equals(content.subarray(start, end))).toBe(true);
    }
  });

  test('a cut in the middle is resumed, on the other server if need be', async () => {
    const { campus } = await setUp();
    const mirror = await testCampus(cleanup);
    await writeFile(join(mirror.www, 'image.data'), content);
    const kiosk: Campus = await testKiosk(cleanup, [
      { url: campus.server.url },
      { url: mirror.server.url, priority: 1 },
    ]);
    campus.server.setFault({ path: /data$/, kind: 'die', afterBytes: 100_000 });
    const got = await bytes(kiosk.http.range('image.data', 1_000, 2_000_000));
    expect(got.equals(content.subarray(1_000, 2_000_000))).toBe(true);
    expect(mirror.server.requests.get('GET /image.data')).toBe(1);
  });

  test('a server that ignores ranges is refused, not downloaded', async () => {
    const { campus, kiosk } = await setUp();
    campus.server.setFault({ path: /data$/, kind: 'replace', body: content });
    await expect(bytes(kiosk.http.range('image.data', 10, 20))).rejects.toMatchObject({
      code: 'CAMPUS_BAD_RESPONSE',
      details: { reason: 'no-range' },
    });
  });

  test('from such a server a file is read whole, as far as it is wanted', async () => {
    const { campus, kiosk } = await setUp();
    campus.server.setFault({ path: /data$/, kind: 'replace', body: content });
    expect((await bytes(kiosk.http.whole('image.data'))).equals(content)).toBe(true);
    let read = 0;
    for await (const chunk of kiosk.http.whole('image.data')) {
      read += chunk.length;
      if (read >= 100_000) break;
    }
    expect(read).toBeLessThan(size);
    await expect(bytes(kiosk.http.whole('absent'))).rejects.toMatchObject({
      code: 'CAMPUS_HTTP_ERROR',
    });
  });

  test('a reader that throttles itself does not make the server slow', async () => {
    const { kiosk } = await setUp();
    let count = 0;
    for await (const chunk of kiosk.http.range('image.data', 0, 200_000)) {
      count += chunk.length;
      // Longer than the window of the least rate and the limit of silence.
      if (count === chunk.length) await new Promise((resolve) => setTimeout(resolve, 3_500));
    }
    expect(count).toBe(200_000);
  });
});

describe('get', () => {
  test('a compressed answer is measured as it unpacks', async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanup.add(() => new Promise((resolve) => server.close(resolve)));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { kiosk } = await setUp();
    const url = `http://127.0.0.1:${port}/`;
    expect(await codeOf(() => kiosk.http.get(url, { maxBytes: 1_000_000 }))).toBe(
      'CAMPUS_RESPONSE_TOO_LARGE',
    );
    const { body } = await kiosk.http.get(url, { maxBytes: 50_000_000 });
    expect(body.length).toBe(50_000_000);
    await kiosk.close();
  });

  test('stops at once when it is told to', async () => {
    const { campus, kiosk } = await setUp();
    campus.server.setFault({ path: /data$/, kind: 'hang' });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 50);
    await expect(
      kiosk.http.get('image.data', { maxBytes: size, signal: stop.signal }),
    ).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('a page is handed back as it is: redirects, errors, headers', async () => {
    const { campus, kiosk } = await setUp();
    const signal = new AbortController().signal;
    const fetch = (path: string, method = 'GET') =>
      kiosk.http.fetchPage({ url: campus.server.url + path, method, signal, maxBytes: size });
    expect((await fetch('nothing')).status).toBe(404);
    const head = await fetch('image.data', 'HEAD');
    expect([head.status, head.body.length]).toEqual([200, 0]);
    campus.server.setFault({ kind: 'redirect', to: 'http://elsewhere.example/' });
    const redirect = await fetch('x');
    expect([redirect.status, redirect.headers.location]).toEqual([
      302,
      'http://elsewhere.example/',
    ]);
  });
});
