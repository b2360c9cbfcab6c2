/**
 * Reading a version back, all of it or a sample, and bringing chunks that are wrong or unreadable
 * (BTRFS answers EIO where a checksum fails) from other versions or through the transports.
 */
import { open } from 'node:fs/promises';
import type { Logger } from '../log/logger.ts';
import { Bitmap } from './bitmap.ts';
import { ChunkTarget } from './chunk-target.ts';
import type { ChunkWorkers } from './chunk-workers.ts';
import { fill, type TransportAccount, type WorkContext } from './fill.ts';
import { copyLocal, type LocalSource } from './local.ts';
import type { ImageManifest } from './manifest.ts';
import type { Pace } from './pace.ts';
import type { ImageStore } from './store.ts';
import type { Transport } from './transport.ts';
import { stampOf, type VersionRecord } from './version.ts';

export interface VerifyOptions {
  readonly store: ImageStore;
  readonly version: VersionRecord;
  /** Of all chunks, more than 0, to 1: everything. */
  readonly fraction: number;
  readonly random: () => number;
  readonly context: WorkContext;
  /** Low priority: nobody waits for it. */
  readonly workers: ChunkWorkers;
  readonly pace: Pace;
  readonly log: Logger;
  readonly clock: { now(): number };
  /** Other versions that may have the chunks; asked only when some are wrong. */
  readonly sources: () => Promise<readonly LocalSource[]>;
  /** Where repairs come from; asked only when some are wrong. */
  readonly transports: (manifest: ImageManifest) => Promise<readonly Transport[]>;
}

export interface VerifyReport {
  readonly image: string;
  readonly version: string;
  readonly root: string;
  readonly checked: number;
  readonly wrong: number;
  readonly repaired: number;
  readonly seconds: number;
  readonly transports: readonly TransportAccount[];
}

/**
 * @throws KioskError `IMAGE_HASH_MISMATCH` where the image manifest itself is damaged (the
 * version has to be received again); what {@link fill} throws where a repair fails: the version
 * then counts as damaged and is not started
 */
export async function verifyVersion(options: VerifyOptions): Promise<VerifyReport> {
  const { store, version, context, clock, log } = options;
  const startedAt = performance.now();
  const release = store.use(version);
  try {
    const manifest = await store.manifest(version);
    const chosen = choose(manifest, options);
    const wrong = await findWrong(manifest, chosen, options);
    let transports: TransportAccount[] = [];
    const { size } = await stampOf(store.imagePath(version));
    if (wrong.length > 0 || size !== manifest.size) {
      log.warn('an image has wrong chunks', {
        code: 'IMAGE_HASH_MISMATCH',
        image: version.image,
        wrong: wrong.length,
      });
      const damaged = await store.update(version, { damaged: true });
      transports = await repair(manifest, wrong, { ...options, version: damaged });
    }
    const whole = chosen.length === manifest.chunks;
    await store.update(version, {
      damaged: wrong.length > 0 || whole ? false : version.damaged,
      // A whole verification also settles a file that was touched without being changed.
      ...(wrong.length > 0 || whole ? { stamp: await stampOf(store.imagePath(version)) } : {}),
      ...(whole ? { verifiedAt: clock.now() } : {}),
    });
    const report: VerifyReport = {
      image: version.image,
      version: version.version,
      root: version.root,
      checked: chosen.length,
      wrong: wrong.length,
      repaired: wrong.length,
      seconds: (performance.now() - startedAt) / 1000,
      transports,
    };
    log.info('image verified', { ...report });
    context.progress(1, 'verifying');
    return report;
  } finally {
    release();
  }
}

function choose(manifest: ImageManifest, { fraction, random }: VerifyOptions): number[] {
  const chosen: number[] = [];
  for (let index = 0; index < manifest.chunks; index++) {
    if (fraction >= 1 || random() < fraction) chosen.push(index);
  }
  return chosen;
}

async function findWrong(
  manifest: ImageManifest,
  chosen: readonly number[],
  { store, version, context, workers }: VerifyOptions,
): Promise<number[]> {
  const file = await open(store.imagePath(version), 'r');
  try {
    const right = new Bitmap(manifest.chunks);
    let checked = 0;
    const target = new ChunkTarget({
      manifest,
      fd: file.fd,
      have: right,
      workers: () => workers,
      onProgress: () => {
        checked++;
        context.progress(checked / chosen.length, 'verifying');
      },
    });
    await target.check(chosen, async () => {
      context.signal.throwIfAborted();
      await context.throttleWhilePaused();
    });
    return chosen.filter((index) => !right.has(index));
  } finally {
    await file.close();
  }
}

/**
 * Writes right chunks in place, so that machines that have the file open get them too. A crash in
 * between leaves a chunk that is as wrong as before, and a stamp that the next launch refuses.
 */
async function repair(
  manifest: ImageManifest,
  wrong: readonly number[],
  options: VerifyOptions,
): Promise<TransportAccount[]> {
  const { store, version, context, workers } = options;
  const path = store.imagePath(version);
  const have = new Bitmap(manifest.chunks);
  const missing = new Set(wrong);
  for (let index = 0; index < manifest.chunks; index++) if (!missing.has(index)) have.add(index);
  const reader = await open(path, 'r');
  await reader.chmod(0o600);
  const file = await open(path, 'r+');
  const target = new ChunkTarget({
    manifest,
    fd: file.fd,
    have,
    workers: () => workers,
    onProgress: () => context.progress(1 - target.missing / wrong.length, 'repairing'),
  });
  try {
    await file.truncate(manifest.size);
    const between = async (): Promise<void> => context.signal.throwIfAborted();
    await target.fillZeros(between);
    await copyLocal(target, await options.sources(), between);
    const transports = await options.transports(manifest);
    const accounts = await fill({ ...options, target, transports });
    await target.sync();
    return accounts;
  } finally {
    await target.settled();
    await file.chmod(0o400);
    await file.close();
    await reader.close();
  }
}
