/** Handing a version out to a machine: looked at once more, and held while it is used. */
import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { KioskError } from '../base/errors.ts';
import { CHUNK_SIZE, type ImageFormat, sampleChunks } from './manifest.ts';
import type { ImageStore } from './store.ts';
import { sameStamp, stampOf, type VersionRecord } from './version.ts';

/** A base image: complete, verified, and not to be written. */
export interface AcquiredImage {
  /** Absolute. */
  readonly path: string;
  readonly format: ImageFormat;
  readonly version: string;
  /** Ends the use; safe to call twice. */
  release(): void;
}

/** Chunks read back at launch: enough to notice a file that is not what it was, in milliseconds. */
const SAMPLES = 8;

/**
 * @throws KioskError `MACHINE_IMAGE_CORRUPT` where the image manifest is not the one that the
 * campus signed, the file was written to since it was verified, or a sampled chunk is wrong
 */
export async function launchVersion(
  version: VersionRecord,
  options: {
    readonly store: ImageStore;
    readonly random: () => number;
  },
): Promise<AcquiredImage> {
  const { store, random } = options;
  const release = store.use(version);
  try {
    const path = store.imagePath(version);
    const verdict = await look(version, store, random);
    if (version.damaged || verdict !== 'ok') {
      throw new KioskError(
        'MACHINE_IMAGE_CORRUPT',
        `${version.image} ${version.version} failed the check at launch.`,
        {
          details: {
            image: version.image,
            version: version.version,
            check: version.damaged ? 'verify' : verdict,
          },
        },
      );
    }
    return { path, format: version.format, version: version.version, release };
  } catch (error) {
    release();
    if (error instanceof KioskError) throw error;
    throw new KioskError('MACHINE_IMAGE_CORRUPT', `${version.image} cannot be read.`, {
      cause: error,
    });
  }
}

async function look(
  version: VersionRecord,
  store: ImageStore,
  random: () => number,
): Promise<'ok' | 'stamp' | 'manifest' | 'chunk'> {
  const path = store.imagePath(version);
  if (!sameStamp(await stampOf(path), version.stamp)) return 'stamp';
  const manifest = await readFile(store.manifestPath(version));
  // Of a large image this takes milliseconds: on another thread, since a person is waiting.
  const hash = Buffer.from(await crypto.subtle.digest('SHA-256', manifest)).toString('hex');
  if (hash !== version.manifestSha256) return 'manifest';
  // The first chunk holds the partition table, or qcow2's header.
  const picks = [0, ...Array.from({ length: SAMPLES - 1 }, random)];
  const image = await open(path, 'r');
  try {
    for (const chunk of sampleChunks(manifest, picks)) {
      const bytes = Buffer.alloc(chunk.length);
      await image.read(bytes, 0, chunk.length, chunk.index * CHUNK_SIZE);
      if (!createHash('sha256').update(bytes).digest().equals(chunk.hash)) return 'chunk';
    }
  } finally {
    await image.close();
  }
  return 'ok';
}
