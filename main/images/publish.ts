/**
 * Publishing: how a complete, verified file becomes a version. A power cut or a kill at any point
 * leaves either no trace of the version or all of it, and `current` on a version that is whole.
 */
import { mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { fromDiskError } from '../base/errors.ts';
import { fsyncFolder, writeFileAtomic } from '../base/files.ts';
import type { ImageManifest } from './manifest.ts';
import { type ImageFolder, stampOf, type VersionRecord, writeRecord } from './version.ts';

/** In this order; each names what is about to happen. */
export const PUBLISH_STEPS = [
  'sync-image',
  'write-manifest',
  'rename-image',
  'sync-folders',
  'write-record',
  'switch-current',
  'published',
] as const;
export type PublishStep = (typeof PUBLISH_STEPS)[number];

export interface PublishOptions {
  readonly folder: ImageFolder;
  /** The complete file in the staging folder. */
  readonly staged: string;
  readonly manifest: ImageManifest;
  /** The image manifest's exact bytes, and their hash as the signed manifest pinned it. */
  readonly manifestBytes: Uint8Array;
  readonly manifestSha256: string;
  readonly clock: Clock;
  readonly onStep?: (step: PublishStep) => void;
}

/**
 * @returns the record of the version that is now current
 * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`
 */
export async function publish(options: PublishOptions): Promise<VersionRecord> {
  const { folder, staged, manifest, onStep = () => {} } = options;
  try {
    onStep('sync-image');
    const file = await open(staged, 'r+');
    try {
      await file.chmod(0o400);
      await file.sync();
    } finally {
      await file.close();
    }
    onStep('write-manifest');
    await writeFileAtomic(folder.manifestPath(manifest.root), options.manifestBytes);
    // From this rename on the version exists: the file under its final name is whole and synced.
    onStep('rename-image');
    await rename(staged, folder.imagePath(manifest.root));
    onStep('sync-folders');
    await fsyncFolder(folder.path);
    await fsyncFolder(folder.stagingPath);
    onStep('write-record');
    const now = options.clock.now();
    const record: VersionRecord = {
      record: 1,
      image: manifest.id,
      version: manifest.version,
      root: manifest.root,
      format: manifest.format,
      size: manifest.size,
      manifestSha256: options.manifestSha256,
      stamp: await stampOf(folder.imagePath(manifest.root)),
      committedAt: now,
      verifiedAt: now,
      pinned: false,
      damaged: false,
    };
    await writeRecord(folder, record);
    onStep('switch-current');
    await switchCurrent(folder, manifest.root);
    onStep('published');
    return record;
  } catch (error) {
    throw fromDiskError(error, 'publishing an image');
  }
}

/** Points `current` at a version, at once and durably. */
export async function switchCurrent(folder: ImageFolder, root: string): Promise<void> {
  const temporary = join(folder.path, '.current');
  await rm(temporary, { force: true });
  await symlink(basename(folder.imagePath(root)), temporary);
  await rename(temporary, folder.currentPath);
  await fsyncFolder(folder.path);
}

/** The folders of an image, durable before anything is put in them. */
export async function makeImageFolder(folder: ImageFolder, storeFolder: string): Promise<void> {
  await mkdir(folder.stagingPath, { recursive: true, mode: 0o700 });
  await fsyncFolder(folder.path);
  await fsyncFolder(storeFolder);
}
