import { execFileSync } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Database, openDatabase } from '../../../main/database/database.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { BLOB_TABLES } from '../../../main/uicache/blob-index.ts';
import { BlobStore } from '../../../main/uicache/blobs.ts';
import { temporaryFolder } from '../../support/uicache.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let open: { store: BlobStore; database: Database }[];

beforeEach(async () => {
  folder = await temporaryFolder();
  open = [];
});
afterEach(async () => {
  await closeAll();
  await folder.remove();
});

async function closeAll(): Promise<void> {
  for (const { store, database } of open.splice(0)) {
    await store.close();
    database.close();
  }
}

/** The index is elsewhere: a full disk of blobs shall not fill it too. */
async function start(blobs = join(folder.path, 'blobs'), segmentBytes = 64 * 1024) {
  const path = join(folder.path, 'index.db');
  const log = silentLogger;
  const database = openDatabase({ path, migrations: [BLOB_TABLES], log });
  const store = await BlobStore.open({
    folder: blobs,
    database,
    readOnly: false,
    log,
    segmentBytes,
  });
  open.push({ store, database });
  return store;
}

interface Blob {
  readonly sha256: string;
  readonly content: Buffer;
}

function blobs(count: number, size: number): Blob[] {
  return Array.from({ length: count }, () => {
    const content = randomBytes(size);
    return { content, sha256: hash('sha256', content) };
  });
}

async function putAll(store: BlobStore, all: readonly Blob[]): Promise<void> {
  await Promise.all(all.map(({ sha256, content }) => store.put(sha256, content)));
}

async function expectAll(store: BlobStore, all: readonly Blob[]): Promise<void> {
  for (const { sha256, content } of all) {
    expect(content.equals((await store.read(sha256)) ?? Buffer.alloc(0))).toBe(true);
  }
}

test('many at once, over several segments, are there before and after they are durable', async () => {
  const store = await start();
  const all = blobs(100, 3_000);
  await putAll(store, all);
  await expectAll(store, all);
  await store.flush();
  expect(readdirSync(join(folder.path, 'blobs')).length).toBeGreaterThan(3);
  await closeAll();
  await expectAll(await start(), all);
});

test('content with another hash is not taken', async () => {
  const store = await start();
  const [one] = blobs(1, 10);
  expect(await store.put(one?.sha256 ?? '', Buffer.from('something else'))).toBe(false);
  expect(store.has(one?.sha256 ?? '')).toBe(false);
});

test('a stream that is too short, too long, wrong or broken leaves nothing', async () => {
  const store = await start();
  const [blob = expect.unreachable()] = blobs(1, 200_000);
  const { sha256, content } = blob;
  const pieces = async function* (...parts: Buffer[]): AsyncGenerator<Buffer> {
    yield* parts;
  };
  const broken = async function* (): AsyncGenerator<Buffer> {
    yield content.subarray(0, 1000);
    throw new Error('connection lost');
  };
  expect(await store.putStream(sha256, 200_000, pieces(content.subarray(1)))).toBe(false);
  expect(await store.putStream(sha256, 200_000, pieces(content, content))).toBe(false);
  expect(await store.putStream(sha256, 200_000, pieces(randomBytes(200_000)))).toBe(false);
  await expect(store.putStream(sha256, 200_000, broken())).rejects.toThrow('connection lost');
  expect(readdirSync(join(folder.path, 'blobs'))).toEqual([]);
  expect(await store.putStream(sha256, 200_000, pieces(content))).toBe(true);
  await expectAll(store, [blob]);
});

test('a sweep gives space back, while others go on putting', async () => {
  const store = await start();
  const old = blobs(60, 3_000);
  await putAll(store, old);
  await store.flush();
  const kept = old.filter((_, index) => index % 5 === 0);
  const fresh = blobs(60, 3_000);
  const size = (): number =>
    readdirSync(join(folder.path, 'blobs'))
      .map((name) => statSync(join(folder.path, 'blobs', name)).size)
      .reduce((sum, bytes) => sum + bytes, 0);
  const before = size();
  await Promise.all([
    store.sweep(() => new Set(kept.map(({ sha256 }) => sha256))),
    new Promise((resolve) => setImmediate(resolve)).then(() => putAll(store, fresh)),
  ]);
  await store.flush();
  expect(size()).toBeLessThan(before + 60 * 3_200);
  await closeAll();
  const again = await start();
  await expectAll(again, [...kept, ...fresh]);
  expect(old.filter(({ sha256 }) => again.has(sha256))).toHaveLength(kept.length);
});

const root = process.getuid?.() === 0;
if (!root) console.log('skipped: a disk that fills up (mounting a tmpfs needs root)');

describe.skipIf(!root)('a disk that fills up while blobs are written', () => {
  let disk: string;
  beforeEach(() => {
    disk = join(folder.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', disk]);
  });
  afterEach(async () => {
    await closeAll();
    execFileSync('umount', [disk]);
  });

  test('is named, costs nothing that was durable, and is used again when there is room', async () => {
    const store = await start(join(disk, 'blobs'), 64 * 1024 * 1024);
    const first = blobs(50, 10_000);
    await putAll(store, first);
    await store.flush();
    const filler = join(disk, 'filler');
    writeFileSync(filler, Buffer.alloc(2 * 1024 * 1024));

    const second = blobs(200, 20_000);
    const failed = (async () => {
      await putAll(store, second);
      await store.flush();
    })();
    await expect(failed).rejects.toMatchObject({ code: 'DISK_FULL' });
    await expectAll(store, first);
    // Whatever of the rest counts as there is there.
    await expectAll(
      store,
      second.filter(({ sha256 }) => store.has(sha256)),
    );

    rmSync(filler);
    await store.sweep(() => new Set(first.map(({ sha256 }) => sha256)));
    const third = blobs(40, 20_000);
    await putAll(store, third);
    await store.flush();
    await closeAll();
    await expectAll(await start(join(disk, 'blobs')), [...first, ...third]);
  });
});
