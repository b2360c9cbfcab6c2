/** Handing a version out to a machine: looked at once more, and held while it is used. */
import { createHash } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { KioskError } from '../base/errors.ts';
import { CHUNK_SIZE, type ImageFormat, type SampledChunk, sampleChunks } from './manifest.ts';
import type { ImageStore } from './store.ts';
import { type FileStamp, sameStamp, stampOf, type VersionRecord } from './version.ts';

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
/** Chunks of a version among which the samples of each launch are chosen. */
const POOL = 64;

/** What was found in an image manifest whose hash was the pinned one. */
interface Known {
  readonly sha256: string;
  /** Of the manifest's file: while it is the same, so are its bytes. */
  readonly stamp: FileStamp;
  /** The first chunk, and some by chance. */
  readonly pool: readonly SampledChunk[];
}

/**
 * The check at launch. The image manifest of 40 GiB takes tens of milliseconds to read, so that
 * is done ahead ({@link LaunchCheck.prepare}) and a launch costs the same whatever the size.
 */
export class LaunchCheck {
  readonly #store: ImageStore;
  readonly #random: () => number;
  readonly #known = new Map<string, Known>();

  constructor(options: { readonly store: ImageStore; readonly random: () => number }) {
    this.#store = options.store;
    this.#random = options.random;
  }

  /** Reads the image manifest of a version that will soon be started. Never rejects. */
  async prepare(version: VersionRecord): Promise<void> {
    await this.#pool(version).catch(() => {}); // the launch itself says what is wrong
  }

  /**
   * Hands a version out, held until released.
   * @throws KioskError `MACHINE_IMAGE_CORRUPT` where the image manifest is not the one that the
   * campus signed, the file was written to since it was verified, or a sampled chunk is wrong
   */
  async launch(version: VersionRecord): Promise<AcquiredImage> {
    const release = this.#store.use(version);
    try {
      const verdict = version.damaged ? 'damaged' : await this.#look(version);
      if (verdict !== 'ok') {
        throw new KioskError(
          'MACHINE_IMAGE_CORRUPT',
          `${version.image} ${version.version} failed the check at launch.`,
          { details: { image: version.image, version: version.version, check: verdict } },
        );
      }
      const path = this.#store.imagePath(version);
      return { path, format: version.format, version: version.version, release };
    } catch (error) {
      release();
      if (error instanceof KioskError) throw error;
      throw new KioskError('MACHINE_IMAGE_CORRUPT', `${version.image} cannot be read.`, {
        cause: error,
      });
    }
  }

  async #look(version: VersionRecord): Promise<'ok' | 'stamp' | 'manifest' | 'chunk'> {
    const path = this.#store.imagePath(version);
    if (!sameStamp(await stampOf(path), version.stamp)) return 'stamp';
    const pool = await this.#pool(version);
    if (!pool) return 'manifest';
    // The first chunk holds the partition table, or qcow2's header.
    const chosen = new Set(pool.slice(0, 1));
    for (let n = 1; n < SAMPLES; n++) {
      const chunk = pool[Math.floor(this.#random() * pool.length)];
      if (chunk) chosen.add(chunk);
    }
    const image = await open(path, 'r');
    try {
      for (const chunk of chosen) {
        const bytes = Buffer.alloc(chunk.length);
        await image.read(bytes, 0, chunk.length, chunk.index * CHUNK_SIZE);
        if (!createHash('sha256').update(bytes).digest().equals(chunk.hash)) return 'chunk';
      }
    } finally {
      await image.close();
    }
    return 'ok';
  }

  /** @returns undefined where the image manifest is not the pinned one */
  async #pool(version: VersionRecord): Promise<readonly SampledChunk[] | undefined> {
    const path = this.#store.manifestPath(version);
    const stamp = await stampOf(path);
    const known = this.#known.get(path);
    if (known?.sha256 === version.manifestSha256 && sameStamp(known.stamp, stamp)) {
      return known.pool;
    }
    const manifest = await readFile(path);
    // On a thread of the pool: main has a screen to serve.
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', manifest)).toString('hex');
    if (hash !== version.manifestSha256) return undefined;
    const picks = [0, ...Array.from({ length: POOL - 1 }, this.#random)];
    // Copies of the hashes: views would keep the whole file in memory.
    const pool = sampleChunks(manifest, picks).map((chunk) => ({
      ...chunk,
      hash: new Uint8Array(chunk.hash),
    }));
    this.#known.set(path, { sha256: hash, stamp, pool });
    return pool;
  }
}
