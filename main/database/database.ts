/**
 * One SQLite file per subject (facts, cache index, outbox, …), opened the same way everywhere:
 * WAL, `synchronous=FULL` (an acknowledged transaction survives a power cut), numbered
 * migrations, and a corrupt file set aside rather than deleted.
 */
import { accessSync, constants, existsSync, mkdirSync, renameSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import Sqlite from 'better-sqlite3';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';

export type Database = Sqlite.Database;

/** How long one process waits for another's transaction. */
const PATIENCE_MS = 5_000;
const BUSY_PAUSE_MS = 10;

export interface OpenOptions {
  /** `:memory:` for tests. */
  readonly path: string;
  /** SQL of version 1, 2, …; each runs once, the missing ones together. Never edit one that shipped. */
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
  try {
    if (options.path !== ':memory:')
      mkdirSync(dirname(options.path), { recursive: true, mode: 0o700 });
    return openAndMigrate(options);
  } catch (error) {
    if (!isCorruption(error))
      throw fromDiskError(diskReason(error, options.path), `opening ${options.path}`);
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
    database.pragma(`busy_timeout = ${PATIENCE_MS}`);
    enterWal(database);
    database.pragma('synchronous = FULL');
    database.pragma('foreign_keys = ON');
    // Cheap on the small files kept here, and finds damage before it is acted upon.
    const check = database.pragma('quick_check(1)', { simple: true });
    if (check !== 'ok') throw new Sqlite.SqliteError(String(check), 'SQLITE_CORRUPT');
    if (versionOf(database) !== migrations.length) {
      // Read again under the lock: another process may be at the same migration.
      database.transaction(() => migrate(database, path, migrations)).immediate();
    }
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * SQLite does not wait where two processes change to WAL at once: each has a shared lock that the
 * other's exclusive one would wait for, so it says SQLITE_BUSY at once (sqlite.org/wal.html, the
 * busy handler is not called). One of them succeeds; for the other the change is made already.
 */
function enterWal(database: Database): void {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      database.pragma('journal_mode = WAL');
      return;
    } catch (error) {
      if (errno(error)?.startsWith('SQLITE_BUSY') !== true || performance.now() > until)
        throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, BUSY_PAUSE_MS);
    }
  }
}

function versionOf(database: Database): number {
  return Number(database.pragma('user_version', { simple: true }));
}

function migrate(database: Database, path: string, migrations: readonly string[]): void {
  const version = versionOf(database);
  if (version > migrations.length) {
    throw new KioskError(
      'DATABASE_CORRUPT',
      `${path} has version ${version}; this Vestibule knows ${migrations.length}.`,
    );
  }
  for (const sql of migrations.slice(version)) database.exec(sql);
  if (version < migrations.length) database.pragma(`user_version = ${migrations.length}`);
}

/** Bytes that WAL mode needs to begin: the index of the log and a page of it. */
const LEAST_SPACE = 64 * 1024;

/**
 * Asks the disk what SQLite ("cannot open", "I/O error" where WAL's files cannot be made) and Node
 * (ENOENT where a folder cannot be made on a read-only disk) do not say.
 */
function diskReason(error: unknown, path: string): unknown {
  if (!/^(?:SQLITE_CANTOPEN|SQLITE_IOERR|ENOENT)/.test(errno(error) ?? '')) return error;
  let folder = dirname(path);
  while (!existsSync(folder)) folder = dirname(folder);
  try {
    accessSync(folder, constants.W_OK);
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize >= LEAST_SPACE) return error;
    return new KioskError('DISK_FULL', `The disk is full while opening ${path}.`, { cause: error });
  } catch (reason) {
    return reason;
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
