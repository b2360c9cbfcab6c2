/**
 * One process per data folder. Node has no flock(2); SQLite's own lock on an otherwise empty file
 * is one, and the kernel releases it however the process ends: there is no stale lock to judge.
 */
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';

export interface FolderLock {
  release(): void;
}

/**
 * What is locked now. A connection that nobody refers to is closed by the garbage collector, and
 * its lock is gone with it: a caller that only wants the folder for as long as it lives, and drops
 * the returned object, would lose it at some moment that no test shows.
 */
const held = new Set<Sqlite.Database>();

/**
 * @param folder exists and can be written
 * @throws KioskError `STORE_LOCKED` where another process has it; `DISK_FULL`, `DISK_READ_ONLY`
 */
export function lockFolder(folder: string): FolderLock {
  let lock: Sqlite.Database | undefined;
  try {
    lock = new Sqlite(join(folder, 'lock'), { timeout: 0 });
    lock.exec('BEGIN EXCLUSIVE');
    const taken = lock;
    held.add(taken);
    return {
      release() {
        taken.close();
        held.delete(taken);
      },
    };
  } catch (error) {
    lock?.close();
    if (errno(error)?.startsWith('SQLITE_BUSY') === true) {
      throw new KioskError('STORE_LOCKED', 'Another kiosk is using this data folder.', {
        cause: error,
      });
    }
    throw fromDiskError(error, 'locking the data folder');
  }
}
