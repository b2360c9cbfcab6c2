/** What is done about damage: a lost index is made again, a damaged file is fetched again. */
import { hash } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { KioskError } from '../base/errors.ts';
import type { BundleFile, UiBundle } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { FetchFile } from './api.ts';
import type { BlobStore } from './blobs.ts';
import { type BundleIndex, type LoadedBundle, parseDescription } from './bundle-index.ts';
import { collect } from './collect.ts';
import { missingFiles } from './download.ts';

/** A page waits meanwhile. */
const REPAIR_TIMEOUT_MS = 10_000;

/**
 * Finds bundles in the blob store alone. The newest whole one is staged, since nothing says any
 * more that it ever rendered; the one before it stands behind it.
 */
export async function rebuildIndex(options: {
  readonly blobs: BlobStore;
  readonly index: BundleIndex;
  readonly clock: Clock;
  readonly log: Logger;
}): Promise<void> {
  const { blobs, index, clock, log } = options;
  const found: LoadedBundle[] = [];
  for (const sha256 of blobs.descriptions()) {
    const text = await blobs.read(sha256);
    const loaded = text && parseDescription(Buffer.from(text).toString('utf8'));
    if (!loaded || found.some(({ digest }) => digest === loaded.digest)) continue;
    if (missingFiles(loaded, blobs).length > 0) continue;
    found.push(loaded);
    if (found.length === 2) break;
  }
  const [newest, before] = found;
  if (newest === undefined) return;
  index.stage(newest, clock.now());
  if (before) index.restoreGood(before, clock.now());
  log.warn('the index of the UI cache was made again', { bundles: found.length });
}

export interface RepairerOptions {
  readonly blobs: BlobStore;
  readonly fetchFile: FetchFile;
  /** False: what is fetched is served and not kept. */
  readonly writable: boolean;
  readonly log: Logger;
}

/** Brings single files at once; several requests for the same one share the transfer. */
export class Repairer {
  readonly #options: RepairerOptions;
  readonly #underWay = new Map<string, Promise<Uint8Array>>();

  constructor(options: RepairerOptions) {
    this.#options = options;
  }

  /** @throws KioskError as `fetchFile` does; `UI_FILE_MISMATCH` */
  repair(file: BundleFile, bundle: UiBundle): Promise<Uint8Array> {
    let repair = this.#underWay.get(file.sha256);
    if (repair === undefined) {
      repair = this.#fetch(file, bundle).finally(() => this.#underWay.delete(file.sha256));
      this.#underWay.set(file.sha256, repair);
    }
    return repair;
  }

  async idle(): Promise<void> {
    await Promise.allSettled(this.#underWay.values());
  }

  async #fetch(file: BundleFile, bundle: UiBundle): Promise<Uint8Array> {
    const { blobs, fetchFile, writable, log } = this.#options;
    const signal = AbortSignal.timeout(REPAIR_TIMEOUT_MS);
    const content = await collect(fetchFile(file, bundle, { signal }), file.size);
    if (hash('sha256', content) !== file.sha256) {
      throw new KioskError('UI_FILE_MISMATCH', `"${file.path}" is not what the manifest says.`, {
        details: { path: file.path, version: bundle.version },
      });
    }
    if (!writable) return content;
    try {
      await blobs.put(file.sha256, content);
      await blobs.flush();
    } catch (error) {
      log.warn('a repaired UI file could not be kept', { path: file.path, error });
    }
    return content;
  }
}
