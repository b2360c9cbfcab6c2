/**
 * Where each blob is: in SQLite, and whole in memory, since a bundle's files are looked up several
 * times each. The memory follows the database, never the other way.
 */
import type { Database } from '../database/database.ts';
import type { SegmentRecord } from './segment.ts';

/** The tables of the index; a migration of the database that the store is given. */
export const BLOB_TABLES = `
  CREATE TABLE segment (id INTEGER PRIMARY KEY, indexed INTEGER NOT NULL) STRICT;
  CREATE TABLE blob (
    sha256 TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    segment INTEGER NOT NULL REFERENCES segment (id),
    offset INTEGER NOT NULL,
    length INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

export interface Place extends SegmentRecord {
  readonly segment: number;
}

export class BlobIndex {
  readonly #database: Database;
  readonly #places = new Map<string, Place>();

  constructor(database: Database) {
    this.#database = database;
    for (const place of database.prepare<[], Place>('SELECT * FROM blob').all()) {
      this.#places.set(place.sha256, place);
    }
  }

  get(sha256: string): Place | undefined {
    return this.#places.get(sha256);
  }

  places(): IterableIterator<Place> {
    return this.#places.values();
  }

  /** The known segments, and up to where each has been taken in, in bytes. */
  segments(): Map<number, number> {
    const rows = this.#database
      .prepare<[], { id: number; indexed: number }>('SELECT * FROM segment ORDER BY id')
      .all();
    return new Map(rows.map(({ id, indexed }) => [id, indexed]));
  }

  /**
   * Takes in places that are on the disk.
   * @param ends up to where their segments are then taken in
   * @param together writes to the same database in the same transaction
   */
  add(places: readonly Place[], ends: ReadonlyMap<number, number>, together: () => void): void {
    const segment = this.#database.prepare(
      'INSERT INTO segment VALUES (?, ?) ON CONFLICT DO UPDATE SET indexed = excluded.indexed',
    );
    const blob = this.#database.prepare('INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?, ?)');
    this.#database.transaction(() => {
      for (const [id, end] of ends) segment.run(id, end);
      for (const { sha256, kind, segment: id, offset, length } of places) {
        blob.run(sha256, kind, id, offset, length);
      }
      together();
    })();
    for (const { sha256, kind, segment: id, offset, length } of places) {
      this.#places.set(sha256, { sha256, kind, segment: id, offset, length });
    }
  }

  /** Strikes off blobs; their bytes stay where they are. */
  remove(places: readonly Place[]): void {
    const remove = this.#database.prepare('DELETE FROM blob WHERE sha256 = ?');
    this.#database.transaction(() => {
      for (const { sha256 } of places) remove.run(sha256);
    })();
    for (const { sha256 } of places) this.#places.delete(sha256);
  }

  /** Strikes off a segment and all that is in it. */
  removeSegment(id: number): void {
    const places = [...this.places()].filter((place) => place.segment === id);
    this.#database.transaction(() => {
      this.#database.prepare('DELETE FROM blob WHERE segment = ?').run(id);
      this.#database.prepare('DELETE FROM segment WHERE id = ?').run(id);
    })();
    for (const { sha256 } of places) this.#places.delete(sha256);
  }
}
