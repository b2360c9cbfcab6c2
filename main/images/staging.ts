/**
 * An image while it arrives: `<root>.partial`, and `<root>.have`, a hint of which chunks are in
 * it. After a crash the hint may say more than is on the disk, so what it names is read back
 * before it counts.
 */
import { chmod, type FileHandle, open, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errno, fromDiskError } from '../base/errors.ts';
import { Bitmap } from './bitmap.ts';
import { isBtrfs, reflink } from './filesystem.ts';
import { type LocalSource, sharedIndexes } from './local.ts';
import type { ImageManifest } from './manifest.ts';
import { Original } from './original.ts';

export interface Staged {
  readonly path: string;
  readonly file: FileHandle;
  /** What counts as present: empty for a file that was resumed or cloned. */
  readonly have: Bitmap;
  /** What should be right and is to be checked. */
  readonly unchecked: Bitmap;
  /** What it was cloned from just now, where reading that one is as good; the caller closes it. */
  readonly original?: Original | undefined;
}

/**
 * Opens the staged file of a manifest: resumes it, or clones the base, or makes it anew.
 * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`
 */
export async function openStaged(
  folder: string,
  manifest: ImageManifest,
  base: LocalSource | undefined,
): Promise<Staged> {
  const path = partialPath(folder, manifest.root);
  try {
    const hint = await readHint(folder, manifest);
    if (hint) {
      const file = await openIfPresent(path);
      if (file && (await file.stat()).size === manifest.size) {
        return { path, file, have: new Bitmap(manifest.chunks), unchecked: hint };
      }
      await file?.close();
    }
    await rm(path, { force: true });
    const original = base && (await isBtrfs(folder)) ? await Original.open(base.path) : undefined;
    const cloned = base !== undefined && (await reflink(original?.path ?? base.path, path));
    const file = await open(path, cloned ? 'r+' : 'wx+', 0o600);
    await file.truncate(manifest.size);
    const have = new Bitmap(manifest.chunks);
    const unchecked = new Bitmap(manifest.chunks);
    if (cloned) {
      for (const index of sharedIndexes(manifest, base.manifest)) unchecked.add(index);
      return { path, file, have, unchecked, original };
    }
    await original?.close();
    // A new file is one hole: its chunks of zeros are right already.
    for (let index = 0; index < manifest.chunks; index++) {
      if (manifest.isZero(index)) have.add(index);
    }
    return { path, file, have, unchecked };
  } catch (error) {
    throw fromDiskError(error, 'preparing an image');
  }
}

/**
 * Writes down what is, or should be, present. In place and not synced: it is only a hint, and a
 * disk that is full has no room for a second copy.
 */
export async function saveHint(
  folder: string,
  root: string,
  { have, unchecked }: Pick<Staged, 'have' | 'unchecked'>,
): Promise<void> {
  const path = hintPath(folder, root);
  try {
    const file = (await openIfPresent(path)) ?? (await open(path, 'w', 0o600));
    try {
      const bytes = have.toBytes();
      for (const [at, bits] of unchecked.toBytes().entries()) bytes[at] = (bytes[at] ?? 0) | bits;
      await file.write(bytes, 0, bytes.length, 0);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fromDiskError(error, 'saving the progress of an image');
  }
}

/** Removes what belongs to images that are no longer awaited; `wanted`: roots and manifest hashes. */
export async function sweepStaging(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const hash = /^([0-9a-f]{64})\.(?:partial|have|manifest)$/.exec(name)?.[1];
    if (hash !== undefined && !wanted.has(hash)) await rm(join(folder, name), { force: true });
  }
}

function partialPath(folder: string, root: string): string {
  return join(folder, `${root}.partial`);
}

export function hintPath(folder: string, root: string): string {
  return join(folder, `${root}.have`);
}

async function readHint(folder: string, manifest: ImageManifest): Promise<Bitmap | undefined> {
  try {
    return Bitmap.from(await readFile(hintPath(folder, manifest.root)), manifest.chunks);
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function openIfPresent(path: string): Promise<FileHandle | undefined> {
  try {
    // A crash while it was published left it read-only.
    await chmod(path, 0o600);
    return await open(path, 'r+');
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined;
    throw error;
  }
}
