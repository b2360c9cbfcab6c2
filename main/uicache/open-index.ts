/** Opens the index of a cache in a folder of its own, whatever state the disk is in. */
import { constants } from 'node:fs';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import { type Database, openDatabase } from '../database/database.ts';
import { type FolderLock, lockFolder } from '../database/folder-lock.ts';
import type { Logger } from '../log/logger.ts';

export interface OpenedIndex {
  readonly database: Database;
  readonly lock: FolderLock | undefined;
  /** Why nothing can be kept; undefined: it can. */
  readonly unwritable: KioskError | undefined;
}

/**
 * Locks the folder and opens `index.db` in it. A disk that takes no writes costs the index: it is
 * then an empty one in memory.
 * @throws KioskError `STORE_LOCKED` where another process has the folder
 */
export async function openIndex(options: {
  readonly folder: string;
  readonly migrations: readonly string[];
  readonly log: Logger;
  readonly onRebuilt: (error: KioskError) => void;
}): Promise<OpenedIndex> {
  const { folder, migrations, log, onRebuilt } = options;
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
    log.error('the cache takes no writes', { code: unwritable.code });
    return {
      database: openDatabase({ path: ':memory:', migrations, log }),
      lock: undefined,
      unwritable,
    };
  }
}

/** The disk's reason for taking no writes, or undefined where the error is another one. */
function whyUnwritable(error: unknown): KioskError | undefined {
  const known = fromDiskError(error, 'opening the cache');
  if (known instanceof KioskError) {
    return known.code === 'DISK_FULL' || known.code === 'DISK_READ_ONLY' ? known : undefined;
  }
  const code = errno(known) ?? '';
  // SQLite reports a full disk in its own words when it cannot make its shared memory.
  if (code.startsWith('SQLITE_IOERR') || code.startsWith('SQLITE_CANTOPEN')) {
    return new KioskError('DISK_FULL', 'The index of the cache cannot be written.', {
      cause: error,
    });
  }
  if (code.startsWith('SQLITE_READONLY') || code === 'EACCES' || code === 'EPERM') {
    return new KioskError('DISK_READ_ONLY', 'The folder of the cache cannot be written.', {
      cause: error,
    });
  }
  return undefined;
}
