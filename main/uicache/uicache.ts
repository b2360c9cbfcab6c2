/** Puts the UI cache together: its folder, its index, its blobs. */
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import type { KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { FetchFile, UiCache, UiCacheReport } from './api.ts';
import { BLOB_TABLES } from './blob-index.ts';
import { BlobStore } from './blobs.ts';
import { BUNDLE_TABLES, BundleIndex } from './bundle-index.ts';
import { Bundles } from './bundles.ts';
import { openIndex } from './open-index.ts';
import { createServe } from './serve.ts';

export interface UiCacheOptions {
  /** Of the cache alone; made when absent. */
  readonly folder: string;
  /** The built-in UI: a folder with an `index.html`. */
  readonly fallbackFolder: string;
  readonly fetchFile: FetchFile;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly report?: (report: UiCacheReport) => void;
  /** Origins that the UI may show in a frame: the display's. */
  readonly frameOrigins?: readonly string[];
  /** Small files asked for at once; the lane asks ahead on few connections. Default 32. */
  readonly concurrency?: number;
  /** From the load of a page until it must have painted. Default 30 000 ms. */
  readonly renderTimeoutMs?: number;
  /** The first pause after a failure; doubles up to five minutes. Default 5 000 ms. */
  readonly retryBaseMs?: number;
}

/**
 * Opens the cache. A disk that takes no writes costs the index, which is then made in memory: the
 * UI that is there is served all the same, and `apply` says why nothing new can be kept.
 *
 * @throws KioskError `STORE_LOCKED` where another process has the folder
 */
export async function createUiCache(options: UiCacheOptions): Promise<UiCache> {
  const { folder, log, clock = systemClock, report = () => {} } = options;
  const blobFolder = join(folder, 'blobs');
  const rebuilt = (error: KioskError): void =>
    report({ kind: 'ui.rebuilt', level: 'error', error });
  const { database, lock, unwritable } = await openIndex({
    folder,
    migrations: [BLOB_TABLES + BUNDLE_TABLES],
    log,
    onRebuilt: rebuilt,
  });
  try {
    // Also true of a new folder, where there is nothing to find.
    const indexLost = database.prepare('SELECT 1 FROM segment LIMIT 1').get() === undefined;
    const blobs = await BlobStore.open({
      folder: blobFolder,
      database,
      readOnly: unwritable !== undefined,
      log,
    });
    const bundles = new Bundles({
      folder,
      blobs,
      index: new BundleIndex(database),
      fetchFile: options.fetchFile,
      unwritable,
      concurrency: options.concurrency ?? 32,
      renderTimeoutMs: options.renderTimeoutMs ?? 30_000,
      retryBaseMs: options.retryBaseMs ?? 5_000,
      log,
      clock,
      report,
    });
    await bundles.open(indexLost);
    if (unwritable) report({ kind: 'ui.failed', level: 'error', error: unwritable });
    return {
      apply: (bundle) => bundles.apply(bundle),
      serve: createServe({
        bundles,
        blobs,
        fallbackFolder: options.fallbackFolder,
        frameOrigins: options.frameOrigins ?? [],
        log,
      }),
      rendered: () => bundles.rendered(),
      renderFailed: (reason) => bundles.renderFailed(reason),
      setOnline: (online) => bundles.setOnline(online),
      get load() {
        return bundles.load;
      },
      status: () => bundles.status(),
      on: (event, listener) => bundles.events.on(event, listener),
      close: async () => {
        await bundles.close();
        await blobs.close();
        database.close();
        lock?.release();
      },
    };
  } catch (error) {
    database.close();
    lock?.release();
    throw error;
  }
}
