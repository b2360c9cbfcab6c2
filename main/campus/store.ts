/**
 * What the kiosk remembers of its campus across a restart: the accepted manifest as it was
 * signed, the highest version ever accepted, personal catalogues, and the orders already obeyed.
 * The manifest is verified again at each load, so a damaged or exchanged byte is noticed.
 */
import { KioskError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import type { TrustedKey } from './api.ts';
import { openOrMemory } from './keep.ts';
import {
  type Accepted,
  type SignedBytes,
  type VerifiedManifest,
  verifyManifest,
} from './verify.ts';

const MIGRATIONS = [
  `CREATE TABLE manifest (
     id INTEGER PRIMARY KEY CHECK (id = 1),
     bytes BLOB NOT NULL,
     signature BLOB NOT NULL,
     as_of INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE highest (
     campus TEXT PRIMARY KEY,
     version INTEGER NOT NULL,
     sha256 TEXT NOT NULL
   ) STRICT;
   CREATE TABLE personal (
     person TEXT PRIMARY KEY,
     entries TEXT NOT NULL,
     at INTEGER NOT NULL
   ) STRICT;
   CREATE TABLE orders (
     id TEXT PRIMARY KEY,
     state TEXT NOT NULL,
     error TEXT,
     acknowledged INTEGER NOT NULL,
     at INTEGER NOT NULL
   ) STRICT;`,
];

/** Rows kept of people and orders: enough for a lab computer's year. */
const MAX_PERSONAL = 500;
const MAX_ORDERS = 1_000;

interface ManifestRow {
  bytes: Buffer;
  signature: Buffer;
  as_of: number;
}

export type OrderState = 'started' | 'done' | 'failed' | 'expired';
export interface OrderRecord {
  readonly id: string;
  readonly state: OrderState;
  /** An error code, when it failed. */
  readonly error: string | null;
}

export interface Loaded extends VerifiedManifest {
  readonly dataAsOf: number;
}

export class CampusStore {
  readonly #database: Database;
  readonly #log: Logger;

  constructor(options: {
    readonly path: string;
    readonly log: Logger;
    /** The file was corrupt and begins anew. */
    readonly onRebuilt: (error: KioskError) => void;
  }) {
    this.#log = options.log;
    this.#database = openOrMemory({ ...options, migrations: MIGRATIONS });
    // What was being obeyed when main died is not known to be done, and not obeyed twice.
    this.#database
      .prepare(
        "UPDATE orders SET state = 'failed', error = 'CANCELLED', acknowledged = 0 WHERE state = 'started'",
      )
      .run();
  }

  /**
   * The manifest accepted last, verified again. One that does not verify (a damaged byte, or keys
   * that are no longer trusted) is logged and forgotten; the next fetch brings a good one.
   */
  load(trusted: readonly TrustedKey[]): { loaded: Loaded | null; refused: KioskError | null } {
    const row = this.#database
      .prepare<[], ManifestRow>('SELECT bytes, signature, as_of FROM manifest')
      .get();
    if (row === undefined) return { loaded: null, refused: null };
    try {
      return { loaded: { ...verifyManifest(row, trusted), dataAsOf: row.as_of }, refused: null };
    } catch (error) {
      if (!(error instanceof KioskError)) throw error;
      this.#log.error('the stored manifest was refused', {
        code: error.code,
        reason: error.message,
      });
      this.#database.prepare('DELETE FROM manifest').run();
      return { loaded: null, refused: error };
    }
  }

  /** Keeps a manifest that passed every check; the highest version never goes down. */
  accept(
    { bytes, signature }: SignedBytes,
    { manifest, sha256 }: VerifiedManifest,
    dataAsOf: number,
  ): void {
    this.#database.transaction(() => {
      this.#database
        .prepare(
          'INSERT OR REPLACE INTO manifest (id, bytes, signature, as_of) VALUES (1, ?, ?, ?)',
        )
        .run(bytes, signature, dataAsOf);
      this.#database
        .prepare(
          `INSERT INTO highest (campus, version, sha256) VALUES (?, ?, ?)
           ON CONFLICT (campus) DO UPDATE SET version = excluded.version, sha256 = excluded.sha256
           WHERE excluded.version > highest.version`,
        )
        .run(manifest.campus.id, manifest.version, sha256);
    })();
  }

  /** The campus said again that the stored manifest is the current one. */
  confirm(dataAsOf: number): void {
    this.#database.prepare('UPDATE manifest SET as_of = ? WHERE id = 1').run(dataAsOf);
  }

  highest(campusId: string): Accepted | null {
    const row = this.#database
      .prepare<[string], { version: number; sha256: string }>(
        'SELECT version, sha256 FROM highest WHERE campus = ?',
      )
      .get(campusId);
    return row === undefined ? null : { campusId, ...row };
  }

  /** Entry ids in the order of the campus; null: it never said. */
  personal(personId: string): string[] | null {
    const row = this.#database
      .prepare<[string], { entries: string }>('SELECT entries FROM personal WHERE person = ?')
      .get(personId);
    if (row === undefined) return null;
    const entries: unknown = JSON.parse(row.entries);
    return Array.isArray(entries) ? entries.filter((id) => typeof id === 'string') : null;
  }

  setPersonal(personId: string, entries: readonly string[], at: number): void {
    this.#database.transaction(() => {
      this.#database
        .prepare('INSERT OR REPLACE INTO personal (person, entries, at) VALUES (?, ?, ?)')
        .run(personId, JSON.stringify(entries), at);
      this.#database
        .prepare(
          'DELETE FROM personal WHERE person NOT IN (SELECT person FROM personal ORDER BY at DESC LIMIT ?)',
        )
        .run(MAX_PERSONAL);
    })();
  }

  /** The campus no longer has personal catalogues, or not for this person. */
  removePersonal(personId: string): void {
    this.#database.prepare('DELETE FROM personal WHERE person = ?').run(personId);
  }

  order(id: string): OrderRecord | null {
    return (
      this.#database
        .prepare<[string], OrderRecord>('SELECT id, state, error FROM orders WHERE id = ?')
        .get(id) ?? null
    );
  }

  /** Written before an order is obeyed, so that it is obeyed at most once whatever happens. */
  setOrder({ id, state, error }: OrderRecord, at: number): void {
    this.#database.transaction(() => {
      this.#database
        .prepare(
          'INSERT OR REPLACE INTO orders (id, state, error, acknowledged, at) VALUES (?, ?, ?, 0, ?)',
        )
        .run(id, state, error, at);
      this.#database
        .prepare(
          'DELETE FROM orders WHERE id NOT IN (SELECT id FROM orders ORDER BY at DESC LIMIT ?)',
        )
        .run(MAX_ORDERS);
    })();
  }

  unacknowledgedOrders(): OrderRecord[] {
    return this.#database
      .prepare<[], OrderRecord>(
        'SELECT id, state, error FROM orders WHERE acknowledged = 0 ORDER BY at, id',
      )
      .all();
  }

  acknowledgeOrder({ id, state }: OrderRecord): void {
    this.#database
      .prepare('UPDATE orders SET acknowledged = 1 WHERE id = ? AND state = ?')
      .run(id, state);
  }

  close(): void {
    this.#database.close();
  }
}
