/**
 * One SQLite file per subject (facts, cache index, outbox, …), opened the same way everywhere:
 * WAL, `synchronous=FULL` (an acknowledged transaction survives a power cut), numbered
 * migrations, and a corrupt file set aside rather than deleted.
 */
import { mkdirSync, renameSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';

export type Database = Sqlite.Database;

export interface OpenOptions {
  /** `:memory:` for tests. */
  readonly path: string;
  /** SQL of version 1, 2, …; each runs once, in its own transaction. Never edit one that shipped. */
  readonly migrations: readonly string[];
  readonly log: Logger;
  /** Called after a corrupt file was set aside and an empty one made. */
  readonly onRebuilt?: (error: KioskError) => void;
}

/**
 * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`, `DATABASE_CORRUPT` where the file was written
 * by a newer Vestibule or cannot be set aside
 */
export function openDatabase(options: OpenOptions): Database {
  if (options.path !== ':memory:')
    mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
  try {
    return openAndMigrate(options);
  } catch (error) {
    if (!isCorruption(error)) throw fromDiskError(error, `opening ${options.path}`);
    const aside = `${options.path}.corrupt-${Date.now()}`;
    renameSync(options.path, aside);
    for (const suffix of ['-wal', '-shm']) renameIfPresent(options.path + suffix, aside + suffix);
    const reported = new KioskError(
      'DATABASE_CORRUPT',
      `${options.path} was corrupt and set aside.`,
      {
        cause: error,
      },
    );
    options.log.error(reported.message, { code: reported.code, aside });
    const database = openAndMigrate(options);
    options.onRebuilt?.(reported);
    return database;
  }
}

function openAndMigrate({ path, migrations }: OpenOptions): Database {
  const database = new Sqlite(path);
  try {
    database.pragma('journal_mode = WAL');
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    database.pragma('busy_timeout = 5000');
    // Cheap on the small files kept here, and finds damage before it is acted upon.
    const check = database.pragma('quick_check(1)', { simple: true });
    if (check !== 'ok') throw new Sqlite.SqliteError(String(check), 'SQLITE_CORRUPT');
    const version = database.pragma('user_version', { simple: true }) as number;
    if (version > migrations.length) {
      throw new KioskError(
        'DATABASE_CORRUPT',
        `${path} has version ${version}; this Vestibule knows ${migrations.length}.`,
      );
    }
    for (const [index, sql] of migrations.entries()) {
      if (index < version) continue;
      database.transaction(() => {
        database.exec(sql);
        database.pragma(`user_version = ${index + 1}`);
      })();
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isCorruption(error: unknown): boolean {
  const code = errno(error);
  return code?.startsWith('SQLITE_CORRUPT') === true || code === 'SQLITE_NOTADB';
}

function renameIfPresent(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
}
