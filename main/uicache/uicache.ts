/** Puts the UI cache together: its folder, its index, its blobs. */
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { type FolderLock, lockFolder } from '../database/folder-lock.ts';
import type { Logger } from '../log/logger.ts';
import type { FetchFile, UiCache, UiCacheReport } from './api.ts';
import { BLOB_TABLES, BlobStore } from './blobs.ts';
import { BUNDLE_TABLES, BundleIndex } from './bundle-index.ts';
import { Bundles } from './bundles.ts';
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
  /** Requests under way at once. Default 8. */
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
  const { database, lock, unwritable } = await openIndex(folder, log, rebuilt);
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
      concurrency: options.concurrency ?? 8,
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

interface Opened {
  readonly database: Database;
  readonly lock: FolderLock | undefined;
  readonly unwritable: KioskError | undefined;
}

async function openIndex(
  folder: string,
  log: Logger,
  onRebuilt: (error: KioskError) => void,
): Promise<Opened> {
  const migrations = [BLOB_TABLES + BUNDLE_TABLES];
  let lock: FolderLock | undefined;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
    lock = lockFolder(folder);
    const path = join(folder, 'index.db');
    return {
      database: openDatabase({ path, migrations, log, onRebuilt }),
      lock,
      unwritable: undefined,
    };
  } catch (error) {
    lock?.release();
    const unwritable = whyUnwritable(error);
    if (unwritable === undefined) throw error;
    log.error('the UI cache takes no writes; what it holds is served', { code: unwritable.code });
    return {
      database: openDatabase({ path: ':memory:', migrations, log }),
      lock: undefined,
      unwritable,
    };
  }
}

/** The disk's reason for taking no writes, or undefined where the error is another one. */
function whyUnwritable(error: unknown): KioskError | undefined {
  const known = fromDiskError(error, 'opening the UI cache');
  if (known instanceof KioskError) {
    return known.code === 'DISK_FULL' || known.code === 'DISK_READ_ONLY' ? known : undefined;
  }
  const code = errno(known) ?? '';
  // SQLite reports a full disk in its own words when it cannot make its shared memory.
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN')) {
    return new KioskError('DISK_FULL', 'The index of the UI cache cannot be written.', {
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EPERM') {
    return new KioskError('DISK_READ_ONLY', 'The folder of the UI cache cannot be written.', {
      cause: error,
    });
  }
  return undefined;
}
