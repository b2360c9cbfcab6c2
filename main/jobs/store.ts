/** Jobs on disk: what was accepted is known after a power cut. */
import { z } from 'zod';
import type { Json } from '../../preload/contract/errors.ts';
import { Job, WireErrorSchema } from '../../preload/contract/model.ts';
import { type Database, openDatabase } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';

const MIGRATIONS = [
  `CREATE TABLE jobs (
     sequence    INTEGER PRIMARY KEY AUTOINCREMENT,
     id          TEXT NOT NULL UNIQUE,
     kind        TEXT NOT NULL,
     key         TEXT,
     title       TEXT NOT NULL,
     params      TEXT NOT NULL,
     state       TEXT NOT NULL,
     progress    REAL,
     step        TEXT,
     created_at  INTEGER NOT NULL,
     finished_at INTEGER,
     error       TEXT
   ) STRICT;`,
];

/** A job as it is kept: what the page sees, and what the runner needs to start it again. */
export interface StoredJob {
  job: Job;
  /** Jobs start in this order. */
  readonly sequence: number;
  readonly key: string | null;
  /** As JSON; checked by the kind's schema before each run. */
  readonly params: Json;
}

const Row = z.object({
  sequence: z.int(),
  id: z.string(),
  kind: z.string(),
  key: z.string().nullable(),
  title: z.string(),
  params: z.string(),
  state: z.string(),
  progress: z.number().nullable(),
  step: z.string().nullable(),
  created_at: z.int(),
  finished_at: z.int().nullable(),
  error: z.string().nullable(),
});

export class JobStore {
  readonly #database: Database;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.#database = openDatabase({ path, migrations: MIGRATIONS, log });
    this.#log = log;
  }

  /** All that is kept, in the order of creation. A row that cannot be read is dropped and logged. */
  all(): StoredJob[] {
    const stored: StoredJob[] = [];
    for (const raw of this.#database.prepare('SELECT * FROM jobs ORDER BY sequence').all()) {
      try {
        const row = Row.parse(raw);
        stored.push({
          sequence: row.sequence,
          key: row.key,
          params: z.json().parse(JSON.parse(row.params)),
          job: Job.parse({
            id: row.id,
            kind: row.kind,
            title: row.title,
            state: row.state,
            progress: row.progress,
            step: row.step,
            secondsLeft: null,
            createdAt: row.created_at,
            finishedAt: row.finished_at,
            error: row.error === null ? null : WireErrorSchema.parse(JSON.parse(row.error)),
          }),
        });
      } catch (error) {
        this.#log.warn('A stored job could not be read and is left out.', { error });
      }
    }
    return stored;
  }

  /** @returns the job's place in the order */
  insert(job: Job, key: string | null, params: Json): number {
    const { lastInsertRowid } = this.#database
      .prepare(
        `INSERT INTO jobs (id, kind, key, title, params, state, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(job.id, job.kind, key, job.title, JSON.stringify(params), job.state, job.createdAt);
    return Number(lastInsertRowid);
  }

  update(job: Job): void {
    this.#database
      .prepare(
        `UPDATE jobs SET state = ?, progress = ?, step = ?, finished_at = ?, error = ?
         WHERE id = ?`,
      )
      .run(
        job.state,
        job.progress,
        job.step,
        job.finishedAt,
        job.error === null ? null : JSON.stringify(job.error),
        job.id,
      );
  }

  remove(ids: readonly string[]): void {
    const statement = this.#database.prepare('DELETE FROM jobs WHERE id = ?');
    this.#database.transaction(() => {
      for (const id of ids) statement.run(id);
    })();
  }

  close(): void {
    this.#database.close();
  }
}
