/** Brings the missing files of a bundle into the blob store, several at once. */
import { setMaxListeners } from 'node:events';
import { statfs } from 'node:fs/promises';
import { KioskError } from '../base/errors.ts';
import type { BundleFile, UiBundle } from '../base/manifest.ts';
import { type FetchFile, WHOLE_FILE_BYTES } from './api.ts';
import type { BlobStore } from './blobs.ts';
import type { LoadedBundle } from './bundle-index.ts';
import { collect } from './collect.ts';

/** A file that came wrong is asked for again so often: a proxy or a publication in progress. */
const TRIES = 2;
/** Files above {@link WHOLE_FILE_BYTES} that come at once. */
const LARGE_AT_ONCE = 4;
/** Left free on the disk for everybody else. */
const DISK_RESERVE_BYTES = 32 * 1024 * 1024;
const PROGRESS_STEP = 0.01;

/** The files of a bundle whose content is not in the store, each content once. */
export function missingFiles({ files }: LoadedBundle, blobs: BlobStore): BundleFile[] {
  const missing = new Map<string, BundleFile>();
  for (const file of files.values()) {
    if (!missing.has(file.sha256) && !blobs.has(file.sha256)) missing.set(file.sha256, file);
  }
  return [...missing.values()];
}

export interface DownloadOptions {
  readonly bundle: UiBundle;
  readonly files: readonly BundleFile[];
  readonly blobs: BlobStore;
  readonly fetchFile: FetchFile;
  /** Small files asked for at once. */
  readonly concurrency: number;
  readonly signal: AbortSignal;
  /** Where the blobs live; its disk must have room. */
  readonly folder: string;
  /** 0 to 1 of the bytes, in steps of a hundredth. */
  readonly onProgress: (fraction: number) => void;
}

/**
 * Resolves when all are in the store (not yet flushed). The first failure stops the rest; what
 * came before stays.
 * @throws KioskError as `fetchFile` does; `UI_FILE_MISMATCH`, `DISK_FULL`, `DISK_READ_ONLY`
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { files, concurrency } = options;
  const total = files.reduce((sum, file) => sum + file.size, 0);
  await checkSpace(options.folder, total);
  const progress = steps(total, options.onProgress);
  const failed = new AbortController();
  const signal = AbortSignal.any([options.signal, failed.signal]);
  setMaxListeners(0, signal);
  let failure: { error: unknown } | undefined;
  const worker = async (queue: Iterable<BundleFile>): Promise<void> => {
    for (const file of queue) {
      if (signal.aborted) return;
      try {
        await bring(file, options, signal);
        progress(file.size);
      } catch (error) {
        failure ??= { error };
        failed.abort();
        return;
      }
    }
  };
  const workers = (some: readonly BundleFile[], most: number): Promise<void>[] => {
    const queue = some.values();
    return Array.from({ length: Math.min(most, some.length) }, () => worker(queue));
  };
  const large = files.filter(({ size }) => size > WHOLE_FILE_BYTES);
  const small = files.filter(({ size }) => size <= WHOLE_FILE_BYTES);
  await Promise.all([...workers(small, concurrency), ...workers(large, LARGE_AT_ONCE)]);
  if (options.signal.aborted) {
    throw new KioskError('CANCELLED', 'Fetching the UI was stopped.');
  }
  if (failure !== undefined) throw failure.error;
}

async function bring(
  file: BundleFile,
  { bundle, blobs, fetchFile }: DownloadOptions,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const answer = fetchFile(file, bundle, { signal });
    if (Symbol.asyncIterator in answer && file.size > WHOLE_FILE_BYTES) {
      if (await blobs.putStream(file.sha256, file.size, answer)) return;
    } else {
      if (await blobs.put(file.sha256, await collect(answer, file.size))) return;
    }
  }
  throw new KioskError(
    'UI_FILE_MISMATCH',
    `The UI file "${file.path}" is not what the manifest says.`,
    { details: { path: file.path, version: bundle.version } },
  );
}

/** @throws KioskError `DISK_FULL` before anything is fetched for nothing */
async function checkSpace(folder: string, needed: number): Promise<void> {
  if (needed === 0) return;
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= needed + DISK_RESERVE_BYTES) return;
  throw new KioskError('DISK_FULL', 'The disk has no room for the new UI.', {
    details: { needed, free },
  });
}

/** Adds up bytes, and tells when another hundredth is there. */
function steps(total: number, tell: (fraction: number) => void): (bytes: number) => void {
  let done = 0;
  let told = 0;
  return (bytes) => {
    done += bytes;
    const fraction = total === 0 ? 1 : done / total;
    if (fraction - told < PROGRESS_STEP) return;
    told = fraction;
    tell(fraction);
  };
}
