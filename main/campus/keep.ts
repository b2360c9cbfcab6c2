/**
 * What the campus client keeps on disk, where the disk may fail: a full or read-only disk must
 * not keep a kiosk from its campus. Then memory has to do until the next start, and it is said.
 */
import { fromDiskError, KioskError } from '../base/errors.ts';
import { type Database, type OpenOptions, openDatabase } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';

/** @throws KioskError `DATABASE_CORRUPT` where the file was written by a newer Vestibule */
export function openOrMemory(options: OpenOptions): Database {
  try {
    return openDatabase(options);
  } catch (error) {
    if (!isDiskFault(error)) throw error;
    options.log.error('kept in memory only, until the disk can be written', {
      code: error.code,
      reason: error.message,
    });
    return openDatabase({ ...options, path: ':memory:' });
  }
}

/** Writes; a disk that cannot be written is logged. Other failures are thrown. */
export function tryToKeep(log: Logger, what: string, write: () => void): void {
  try {
    write();
  } catch (error) {
    const known = fromDiskError(error, `keeping ${what}`);
    if (!isDiskFault(known)) throw known;
    log.error(`${what} could not be kept`, { code: known.code, reason: known.message });
  }
}

function isDiskFault(error: unknown): error is KioskError {
  return (
    error instanceof KioskError && (error.code === 'DISK_FULL' || error.code === 'DISK_READ_ONLY')
  );
}
