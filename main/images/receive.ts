/**
 * Receiving an image: what is here already is shared, the rest comes through the transports, and
 * the version is published once every chunk was found right. Ended at any point, it goes on from
 * what was verified.
 */
import { rm } from 'node:fs/promises';
import { KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import { ChunkTarget } from './chunk-target.ts';
import type { ChunkWorkers } from './chunk-workers.ts';
import { freeBytes, isBtrfs } from './filesystem.ts';
import { fill, type TransportAccount, type WorkContext } from './fill.ts';
import { chooseBase, copyLocal, type LocalSource } from './local.ts';
import type { ImageManifest } from './manifest.ts';
import type { Pace } from './pace.ts';
import type { PublishStep } from './publish.ts';
import { readQcow2Header } from './qcow2.ts';
import { hintPath, openStaged, type Staged, saveHint } from './staging.ts';
import type { ImageStore } from './store.ts';
import type { Transport } from './transport.ts';
import type { VersionRecord } from './version.ts';

/** Milliseconds between two savings of the hint for a resume. */
const HINT_EVERY = 3_000;

export interface ReceiveOptions {
  readonly store: ImageStore;
  readonly manifest: ImageManifest;
  /** The image manifest's exact bytes and their pinned hash. */
  readonly manifestBytes: Uint8Array;
  readonly manifestSha256: string;
  /** Versions on this kiosk that may have some of it. */
  readonly sources: readonly LocalSource[];
  readonly transports: readonly Transport[];
  readonly context: WorkContext;
  readonly pace: Pace;
  readonly workers: () => ChunkWorkers;
  /** Bytes that stay free on the disk. */
  readonly reserve: number;
  /** Asked to free so many more bytes. */
  readonly makeRoom: (bytes: number) => Promise<void>;
  readonly log: Logger;
  readonly onStep?: (step: PublishStep) => void;
}

/** The detailed account that goes to the campus. */
export interface ReceiveReport {
  readonly image: string;
  readonly version: string;
  readonly root: string;
  readonly size: number;
  readonly seconds: number;
  /** Bytes of the image that were on this kiosk already (another version, or an earlier try). */
  readonly localBytes: number;
  /** Bytes from outside, over all transports. */
  readonly transferredBytes: number;
  /** Chunks that another transport than the main one had to bring. */
  readonly repairedChunks: number;
  readonly retries: number;
  readonly mismatches: number;
  readonly transports: readonly TransportAccount[];
}

/**
 * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`, `IMAGE_TRANSPORT_FAILED`,
 * `IMAGE_MANIFEST_INVALID`; the signal's reason. The staged file stays for the next try.
 */
export async function receive(
  options: ReceiveOptions,
): Promise<{ record: VersionRecord; report: ReceiveReport }> {
  const { store, manifest, context, log } = options;
  const startedAt = performance.now();
  const folder = await store.stagingFolder(manifest.id);
  const base = chooseBase(manifest, options.sources);
  const staged = await openStaged(folder, manifest, base);
  let present = presentBytes(manifest, staged);
  let step = 'preparing';
  const target = new ChunkTarget({
    manifest,
    fd: staged.file.fd,
    have: staged.have,
    unchecked: staged.unchecked,
    workers: options.workers,
    onProgress: (bytes) => {
      present += bytes;
      context.progress(manifest.size === 0 ? 1 : present / manifest.size, step);
    },
  });
  const accounts: TransportAccount[] = [];
  let localBytes = 0;
  const stop = new AbortController();
  const between = async (): Promise<void> => {
    context.signal.throwIfAborted();
    stop.signal.throwIfAborted();
    await context.throttleWhilePaused();
  };
  /** Brings what is missing now: zeros, copies, then the transports. */
  const complete = async (): Promise<void> => {
    await target.fillZeros(between);
    await copyLocal(target, options.sources, between);
    await demandSpace(folder, target, staged, options);
    let missing = 0;
    for (const index of target.missingIndexes()) missing += manifest.chunkLength(index);
    localBytes = contentBytes(manifest) - missing;
    step = 'receiving';
    await saveHint(folder, manifest.root, staged);
    accounts.push(...(await fill({ ...options, target })));
  };
  try {
    context.progress(0, step);
    // What a clone shares is read while the rest arrives: the disk and the network wait apart.
    const checking = checkShared(target, staged, between);
    checking.catch(() => {});
    try {
      await withHints(folder, manifest.root, staged, complete);
      step = 'verifying';
      await checking;
      if (target.missing > 0) await withHints(folder, manifest.root, staged, complete);
    } finally {
      stop.abort();
      await checking.catch(() => {});
    }
    await target.sync();
  } finally {
    await target.settled();
    await staged.file.close();
    await staged.original?.close();
  }
  await demandSound(staged.path, manifest);
  context.progress(1, 'publishing');
  const { manifestBytes, manifestSha256, onStep } = options;
  const record = await store.publish({
    staged: staged.path,
    manifest,
    manifestBytes,
    manifestSha256,
    ...(onStep ? { onStep } : {}),
  });
  await rm(hintPath(folder, manifest.root), { force: true });
  const report = account(manifest, accounts, localBytes, (performance.now() - startedAt) / 1000);
  log.info('image committed', { ...report });
  return { record, report };
}

/**
 * Reads every chunk that an earlier try or a clone left: through the file that it was cloned from,
 * as long as that is the same, else from the staged file itself.
 */
export async function checkShared(
  target: ChunkTarget,
  { unchecked, original }: Pick<Staged, 'unchecked' | 'original'>,
  between: () => Promise<void>,
): Promise<void> {
  if (original && (await original.unchanged())) {
    const shared = [...unchecked];
    await target.check(shared, between, original.fd);
    if (await original.unchanged()) return;
    // Someone wrote to it meanwhile: the clone may have what it had before.
    target.distrust(shared);
  }
  await target.check(unchecked, between);
}

/** @throws KioskError `DISK_FULL` before a byte is asked for that could not be kept */
async function demandSpace(
  folder: string,
  target: ChunkTarget,
  { file, have, unchecked }: Staged,
  { reserve, makeRoom }: ReceiveOptions,
): Promise<void> {
  const { manifest } = target;
  let need = 0;
  for (const index of target.missingIndexes()) need += manifest.chunkLength(index);
  if (!(await isBtrfs(folder))) {
    // Blocks of an earlier try that did not verify are written over. (On BTRFS nothing is.)
    let held = (await file.stat()).blocks * 512;
    for (const some of [have, unchecked]) {
      for (const index of some) if (!manifest.isZero(index)) held -= manifest.chunkLength(index);
    }
    need -= Math.min(need, Math.max(0, held));
  }
  need += reserve;
  if ((await freeBytes(folder)) >= need) return;
  await makeRoom(need - (await freeBytes(folder)));
  const free = await freeBytes(folder);
  if (free < need) {
    throw new KioskError(
      'DISK_FULL',
      `${manifest.id} needs ${need} bytes with the reserve, and ${free} are free.`,
      { details: { needed: need, free } },
    );
  }
}

function presentBytes(manifest: ImageManifest, { have }: Staged): number {
  let bytes = 0;
  for (const index of have) bytes += manifest.chunkLength(index);
  return bytes;
}

/** Bytes of an image that are not in chunks of zeros. */
function contentBytes(manifest: ImageManifest): number {
  let bytes = 0;
  for (let index = 0; index < manifest.chunks; index++) {
    if (!manifest.isZero(index)) bytes += manifest.chunkLength(index);
  }
  return bytes;
}

async function withHints<T>(
  folder: string,
  root: string,
  staged: Staged,
  work: () => Promise<T>,
): Promise<T> {
  const known = (): number => staged.have.count + staged.unchecked.count;
  let saved = known();
  let saving = Promise.resolve();
  const save = (): void => {
    if (known() === saved) return;
    saved = known();
    // A hint that cannot be written costs a resume, not the transfer.
    saving = saving.then(() => saveHint(folder, root, staged)).catch(() => {});
  };
  const timer = setInterval(save, HINT_EVERY);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    save();
    await saving;
  }
}

/**
 * A qcow2 file may name other files of the host. The campus signed this one, yet no signature is
 * worth a guest that reads what it should not.
 */
async function demandSound(path: string, manifest: ImageManifest): Promise<void> {
  if (manifest.format !== 'qcow2') return;
  const header = await readQcow2Header(path);
  if (!header || header.backingFile !== null || header.externalData || header.corrupt) {
    throw new KioskError(
      'IMAGE_MANIFEST_INVALID',
      `${manifest.id} ${manifest.version} is not a qcow2 image that stands alone.`,
    );
  }
}

function account(
  manifest: ImageManifest,
  transports: readonly TransportAccount[],
  localBytes: number,
  seconds: number,
): ReceiveReport {
  const sum = (pick: (account: TransportAccount) => number): number =>
    transports.reduce((total, one) => total + pick(one), 0);
  const most = Math.max(0, ...transports.map(({ chunks }) => chunks));
  const main = transports.find(({ chunks }) => chunks === most)?.transport;
  return {
    image: manifest.id,
    version: manifest.version,
    root: manifest.root,
    size: manifest.size,
    seconds,
    localBytes,
    transferredBytes: sum(({ bytes }) => bytes),
    repairedChunks: sum((one) => (one.transport === main ? 0 : one.chunks)),
    retries: sum(({ retries }) => retries),
    mismatches: sum(({ mismatches }) => mismatches),
    transports,
  };
}
