/**
 * Reports on their way to the campus: on disk before `add` returns, in order, at least once, each
 * with a key by which the campus recognises a repetition. Bounded by number and age: info goes
 * first, then warnings, errors last, and what was dropped is counted and told.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { Json } from '../../preload/contract/errors.ts';
import type { Clock } from '../base/clock.ts';
import type { KioskError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import type { Report } from './api.ts';
import { openOrMemory } from './keep.ts';

const MIGRATIONS = [
  `CREATE TABLE report (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     key TEXT NOT NULL UNIQUE,
     level INTEGER NOT NULL,
     kind TEXT NOT NULL,
     at INTEGER NOT NULL,
     body TEXT NOT NULL
   ) STRICT;
   CREATE INDEX report_by_level ON report (level, id);
   CREATE TABLE dropped (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     count INTEGER NOT NULL
   ) STRICT;
   INSERT INTO dropped (id, count) VALUES (1, 0);`,
];

const LEVELS = ['info', 'warning', 'error'] as const;
/** Bytes of one report's body; a larger one is replaced by a note that it was. */
const MAX_BODY_BYTES = 16 * 1024;
const DAY_MS = 24 * 60 * 60 * 1000;

/** A report as it is sent. */
export interface OutgoingReport {
  readonly key: string;
  readonly kind: string;
  readonly level: (typeof LEVELS)[number];
  /** When it happened, milliseconds since the epoch. */
  readonly at: number;
  readonly body: { [key: string]: Json };
}

/** That a database was corrupt, set aside and made anew. */
export function rebuiltReport(file: string, { code }: KioskError): Report {
  return { kind: 'database.rebuilt', level: 'error', body: { file, code } };
}

interface Row {
  id: number;
  key: string;
  level: number;
  kind: string;
  at: number;
  body: string;
}

export interface OutboxOptions {
  /** `:memory:` for tests. */
  readonly path: string;
  readonly limit: number;
  readonly days: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onCount: (count: number) => void;
}

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #database: Database;
  #count: number;

  constructor(options: OutboxOptions) {
    this.#options = options;
    let rebuilt: KioskError | undefined;
    this.#database = openOrMemory({
      ...options,
      migrations: MIGRATIONS,
      onRebuilt: (error) => {
        rebuilt = error;
      },
    });
    this.#count = this.#countRows();
    this.#discardOld();
    if (rebuilt !== undefined) this.add(rebuiltReport('outbox.db', rebuilt));
  }

  /** Reports that wait. */
  get count(): number {
    return this.#count;
  }

  /** Reports that were dropped since the campus was last told. */
  get dropped(): number {
    return z
      .object({ count: z.int() })
      .parse(this.#database.prepare('SELECT count FROM dropped').get()).count;
  }

  /** Never throws: a full disk must not fail what is reported upon. */
  add({ kind, level = 'info', body = {} }: Report): void {
    const { clock, limit, log } = this.#options;
    try {
      let text = JSON.stringify(body);
      if (Buffer.byteLength(text) > MAX_BODY_BYTES)
        text = JSON.stringify({ tooLarge: Buffer.byteLength(text) });
      this.#database.transaction(() => {
        this.#database
          .prepare('INSERT INTO report (key, level, kind, at, body) VALUES (?, ?, ?, ?, ?)')
          .run(randomUUID(), LEVELS.indexOf(level), kind, clock.now(), text);
        const excess = this.#countRows() - limit;
        if (excess > 0) {
          this.#drop(
            'DELETE FROM report WHERE id IN (SELECT id FROM report ORDER BY level, id LIMIT ?)',
            excess,
          );
        }
      })();
      this.#changed();
    } catch (error) {
      log.error('a report could not be kept', { kind, error });
    }
  }

  /** The oldest reports, at most `limit`. */
  peek(limit: number): OutgoingReport[] {
    this.#discardOld();
    return this.#database
      .prepare<[number], Row>(
        'SELECT id, key, level, kind, at, body FROM report ORDER BY id LIMIT ?',
      )
      .all(limit)
      .map(({ key, level, kind, at, body }) => ({
        key,
        kind,
        level: LEVELS[level] ?? 'info',
        at,
        body: JSON.parse(body),
      }));
  }

  /** The campus has them, and knows of `dropped` lost ones. */
  acknowledge(reports: readonly OutgoingReport[], dropped: number): void {
    this.#database.transaction(() => {
      const remove = this.#database.prepare('DELETE FROM report WHERE key = ?');
      for (const { key } of reports) remove.run(key);
      this.#database.prepare('UPDATE dropped SET count = max(0, count - ?)').run(dropped);
    })();
    this.#changed();
  }

  /** The campus refuses this report for what it is: it would block all behind it for ever. */
  reject(report: OutgoingReport): void {
    this.#options.log.error('the campus refuses a report; it was dropped', { kind: report.kind });
    this.#database.transaction(() => {
      this.#drop('DELETE FROM report WHERE key = ?', report.key);
    })();
    this.#changed();
  }

  close(): void {
    this.#database.close();
  }

  #discardOld(): void {
    const oldest = this.#options.clock.now() - this.#options.days * DAY_MS;
    const dropped = this.#database.transaction(() =>
      this.#drop('DELETE FROM report WHERE at < ?', oldest),
    )();
    if (dropped > 0) this.#changed();
  }

  #drop(sql: string, parameter: number | string): number {
    const { changes } = this.#database.prepare(sql).run(parameter);
    if (changes > 0) this.#database.prepare('UPDATE dropped SET count = count + ?').run(changes);
    return changes;
  }

  #countRows(): number {
    return z
      .object({ count: z.int() })
      .parse(this.#database.prepare('SELECT count(*) AS count FROM report').get()).count;
  }

  #changed(): void {
    const count = this.#countRows();
    if (count === this.#count) return;
    this.#count = count;
    this.#options.onCount(count);
  }
}
