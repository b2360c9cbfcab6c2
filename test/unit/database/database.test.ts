import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fromDiskError, type KioskError } from '../../../main/base/errors.ts';
import { type Database, openDatabase } from '../../../main/database/database.ts';
import { lockFolder } from '../../../main/database/folder-lock.ts';
import { silentLogger } from '../../../main/log/logger.ts';

const ROWS = 'CREATE TABLE rows (id INTEGER PRIMARY KEY, who TEXT NOT NULL) STRICT;';
const WRITER = fileURLToPath(new URL('./two-processes.ts', import.meta.url));

let folder: string;
let path: string;
let opened: Database[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-database-'));
  path = join(folder, 'data', 'facts.db');
});
afterEach(() => {
  for (const database of opened) database.close();
  opened = [];
  rmSync(folder, { recursive: true, force: true });
});

function open(migrations: readonly string[], onRebuilt?: (error: KioskError) => void): Database {
  const database = openDatabase({
    path,
    migrations,
    log: silentLogger,
    ...(onRebuilt ? { onRebuilt } : {}),
  });
  opened.push(database);
  return database;
}

function fill(database: Database, count: number): void {
  const insert = database.prepare('INSERT INTO rows (who) VALUES (?)');
  for (let index = 0; index < count; index++) insert.run('x'.repeat(200));
}

function count(database: Database): unknown {
  return database.prepare('SELECT count(*) FROM rows').pluck().get();
}

const failing = (code: string): unknown => expect.objectContaining({ code });

describe('opening', () => {
  test('makes the folder for its owner only, and a database that survives a power cut', () => {
    const database = open([ROWS]);
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal');
    expect(database.pragma('synchronous', { simple: true })).toBe(2);
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1);
  });

  test('runs each migration once, in order', () => {
    fill(open([ROWS]), 3);
    const more = open([ROWS, "ALTER TABLE rows ADD COLUMN extra TEXT NOT NULL DEFAULT 'none';"]);
    expect(more.pragma('user_version', { simple: true })).toBe(2);
    expect(more.prepare('SELECT DISTINCT extra FROM rows').pluck().all()).toEqual(['none']);
    expect(count(open([ROWS, 'never run twice']))).toBe(3);
  });

  test('a migration that fails changes nothing, and the file is not set aside for it', () => {
    fill(open([ROWS]), 3);
    expect(() => open([ROWS, 'DROP TABLE rows; CREATE NONSENSE;'])).toThrow(/syntax error/);
    const again = open([ROWS]);
    expect(count(again)).toBe(3);
    expect(again.pragma('user_version', { simple: true })).toBe(1);
    expect(readdirSync(join(folder, 'data')).filter((name) => name.includes('corrupt'))).toEqual(
      [],
    );
  });

  test('what a newer Vestibule wrote is refused and left alone', () => {
    fill(open([ROWS, 'SELECT 1;']), 1);
    expect(() => open([ROWS])).toThrow(failing('DATABASE_CORRUPT'));
    expect(count(open([ROWS, 'SELECT 1;']))).toBe(1);
  });
});

describe('a damaged file', () => {
  test.each<[string, () => void]>([
    ['no database at all', () => writeFileSync(path, 'x'.repeat(10_000))],
    [
      'its pages overwritten',
      () => {
        const descriptor = openSync(path, 'r+');
        for (let page = 1; page < 20; page++)
          writeSync(descriptor, Buffer.alloc(4000, 0xa5), 0, 4000, page * 4096);
      },
    ],
    ['cut off in the middle', () => truncateSync(path, 8192)],
  ])('%s: is set aside, whole, and an empty one takes its place', (_, damage) => {
    const first = open([ROWS]);
    first.transaction(() => fill(first, 2_000))();
    first.close();
    damage();
    const damaged = readFileSync(path);
    const reported: KioskError[] = [];
    const rebuilt = open([ROWS], (error) => reported.push(error));
    expect(count(rebuilt)).toBe(0);
    expect(reported).toEqual([failing('DATABASE_CORRUPT')]);
    const aside = readdirSync(join(folder, 'data')).find((name) => /\.corrupt-\d+$/.test(name));
    expect(readFileSync(join(folder, 'data', aside ?? '')).equals(damaged)).toBe(true);
    fill(rebuilt, 1);
    expect(count(open([ROWS]))).toBe(1);
  });

  test('a damaged log beside it costs at most what was not in the file yet', () => {
    const first = open([ROWS]);
    first.transaction(() => fill(first, 100))();
    first.pragma('wal_checkpoint(TRUNCATE)');
    fill(first, 10);
    // As a crash leaves it: closing would put the log into the file.
    const wal = readFileSync(`${path}-wal`);
    const main = readFileSync(path);
    first.close();
    writeFileSync(path, main);
    writeFileSync(
      `${path}-wal`,
      Buffer.concat([wal.subarray(0, 100), Buffer.alloc(wal.length, 7)]),
    );
    const after = open([ROWS]);
    expect(count(after)).toBeGreaterThanOrEqual(100);
  });
});

describe('the disk', () => {
  let mounted: string | undefined;
  /** A file system of its own; undefined where this user may not mount. */
  function mount(options: string): string | undefined {
    const point = join(folder, 'disk');
    mkdirSync(point);
    try {
      execFileSync('/bin/mount', ['-t', 'tmpfs', '-o', options, 'vestibule-test', point], {
        stdio: 'pipe',
      });
    } catch {
      console.log('skipped: mounting a tmpfs needs root');
      return undefined;
    }
    mounted = point;
    return point;
  }
  afterEach(() => {
    for (const database of opened) database.close();
    opened = [];
    if (mounted !== undefined) execFileSync('/bin/umount', [mounted]);
    mounted = undefined;
  });

  test('full: said with its code, nothing that was acknowledged is lost, and it goes on later', () => {
    const disk = mount('size=512k');
    if (disk === undefined) return;
    path = join(disk, 'facts.db');
    const database = open([ROWS]);
    let acknowledged = 0;
    let failure: unknown;
    try {
      for (;;) {
        fill(database, 1);
        acknowledged++;
      }
    } catch (error) {
      failure = fromDiskError(error, 'writing facts');
    }
    expect(failure).toEqual(failing('DISK_FULL'));
    expect(acknowledged).toBeGreaterThan(100);
    expect(count(database)).toBe(acknowledged);
    execFileSync('/bin/mount', ['-o', 'remount,size=4m', disk]);
    fill(database, 1);
    expect(count(database)).toBe(acknowledged + 1);
  });

  test('full before anything is there', () => {
    const disk = mount('size=64k');
    if (disk === undefined) return;
    writeFileSync(join(disk, 'ballast'), Buffer.alloc(60 * 1024));
    path = join(disk, 'facts.db');
    expect(() => open([ROWS])).toThrow(failing('DISK_FULL'));
  });

  test('read-only: said with its code', () => {
    const disk = mount('size=1m');
    if (disk === undefined) return;
    path = join(disk, 'facts.db');
    const first = open([ROWS]);
    first.close();
    execFileSync('/bin/mount', ['-o', 'remount,ro', disk]);
    expect(() => open([ROWS])).toThrow(failing('DISK_READ_ONLY'));
    path = join(disk, 'new', 'facts.db');
    expect(() => open([ROWS])).toThrow(failing('DISK_READ_ONLY'));
  });
});

describe('processes', () => {
  test('two at once wait for each other and lose nothing', async () => {
    const run = () => promisify(execFile)(process.execPath, [WRITER, path, '50']);
    const results = await Promise.all([run(), run()]);
    expect(results.map(({ stdout }) => stdout)).toEqual(['done\n', 'done\n']);
    expect(count(open([ROWS]))).toBe(100);
  });

  test('one that is killed loses nothing that it had acknowledged', async () => {
    const child = spawn(process.execPath, [WRITER, path, '1000000', 'die'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let said = '';
    child.stdout.on('data', (chunk) => {
      said += chunk;
      if (said.split('\n').length > 10) child.kill('SIGKILL');
    });
    await once(child, 'close');
    const acknowledged = Number(said.trimEnd().split('\n').at(-1));
    expect(count(open([ROWS]))).toBeGreaterThanOrEqual(acknowledged);
  });

  test('a folder is locked for one, until it ends in whatever way: the garbage collector is not one', async () => {
    const lock = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(failing('STORE_LOCKED'));
    lock.release();
    const program = `
      const { lockFolder } = await import(${JSON.stringify(new URL('../../../main/database/folder-lock.ts', import.meta.url).href)});
      lockFolder(${JSON.stringify(folder)});
      gc();
      await new Promise((resolve) => setTimeout(resolve, 50));
      gc();
      console.log('locked');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--expose-gc', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      await once(child.stdout, 'data');
      expect(() => lockFolder(folder)).toThrow(failing('STORE_LOCKED'));
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    lockFolder(folder).release();
  });
});

test('a database that is only in memory needs no file', () => {
  path = ':memory:';
  expect(open([ROWS])).toBeInstanceOf(Sqlite);
});
