/** A committed version on disk: the names of its files, and the record beside them. */
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Id, Timestamp } from '../../preload/contract/model.ts';
import { KioskError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files.ts';
import { Sha256 } from '../base/manifest.ts';
import { type ImageManifest, parseImageManifest } from './manifest.ts';

/** What identifies a file's contents cheaply: any write changes `mtimeNs`. */
const FileStamp = z.object({
  size: z.int().min(0),
  mtimeNs: z.string().regex(/^\d{1,20}$/),
  inode: z.string().regex(/^\d{1,20}$/),
});
export type FileStamp = z.infer<typeof FileStamp>;

export const VersionRecord = z.object({
  record: z.literal(1),
  image: Id,
  version: z.string().min(1).max(128),
  root: Sha256,
  format: z.enum(['qcow2', 'raw']),
  size: z.int().min(0),
  /** Of the image manifest, as the signed campus manifest pinned it. */
  manifestSha256: Sha256,
  stamp: FileStamp,
  committedAt: Timestamp,
  /** When every chunk was last read and found right. */
  verifiedAt: Timestamp.nullable(),
  /** Never collected. */
  pinned: z.boolean(),
  /** Chunks were found wrong and could not be brought again yet: it is not started. */
  damaged: z.boolean().default(false),
});
export type VersionRecord = z.infer<typeof VersionRecord>;

/** The folder of one image, and the names in it. */
export class ImageFolder {
  readonly path: string;
  constructor(storeFolder: string, image: string) {
    this.path = join(storeFolder, image);
  }
  imagePath(root: string): string {
    return join(this.path, `${root}.img`);
  }
  manifestPath(root: string): string {
    return join(this.path, `${root}.manifest`);
  }
  recordPath(root: string): string {
    return join(this.path, `${root}.json`);
  }
  get currentPath(): string {
    return join(this.path, 'current');
  }
  get holdPath(): string {
    return join(this.path, 'hold.json');
  }
  get stagingPath(): string {
    return join(this.path, 'staging');
  }
}

export async function stampOf(path: string): Promise<FileStamp> {
  const { size, mtimeNs, ino } = await stat(path, { bigint: true });
  return { size: Number(size), mtimeNs: String(mtimeNs), inode: String(ino) };
}

export function sameStamp(a: FileStamp, b: FileStamp): boolean {
  return a.size === b.size && a.mtimeNs === b.mtimeNs && a.inode === b.inode;
}

export async function writeRecord(folder: ImageFolder, record: VersionRecord): Promise<void> {
  await writeFileAtomic(folder.recordPath(record.root), `${JSON.stringify(record, null, 2)}\n`);
}

/** @returns undefined where there is none, or it is damaged: it can be made again */
export async function readRecord(
  folder: ImageFolder,
  root: string,
): Promise<VersionRecord | undefined> {
  try {
    const parsed = VersionRecord.safeParse(
      JSON.parse(await readFile(folder.recordPath(root), 'utf8')),
    );
    return parsed.success && parsed.data.root === root ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Reads a stored image manifest.
 * @param sha256 the hash that it must have; absent: any (it is then known by its root alone)
 * @throws KioskError `IMAGE_MANIFEST_INVALID`, `IMAGE_HASH_MISMATCH`
 */
export async function readManifestFile(
  path: string,
  sha256?: string,
): Promise<{ manifest: ImageManifest; sha256: string }> {
  const bytes = await readFile(path);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== undefined && actual !== sha256) {
    throw new KioskError('IMAGE_HASH_MISMATCH', 'An image manifest on the disk has changed.');
  }
  return { manifest: parseImageManifest(bytes), sha256: actual };
}
