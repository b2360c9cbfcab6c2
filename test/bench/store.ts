/**
 * `npm run bench -- store`: how long a session's disk takes whatever the image's size, and what an
 * update between two Debian images costs: in bytes against casync, in time against the whole image.
 * The goal of time is for security updates (120 MB of files, as the goal was measured for); a whole
 * upgrade, of which a quarter is new and is written as in a whole transfer, is shown beside it.
 */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageRef } from '../../main/base/manifest.ts';
import { CHUNK_SIZE, ImageManifest, zeroHash } from '../../main/images/manifest.ts';
import { type PackResult, packImage } from '../../main/images/pack.ts';
import { checkBase, createQcow2 } from '../../main/sessions/vm/overlay.ts';
import { debianImages } from '../support/debian-images.ts';
import { imageRig, noise, refOf, scratchFolder } from '../support/images.ts';
import { loopDiskMissing, testDisk } from '../support/loop-disk.ts';
import { median, printResult, printTable } from './report.ts';

const GOALS = { time: 0.2, bytes: 1.1, cloneMs: 50 };
const MIB = 1024 ** 2;

const missing = loopDiskMissing('mkfs.btrfs', 'mmdebstrap', 'casync', 'nginx');
if (missing) {
  console.log(`bench store: cannot run, ${missing}`);
  printResult({ bench: 'store', ratio: 0, goal: GOALS.time, ok: false, skipped: missing });
  process.exit(0);
}

await using scratch = await scratchFolder();
await using disk = await testDisk(join(scratch.path, 'disk'), 'btrfs', 12 * 1024 ** 3);
const served = join(scratch.path, 'campus');
await mkdir(served);
await using server = await staticServer(served);

const clones = [];
for (const gib of [1, 10, 40]) clones.push({ gib, ms: await cloneTime(gib) });

const images = await debianImages();
const before = await pack(images.before, 'before');
const packed = {
  some: await pack(images.some, 'some', [before.manifestPath]),
  all: await pack(images.all, 'all', [before.manifestPath]),
};
const pairs = [];
for (const which of ['some', 'all'] as const) {
  const whole = await update(`whole-${which}`, [packed[which]]);
  const delta = await update(`delta-${which}`, [before, packed[which]]);
  const restarted = await update(`cold-${which}`, [before, packed[which]], 'restart');
  const casync = await casyncBytes(images.before, images[which]);
  pairs.push({
    name: { some: 'security updates, 14 packages', all: 'whole upgrade' }[which],
    ...{ whole, delta, restarted, casync },
    time: delta.seconds / whole.seconds,
    cold: restarted.seconds / whole.seconds,
    bytes: delta.bytes / casync,
  });
}

printTable([
  ['session disk on', 'median ms', 'slowest ms'],
  ...clones.map(({ gib, ms }) => [`${gib} GiB`, round(median(ms), 1), round(Math.max(...ms), 1)]),
]);
for (const { name, whole, delta, restarted, casync, time, cold, bytes } of pairs) {
  console.log();
  printTable([
    [`Debian image, ${name}`, 'MiB', 's'],
    ['whole image', round(whole.bytes / MIB, 1), round(whole.seconds, 2)],
    ['update from the version before', round(delta.bytes / MIB, 1), round(delta.seconds, 2)],
    ['the same, after a restart', round(restarted.bytes / MIB, 1), round(restarted.seconds, 2)],
    ['casync, the same update', round(casync / MIB, 1), '-'],
    ['ratio', round(bytes, 3), round(time, 3)],
    ['ratio after a restart', '-', round(cold, 3)],
  ]);
}
const cloneMs = Math.max(...clones.map(({ ms }) => median(ms)));
const [updates, upgrade] = pairs;
const ratio = updates?.time ?? Number.NaN;
// Of bytes, the worse pair counts.
const bytesRatio = Math.max(...pairs.map(({ bytes }) => bytes));
printResult({
  bench: 'store',
  ratio,
  goal: GOALS.time,
  ok: ratio <= GOALS.time && bytesRatio <= GOALS.bytes && cloneMs < GOALS.cloneMs,
  restartRatio: round(updates?.cold ?? Number.NaN, 3),
  upgradeRatio: round(upgrade?.time ?? Number.NaN, 3),
  bytesRatio: round(bytesRatio, 3),
  bytesGoal: GOALS.bytes,
  cloneMs: round(cloneMs, 1),
  cloneGoalMs: GOALS.cloneMs,
});

function pack(source: string, version: string, parents: string[] = []): Promise<PackResult> {
  return packImage({ source, id: 'debian', version, outputFolder: served, parents });
}

/** From the image's name to a disk that QEMU can open: the check at launch and the overlay. */
async function cloneTime(gib: number): Promise<number[]> {
  const id = `sparse-${gib}`;
  const size = gib * 1024 ** 3;
  const chunks = size / CHUNK_SIZE;
  const hashes = Buffer.alloc(chunks * 32);
  for (let index = 0; index < chunks; index++) hashes.set(zeroHash(CHUNK_SIZE), index * 32);
  const data = join(scratch.path, 'data.img');
  await writeFile(data, noise(16 * CHUNK_SIZE, id));
  const { manifest: part, chunksPath } = await packImage({
    source: data,
    id,
    version: '1',
    outputFolder: served,
  });
  const storedLengths = new Uint32Array(chunks);
  // The data, spread over the image.
  for (let index = 0; index < part.chunks; index++) {
    const at = index * (chunks / part.chunks);
    hashes.set(part.hash(index), at * 32);
    storedLengths[at] = part.stored(index).length;
  }
  const manifest = new ImageManifest({
    ...{ id, version: '1', format: 'raw', layout: 'packed', parents: [] },
    ...{ size, hashes, storedLengths },
  });
  const manifestPath = join(served, `${id}-1.manifest`);
  await writeFile(manifestPath, manifest.encode());
  const digest = execFileSync('sha256sum', [manifestPath]).toString().slice(0, 64);
  const packed: PackResult = {
    ...{ manifest, manifestPath, chunksPath, manifestSha256: digest },
    manifestSize: (await stat(manifestPath)).size,
    deltas: [],
  };
  await using rig = await imageRig(join(disk.path, id));
  await rig.images.apply([refFor(packed)]);
  await rig.idle();
  const times: number[] = [];
  for (let run = 0; run < 21; run++) {
    const overlay = join(disk.path, id, 'overlays', `${run}.qcow2`);
    const startedAt = performance.now();
    const image = await rig.images.acquire(id);
    await createQcow2(overlay, await checkBase(image.path, image.format), image);
    times.push(performance.now() - startedAt);
    image.release();
  }
  return times;
}

/**
 * Receives versions one after another into a new store; what the last one cost.
 * @param between `restart`: nothing of the version before is in the kernel's memory any more
 */
async function update(
  name: string,
  versions: readonly PackResult[],
  between: 'restart' | 'nothing' = 'nothing',
): Promise<{ bytes: number; seconds: number }> {
  let cost = { bytes: 0, seconds: 0 };
  for (const version of versions) {
    await using rig = await imageRig(join(disk.path, name));
    execFileSync('sync');
    const startedAt = performance.now();
    await rig.images.apply([refFor(version)]);
    await rig.idle();
    const seconds = (performance.now() - startedAt) / 1000;
    if (rig.images.status('debian').current !== version.manifest.version) {
      throw new Error(`version ${version.manifest.version} did not arrive`);
    }
    const bytes = Number(rig.reports.at(-1)?.body.transferredBytes) + version.manifestSize;
    cost = { bytes, seconds };
    if (between === 'restart' && version !== versions.at(-1)) {
      await rig[Symbol.asyncDispose]();
      await unmounted();
      disk.mount();
    }
  }
  await rm(join(disk.path, name), { recursive: true });
  return cost;
}

/** A thread that was told to end may hold its last file for a moment. */
async function unmounted(): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      disk.unmount();
      return;
    } catch (error) {
      if (tries === 50) throw error;
      await sleep(100);
    }
  }
}

/**
 * What casync would fetch of `v2` with `v1` as seed: new chunks, and the index. The store keeps
 * the chunks of `v1` only, for the next pair.
 */
async function casyncBytes(v1: string, v2: string): Promise<number> {
  const store = join(scratch.path, 'castore');
  const make = (index: string, image: string): void => {
    execFileSync('casync', ['make', `--store=${store}`, join(scratch.path, index), image], {
      stdio: 'ignore',
    });
  };
  const chunks = async (): Promise<string[]> => {
    const entries = await readdir(store, { recursive: true, withFileTypes: true });
    return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  };
  if (!existsSync(store)) make('v1.caibx', v1);
  const before = new Set(await chunks());
  make('v2.caibx', v2);
  let bytes = (await stat(join(scratch.path, 'v2.caibx'))).size;
  for (const path of await chunks()) {
    if (before.has(path)) continue;
    bytes += (await stat(path)).size;
    await rm(path);
  }
  return bytes;
}

function refFor(packed: PackResult): ImageRef {
  const name = packed.chunksPath.split('/').at(-1);
  const manifest = packed.manifestPath.split('/').at(-1);
  return refOf(packed, [`${server.url}/${name}`], `${server.url}/${manifest}`, server.url);
}

/** nginx, as a campus would run it. */
async function staticServer(root: string): Promise<AsyncDisposable & { url: string }> {
  const probe = createServer();
  const port = await new Promise<number>((resolve) => {
    probe.listen(0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port));
  });
  await new Promise((resolve) => probe.close(resolve));
  const pid = join(scratch.path, 'nginx.pid');
  const config = join(scratch.path, 'nginx.conf');
  await writeFile(
    config,
    `daemon off; user root; pid ${pid}; error_log stderr;
     events {} http { access_log off; sendfile on; client_body_temp_path ${scratch.path};
     server { listen 127.0.0.1:${port}; root ${root}; } }`,
  );
  const child = spawn('nginx', ['-c', config, '-p', scratch.path], { stdio: 'inherit' });
  const ended = new Promise((resolve) => child.once('close', resolve));
  while (!existsSync(pid)) {
    if (child.exitCode !== null) throw new Error('nginx ended at once');
    await sleep(20);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}
