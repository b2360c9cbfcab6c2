/** The image store on real file systems: BTRFS's reflinks and checksums, and a disk that fills. */
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, open, readFile, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { errno } from '../../main/base/errors.ts';
import { ChunkTarget } from '../../main/images/chunk-target.ts';
import { ChunkWorkers } from '../../main/images/chunk-workers.ts';
import { CHUNK_SIZE } from '../../main/images/manifest.ts';
import { checkShared } from '../../main/images/receive.ts';
import { openStaged } from '../../main/images/staging.ts';
import {
  imageBytes,
  imageRig,
  noise,
  packBytes,
  rangeServer,
  refOf,
  scratchFolder,
} from '../support/images.ts';
import { loopDiskMissing, testDisk } from '../support/loop-disk.ts';

const missing = loopDiskMissing('mkfs.btrfs', 'btrfs', 'chattr', 'lsattr');
if (missing) console.log(`images-disk: skipped, ${missing}`);

async function campus(folder: string, versions: readonly Buffer[]) {
  const files: Record<string, Buffer> = {};
  const packed = [];
  for (const [at, bytes] of versions.entries()) {
    const result = await packBytes(folder, bytes, { id: 'win', version: `${at + 1}` });
    packed.push(result);
    files[`${at + 1}`] = await readFile(result.chunksPath);
    files[`${at + 1}.manifest`] = await readFile(result.manifestPath);
  }
  const server = await rangeServer(files);
  return {
    server,
    refs: packed.map((one, at) =>
      refOf(one, [`${server.url}/${at + 1}`], `${server.url}/${at + 1}.manifest`),
    ),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function used(path: string): Promise<number> {
  execFileSync('sync', ['-f', path]);
  const { blocks, bfree, bsize } = await statfs(path);
  return (blocks - bfree) * bsize;
}

describe.skipIf(missing)('on BTRFS', () => {
  test('an update shares what did not change; images are compressed, session disks are not copied on write', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'btrfs', 1024 ** 3);
    const v1 = noise(64 * 1024 * 1024, 'v1');
    const v2 = Buffer.from(v1);
    noise(CHUNK_SIZE, 'changed').copy(v2, 100 * CHUNK_SIZE);
    await using source = await campus(scratch.path, [v1, v2]);
    await using rig = await imageRig(disk.path);
    await rig.images.apply(source.refs.slice(0, 1));
    await rig.idle();
    const before = await used(disk.path);
    await rig.images.apply(source.refs.slice(1));
    await rig.idle();
    const held = await rig.images.acquire('win');
    expect(held.version).toBe('2');
    expect((await readFile(held.path)).equals(v2)).toBe(true);
    held.release();
    expect((await used(disk.path)) - before).toBeLessThan(4 * 1024 * 1024);
    const property = execFileSync('btrfs', ['property', 'get', held.path, 'compression']);
    expect(property.toString()).toContain('zstd');
    const flags = execFileSync('lsattr', ['-d', join(disk.path, 'overlays')]).toString();
    expect(flags.split(' ')[0]).toContain('C');
  });

  test('what an update shares is read before it is published: a wrong chunk is not', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'btrfs', 512 * 1024 ** 2);
    const v2 = imageBytes(300, 0, { 4: 'new' });
    await using source = await campus(scratch.path, [imageBytes(300, 0), v2]);
    await using rig = await imageRig(disk.path);
    await rig.images.apply(source.refs.slice(0, 1));
    await rig.idle();
    const path = join(disk.path, 'images/win/current');
    const { atime, mtime } = await stat(path);
    await chmod(path, 0o600);
    const file = await open(path, 'r+');
    // Written through the file system: its checksums are right, the bytes are not.
    await file.write(Buffer.alloc(16), 0, 16, 90 * CHUNK_SIZE);
    await file.utimes(atime, mtime);
    await file.close();
    source.server.requests.length = 0;
    await rig.images.apply(source.refs.slice(1));
    await rig.idle();
    expect(rig.images.status('win')).toMatchObject({ current: '2', startable: true });
    expect((await readFile(path)).equals(v2)).toBe(true);
    expect(source.server.requests.filter(({ range }) => range !== undefined)).toHaveLength(2);
  });

  test('a version that is mended while an update that shares it is read: the update is read itself', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'btrfs', 512 * 1024 ** 2);
    const right = imageBytes(300, 0);
    const { manifest } = await packBytes(scratch.path, right, { id: 'win', version: '1' });
    const at = 90 * CHUNK_SIZE;
    const path = join(disk.path, 'version');
    const staging = join(disk.path, 'staging');
    await mkdir(staging);
    await writeFile(path, right);
    const file = await open(path, 'r+');
    await file.write(Buffer.alloc(16), 0, 16, at);
    await sleep(500); // its time of change is in the past, as a version's is
    const workers = new ChunkWorkers({ count: 2, priority: 'normal' });
    const staged = await openStaged(staging, manifest, { path, manifest });
    const target = new ChunkTarget({
      ...{ manifest, fd: staged.file.fd, have: staged.have, unchecked: staged.unchecked },
      ...{ workers: () => workers, onProgress: () => {} },
    });
    try {
      expect(staged.original).toBeDefined();
      // The clone has the wrong bytes; who read the version from now on would find it right.
      await checkShared(target, staged, async () => {
        await file.write(right, at, 16, at);
      });
      expect([...target.missingIndexes()]).toEqual([90]);
    } finally {
      await workers.close();
      await staged.file.close();
      await staged.original?.close();
      await file.close();
    }
  });

  test('bytes that flip on the platter are EIO to the reader, and repaired', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'btrfs', 512 * 1024 ** 2);
    const bytes = imageBytes(40, 4096);
    await using source = await campus(scratch.path, [bytes]);
    let path: string;
    {
      await using rig = await imageRig(disk.path);
      await rig.images.apply(source.refs);
      await rig.idle();
      const held = await rig.images.acquire('win');
      path = held.path;
      held.release();
    }
    disk.unmount();
    const backing = disk.backing ?? '';
    const platter = await readFile(backing);
    // Copy-on-write may have left an older copy of the chunk behind: every one is damaged.
    const pattern = bytes.subarray(9 * CHUNK_SIZE, 9 * CHUNK_SIZE + 64);
    const file = await open(backing, 'r+');
    let copies = 0;
    for (let at = platter.indexOf(pattern); at >= 0; at = platter.indexOf(pattern, at + 1)) {
      await file.write(Buffer.alloc(16), 0, 16, at);
      copies++;
    }
    await file.close();
    expect(copies).toBeGreaterThan(0);
    disk.mount();
    const reader = await open(path, 'r');
    const failure = await reader
      .read(Buffer.alloc(CHUNK_SIZE), 0, CHUNK_SIZE, 9 * CHUNK_SIZE)
      .catch(errno);
    await reader.close();
    expect(failure).toBe('EIO');

    await using rig = await imageRig(disk.path);
    await rig.images.apply(source.refs);
    rig.images.verify('win');
    await rig.idle();
    expect(rig.reports.at(-1)).toMatchObject({ kind: 'image.repaired', body: { wrong: 1 } });
    expect((await readFile(path)).equals(bytes)).toBe(true);
    (await rig.images.acquire('win')).release();
  });
});

describe.skipIf(missing)('a disk that fills', () => {
  test('what does not fit is refused before a byte of it is asked for', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'tmpfs', 8 * 1024 * 1024);
    await using source = await campus(scratch.path, [noise(12 * 1024 * 1024, 'large')]);
    await using rig = await imageRig(disk.path);
    await rig.images.apply(source.refs);
    await rig.idle();
    expect(rig.images.status('win').error).toMatchObject({ code: 'DISK_FULL' });
    expect(source.server.requests.map(({ path }) => path)).toEqual(['1.manifest']);
  });

  test('for room, versions that nobody needs go first', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'tmpfs', 12 * 1024 * 1024);
    const versions = ['a', 'b', 'c'].map((seed) => noise(5 * 1024 * 1024, seed));
    await using source = await campus(scratch.path, versions);
    await using rig = await imageRig(disk.path, { policy: { keepPrevious: 5 } });
    for (const ref of source.refs) {
      await rig.images.apply([ref]);
      await rig.idle();
    }
    expect((await rig.images.list()).map(({ version }) => version)).toEqual(['3', '2']);
  });

  test('one that fills half way keeps what arrived, and the rest comes when there is room', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'tmpfs', 16 * 1024 * 1024);
    const bytes = noise(12 * 1024 * 1024, 'image');
    await using source = await campus(scratch.path, [bytes]);
    await using rig = await imageRig(disk.path);
    const ballast = join(disk.path, 'ballast');
    source.server.fault = (request) => {
      if (request.url === '/1' && source.server.requests.length === 2) {
        // Someone else writes as the first chunks arrive.
        execFileSync('sh', ['-c', `head -c 9M /dev/zero > ${ballast}`]);
      }
      return false;
    };
    await rig.images.apply(source.refs);
    await rig.idle();
    expect(rig.images.status('win').error).toMatchObject({ code: 'DISK_FULL' });
    expect(await rig.images.list()).toEqual([]);
    source.server.fault = undefined;
    await rm(ballast);
    source.server.bytesSent = 0;
    await rig.images.apply(source.refs);
    await rig.idle();
    const held = await rig.images.acquire('win');
    expect((await readFile(held.path)).equals(bytes)).toBe(true);
    held.release();
    expect(source.server.bytesSent).toBeLessThan(bytes.length);
  });

  test('a read-only store still starts what it has', async () => {
    await using scratch = await scratchFolder();
    await using disk = await testDisk(join(scratch.path, 'disk'), 'ext4', 64 * 1024 * 1024);
    const bytes = imageBytes(20, 0);
    await using source = await campus(scratch.path, [bytes, imageBytes(20, 0, { 1: 'x' })]);
    {
      await using rig = await imageRig(disk.path);
      await rig.images.apply(source.refs.slice(0, 1));
      await rig.idle();
    }
    execFileSync('mount', ['-o', 'remount,ro', disk.path]);
    await using rig = await imageRig(disk.path);
    const held = await rig.images.acquire('win');
    expect((await readFile(held.path)).equals(bytes)).toBe(true);
    held.release();
    await rig.images.apply(source.refs.slice(1));
    await rig.idle();
    expect(rig.images.status('win')).toMatchObject({
      current: '1',
      startable: true,
      error: { code: 'DISK_READ_ONLY' },
    });
  });
});
