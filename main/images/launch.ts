/** Handing a version out to a machine: looked at once more, and held while it is used. */
import { KioskError } from '../base/errors.ts';
import type { ChunkWorkers } from './chunk-workers.ts';
import type { ImageFormat } from './manifest.ts';
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
    readonly workers: ChunkWorkers;
    readonly random: () => number;
  },
): Promise<AcquiredImage> {
  const { store, workers, random } = options;
  const release = store.use(version);
  try {
    const path = store.imagePath(version);
    const verdict = sameStamp(await stampOf(path), version.stamp)
      ? await workers.run('sample', {
          manifestPath: store.manifestPath(version),
          manifestSha256: version.manifestSha256,
          imagePath: path,
          // The first chunk holds the partition table, or qcow2's header.
          picks: [0, ...Array.from({ length: SAMPLES - 1 }, random)],
        })
      : 'stamp';
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
