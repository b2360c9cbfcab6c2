/**
 * Content-addressed blobs in a few append-only segment files, with their places in SQLite.
 *
 * One file per blob would cost an inode, a rename and an fsync each: 2,000 of them took three
 * times as long to make durable as to fetch (docs/adr/0003-ui-cache.md). Here a bundle is one
 * sequential write and one fsync. The invariants:
 * - the index names only what an fsync has put on the disk before;
 * - the segments alone are enough: an index that is lost is made again by reading them;
 * - nothing is believed because it is there: each blob's hash is checked whenever it is read.
 */
import { hash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Statement } from 'better-sqlite3';
import { fromDiskError } from '../base/errors.ts';
import { fsyncFolder } from '../base/files.ts';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import {
  HEADER_BYTES,
  type RecordKind,
  readRecord,
  type SegmentRecord,
  scanSegment,
} from './segment.ts';
import { SegmentFile, segmentName, segmentNumber } from './segment-file.ts';

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

/** A new segment is begun when the current one has this many bytes. */
const SEGMENT_BYTES = 64 * 1024 * 1024;
/** A shared segment is rewritten when less than this part of it is still wanted. */
const WORTH_KEEPING = 0.5;

interface Place extends SegmentRecord {
  readonly segment: number;
}

/** Appended, and not yet in the index. */
interface PendingPlace extends Place {
  readonly file: SegmentFile;
}

export interface BlobStoreOptions {
  /** Of the segment files; made when absent. */
  readonly folder: string;
  /** With {@link BLOB_TABLES}. */
  readonly database: Database;
  /** The disk takes no writes: what is there is served, and nothing is repaired or kept. */
  readonly readOnly: boolean;
  readonly log: Logger;
  /** Default 64 MiB. */
  readonly segmentBytes?: number;
}

export class BlobStore {
  readonly #options: BlobStoreOptions;
  readonly #files = new Map<number, Promise<SegmentFile>>();
  readonly #pending = new Map<string, PendingPlace>();
  readonly #find: Statement<[string], Place>;
  #current: Promise<SegmentFile> | undefined;
  #lastId = 0;
  #newFiles = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: BlobStoreOptions) {
    this.#options = options;
    this.#find = options.database.prepare('SELECT * FROM blob WHERE sha256 = ?');
  }

  /**
   * Opens the store and takes in what an interrupted run had written but not indexed.
   * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`
   */
  static async open(options: BlobStoreOptions): Promise<BlobStore> {
    const store = new BlobStore(options);
    try {
      if (!options.readOnly) await mkdir(options.folder, { recursive: true, mode: 0o700 });
      await store.#recover();
    } catch (error) {
      throw fromDiskError(error, 'opening the UI cache');
    }
    return store;
  }

  has(sha256: string): boolean {
    return this.#place(sha256) !== undefined;
  }

  /**
   * Takes a whole blob. It can be read at once; it is durable after {@link flush}.
   * @returns false where the content does not have the hash: it was not taken
   * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`
   */
  async put(sha256: string, content: Uint8Array, kind: RecordKind = 'file'): Promise<boolean> {
    if (hash('sha256', content) !== sha256) return false;
    if (this.has(sha256)) return true;
    return this.#writing(async () => {
      const segment = await this.#writable(content.length);
      // Another call may have brought the same content while this one waited.
      if (this.#pending.has(sha256)) return true;
      this.#append(segment, kind, sha256, content);
      await segment.relieve();
      return true;
    });
  }

  /**
   * Takes a large blob in pieces, into a segment of its own.
   * @returns false where size or hash are wrong: nothing is kept
   * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`, and what `pieces` throws
   */
  async putStream(
    sha256: string,
    size: number,
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<boolean> {
    const id = ++this.#lastId;
    const segment = await this.#writing(() => SegmentFile.create(this.#options.folder, id));
    this.#files.set(id, Promise.resolve(segment));
    this.#newFiles = true;
    try {
      const record = await segment.stream(sha256, size, pieces);
      if (record !== undefined) {
        this.#pending.set(sha256, { ...record, segment: id, file: segment });
        return true;
      }
    } catch (error) {
      await this.#discard(id);
      throw fromDiskError(error, 'keeping a UI file');
    }
    await this.#discard(id);
    return false;
  }

  /**
   * The content, or undefined where it is not there, or no longer what it was; then it is
   * forgotten, so that it counts as missing.
   */
  async read(sha256: string): Promise<Uint8Array | undefined> {
    const place = this.#place(sha256);
    if (place === undefined) return undefined;
    try {
      const segment = await this.#file(place.segment);
      await segment.settle();
      const content = await readRecord(segment.handle, place);
      if (content !== undefined) return content;
    } catch (error) {
      // Swept into another segment between the look-up and the read.
      const moved = this.#place(sha256);
      if (moved !== undefined && moved.segment !== place.segment) return this.read(sha256);
      this.#options.log.warn('a blob could not be read', { sha256, error });
    }
    this.#forget(sha256);
    return undefined;
  }

  /**
   * Makes everything that was put durable, and then known.
   * @param together writes to the same database in the same transaction
   * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`
   */
  flush(together: () => void = () => {}): Promise<void> {
    return this.#inTurn(() => this.#flush(together));
  }

  /** Descriptions found in the segments, the newest first. */
  descriptions(): string[] {
    return this.#options.database
      .prepare<[], string>(
        `SELECT sha256 FROM blob WHERE kind = 'description' ORDER BY segment DESC, offset DESC`,
      )
      .pluck()
      .all();
  }

  /**
   * Forgets every blob that is not live and gives its space back: a segment without live blobs is
   * removed, one with few is rewritten.
   * @param liveNow asked once, when it is this sweep's turn; what is put later is left alone
   */
  sweep(liveNow: () => ReadonlySet<string>): Promise<void> {
    return this.#inTurn(async () => {
      const { database } = this.#options;
      const live = liveNow();
      for (const sha256 of [...this.#pending.keys()]) {
        if (!live.has(sha256)) this.#pending.delete(sha256);
      }
      const bytes = this.#strikeOff(live);
      const sparse: number[] = [];
      for (const id of database.prepare<[], number>('SELECT id FROM segment').pluck().all()) {
        const file = await this.#file(id).catch(() => undefined);
        const used = bytes.get(id) ?? 0;
        if (used > 0 && file !== undefined && used >= file.end * WORTH_KEEPING) continue;
        sparse.push(id);
      }
      // Before anything is moved: what is moved must not land in a segment that goes as well.
      for (const id of sparse) await this.#seal(id);
      for (const id of sparse) await this.#evict(id);
    });
  }

  /** Makes durable what it can and closes the files. */
  async close(): Promise<void> {
    if (!this.#options.readOnly && this.#pending.size > 0) {
      await this.flush().catch((error: unknown) => {
        this.#options.log.warn('the last blobs could not be kept', { error });
      });
    }
    await this.#turn;
    for (const id of [...this.#files.keys()]) await this.#close(id);
  }

  async #flush(together: () => void): Promise<void> {
    try {
      this.#dropUnwritten();
      // Taken at one moment: what is appended while the disk works belongs to the next flush.
      const places = [...this.#pending.values()];
      const files = new Set(places.map((place) => place.file));
      const ends = new Map([...files].map((file) => [file.id, file.end]));
      const newFiles = this.#newFiles;
      this.#newFiles = false;
      for (const file of files) await file.sync();
      if (newFiles) await fsyncFolder(this.#options.folder);
      this.#index(places, ends, together);
      for (const place of places) {
        if (this.#pending.get(place.sha256) === place) this.#pending.delete(place.sha256);
      }
    } catch (error) {
      this.#newFiles = true;
      this.#dropUnwritten();
      throw fromDiskError(error, 'making the UI cache durable');
    }
  }

  /** Nothing is appended to this segment any more. */
  async #seal(id: number): Promise<void> {
    const current = await this.#current?.catch(() => undefined);
    if (current?.id !== id) return;
    this.#current = undefined;
    // Who was handed the segment in this turn of the event loop has appended in the next.
    await setImmediate();
  }

  /** Takes all that is not live from the index; answers the live bytes of each segment. */
  #strikeOff(live: ReadonlySet<string>): Map<number, number> {
    const { database } = this.#options;
    const bytes = new Map<number, number>();
    const remove = database.prepare('DELETE FROM blob WHERE sha256 = ?');
    database.transaction(() => {
      for (const place of database.prepare<[], Place>('SELECT * FROM blob').all()) {
        if (!live.has(place.sha256)) remove.run(place.sha256);
        else
          bytes.set(place.segment, (bytes.get(place.segment) ?? 0) + HEADER_BYTES + place.length);
      }
    })();
    return bytes;
  }

  /** Copies what is left of a sealed segment to the current one, durably, and removes it. */
  async #evict(id: number): Promise<void> {
    const { database } = this.#options;
    if ([...this.#pending.values()].some((place) => place.segment === id)) return;
    const places = database
      .prepare<[number], Place>('SELECT * FROM blob WHERE segment = ?')
      .all(id);
    for (const place of places) {
      const content = await readRecord((await this.#file(id)).handle, place);
      if (content === undefined) continue;
      const segment = await this.#writable(content.length);
      this.#append(segment, place.kind, place.sha256, content);
      await segment.relieve();
    }
    if (places.length > 0) await this.#flush(() => {});
    database.transaction(() => {
      database.prepare('DELETE FROM blob WHERE segment = ?').run(id);
      database.prepare('DELETE FROM segment WHERE id = ?').run(id);
    })();
    await this.#discard(id);
  }

  #append(file: SegmentFile, kind: RecordKind, sha256: string, content: Uint8Array): void {
    const record = file.append(kind, sha256, content);
    this.#pending.set(sha256, { ...record, segment: file.id, file });
  }

  #index(places: readonly Place[], ends: ReadonlyMap<number, number>, together: () => void): void {
    const { database } = this.#options;
    const segment = database.prepare(
      'INSERT INTO segment VALUES (?, ?) ON CONFLICT DO UPDATE SET indexed = excluded.indexed',
    );
    const blob = database.prepare('INSERT OR REPLACE INTO blob VALUES (?, ?, ?, ?, ?)');
    database.transaction(() => {
      for (const [id, end] of ends) segment.run(id, end);
      for (const { sha256, kind, segment: id, offset, length } of places) {
        blob.run(sha256, kind, id, offset, length);
      }
      together();
    })();
  }

  #place(sha256: string): Place | undefined {
    return this.#pending.get(sha256) ?? this.#find.get(sha256);
  }

  #forget(sha256: string): void {
    this.#pending.delete(sha256);
    try {
      this.#options.database.prepare('DELETE FROM blob WHERE sha256 = ?').run(sha256);
    } catch (error) {
      this.#options.log.warn('a damaged blob could not be struck off', { sha256, error });
    }
  }

  async #recover(): Promise<void> {
    const { folder, database, readOnly, log } = this.#options;
    const names = await readdir(folder).catch(() => []);
    const found = names.map(segmentNumber).filter((id) => id !== undefined);
    const known = new Map(
      database
        .prepare<[], { id: number; indexed: number }>('SELECT * FROM segment')
        .all()
        .map(({ id, indexed }) => [id, indexed]),
    );
    this.#lastId = Math.max(0, ...found, ...known.keys());
    for (const id of known.keys()) {
      if (found.includes(id)) continue;
      log.error('a segment of the UI cache is gone', { segment: id });
      database.prepare('DELETE FROM blob WHERE segment = ?').run(id);
      database.prepare('DELETE FROM segment WHERE id = ?').run(id);
    }
    for (const id of found.sort((a, b) => a - b)) {
      const file = await this.#file(id);
      const indexed = known.get(id) ?? 0;
      if (file.end === indexed && known.has(id)) continue;
      if (file.end < indexed) {
        log.error('a segment of the UI cache was cut', { segment: id, bytes: file.end, indexed });
        database
          .prepare('DELETE FROM blob WHERE segment = ? AND offset + length > ?')
          .run(id, file.end);
      }
      const from = Math.min(indexed, file.end);
      const { records, damaged, end } = await scanSegment(file.handle, file.end, from);
      log.info('took in what an interrupted run had kept', {
        segment: id,
        blobs: records.length,
        damaged,
        cut: file.end - end,
      });
      if (!readOnly) {
        await file.cut(end);
        // Read from memory just now: only an fsync says that it is on the disk as well.
        await file.sync();
      }
      const places = records.map((record) => ({ ...record, segment: id }));
      this.#index(places, new Map([[id, end]]), () => {});
    }
  }

  /** The segment that a blob of this length may be appended to. */
  async #writable(length: number): Promise<SegmentFile> {
    const limit = this.#options.segmentBytes ?? SEGMENT_BYTES;
    for (;;) {
      const promise = this.#current;
      const current = await promise?.catch(() => undefined);
      if (promise !== this.#current) continue;
      if (current !== undefined && !current.broken && current.end + length <= limit) return current;
      const id = ++this.#lastId;
      const created = SegmentFile.create(this.#options.folder, id);
      this.#current = created;
      this.#files.set(id, created);
      this.#newFiles = true;
      try {
        return await created;
      } catch (error) {
        if (this.#current === created) this.#current = undefined;
        this.#files.delete(id);
        throw error;
      }
    }
  }

  /** What a failed write took with it is not there. */
  #dropUnwritten(): void {
    for (const [sha256, { file, offset, length }] of [...this.#pending]) {
      if (file.broken && offset + length > file.end) this.#pending.delete(sha256);
    }
  }

  #file(id: number): Promise<SegmentFile> {
    let file = this.#files.get(id);
    if (file === undefined) {
      file = SegmentFile.open(this.#options.folder, id, this.#options.readOnly);
      this.#files.set(id, file);
      file.catch(() => this.#files.delete(id));
    }
    return file;
  }

  async #close(id: number): Promise<void> {
    const file = this.#files.get(id);
    this.#files.delete(id);
    await file?.then((opened) => opened.close()).catch(() => {});
  }

  async #discard(id: number): Promise<void> {
    await this.#close(id);
    await rm(join(this.#options.folder, segmentName(id)), { force: true });
  }

  /** Appending; a failure costs what had not been written. */
  async #writing<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#dropUnwritten();
      throw fromDiskError(error, 'keeping a UI file');
    }
  }

  /** Flushes and sweeps one after the other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}
