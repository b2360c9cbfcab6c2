/**
 * Wrong passwords by name, on disk: three may be wrong, then each further one makes the name wait
 * longer, whoever types it and however often the kiosk is restarted.
 */
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';

const FREE_TRIES = 3;
const FIRST_WAIT_MS = 10_000;
const LONGEST_WAIT_MS = 15 * 60_000;
/** A name that was left in peace for so long starts afresh. */
const FORGET_MS = 24 * 60 * 60_000;
/** Made-up names must not fill the disk. */
const MAX_NAMES = 5_000;

interface Tries {
  readonly failures: number;
  readonly lastAt: number;
}

const Row = z
  .object({ failures: z.int().positive(), last_at: z.int() })
  .transform(({ failures, last_at }): Tries => ({ failures, lastAt: last_at }));

/** How long a name waits after so many wrong tries in a row, in milliseconds. */
function waitAfter(failures: number): number {
  if (failures < FREE_TRIES) return 0;
  return Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(30, failures - FREE_TRIES));
}

export class Attempts {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** What the disk did not take (full, read-only): a lock must not depend on free space. */
  readonly #unwritten = new Map<string, Tries>();

  constructor(database: Database, clock: Clock, log: Logger) {
    this.#database = database;
    this.#clock = clock;
    this.#log = log;
  }

  /** Milliseconds that this name still has to wait; 0: it may try. */
  waitFor(name: string): number {
    const tries = this.#read(name);
    if (!tries) return 0;
    const wait = waitAfter(tries.failures);
    const passed = this.#clock.now() - tries.lastAt;
    // A clock that was set back must not lock a name for longer than its wait.
    return passed < 0 ? wait : Math.max(0, wait - passed);
  }

  /** Counts a wrong try; returns how many are left, and the wait that it costs in milliseconds. */
  failed(name: string): { readonly left: number; readonly wait: number } {
    const now = this.#clock.now();
    const before = this.#read(name);
    const failures = (before && now - before.lastAt < FORGET_MS ? before.failures : 0) + 1;
    this.#write(name, { failures, lastAt: now });
    return { left: Math.max(0, FREE_TRIES - failures), wait: waitAfter(failures) };
  }

  succeeded(name: string): void {
    if (this.#read(name)) this.#write(name, undefined);
  }

  #read(name: string): Tries | undefined {
    const unwritten = this.#unwritten.get(name);
    if (unwritten) return unwritten.failures === 0 ? undefined : unwritten;
    const row = this.#database
      .prepare('SELECT failures, last_at FROM attempts WHERE name = ?')
      .get(name);
    return row === undefined ? undefined : Row.parse(row);
  }

  #write(name: string, tries: Tries | undefined): void {
    try {
      this.#database.transaction(() => this.#store(name, tries))();
      this.#unwritten.delete(name);
    } catch (error) {
      this.#log.error('Sign-in attempts could not be kept on disk.', { error });
      if (this.#unwritten.size < MAX_NAMES) {
        this.#unwritten.set(name, tries ?? { failures: 0, lastAt: this.#clock.now() });
      }
    }
  }

  #store(name: string, tries: Tries | undefined): void {
    if (!tries) {
      this.#database.prepare('DELETE FROM attempts WHERE name = ?').run(name);
      return;
    }
    this.#database
      .prepare('INSERT OR REPLACE INTO attempts (name, failures, last_at) VALUES (?, ?, ?)')
      .run(name, tries.failures, tries.lastAt);
    this.#database
      .prepare(
        `DELETE FROM attempts WHERE name IN
           (SELECT name FROM attempts ORDER BY last_at DESC LIMIT -1 OFFSET ?)`,
      )
      .run(MAX_NAMES);
  }
}
