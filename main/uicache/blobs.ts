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
import { fromDiskError } from '../base/errors.ts';
import { fsyncFolder } from '../base/files.ts';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import { BlobIndex, type Place } from './blob-index.ts';
import { HEADER_BYTES, type RecordKind, readRecord, scanSegment } from './segment.ts';
import { SegmentFile, segmentName, segmentNumber } from './segment-file.ts';

/** A new segment is begun when the current one has this many bytes. */
const SEGMENT_BYTES = 64 * 1024 * 1024;
/** A shared segment is rewritten when less than this part of it is still wanted. */
const WORTH_KEEPING = 0.5;

/** Appended, and not yet in the index. */
interface PendingPlace extends Place {
  readonly file: SegmentFile;
}

export interface BlobStoreOptions {
  /** Of the segment files; made when absent. */
  readonly folder: string;
  /** With the tables of blob-index.ts. */
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
  readonly #index: BlobIndex;
  #current: Promise<SegmentFile> | undefined;
  #lastId = 0;
  #newFiles = false;
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(options: BlobStoreOptions) {
    this.#options = options;
    this.#index = new BlobIndex(options.database);
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
      await this.#append(kind, sha256, content);
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
    this.#forget(place);
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
    return [...this.#index.places()]
      .filter(({ kind }) => kind === 'description')
      .sort((a, b) => b.segment - a.segment || b.offset - a.offset)
      .map(({ sha256 }) => sha256);
  }

  /**
   * Forgets every blob that is not live and gives its space back: a segment without live blobs is
   * removed, one with few is rewritten.
   * @param liveNow asked once, when it is this sweep's turn; what is put later is left alone
   */
  sweep(liveNow: () => ReadonlySet<string>): Promise<void> {
    return this.#inTurn(async () => {
      const live = liveNow();
      for (const sha256 of [...this.#pending.keys()]) {
        if (!live.has(sha256)) this.#pending.delete(sha256);
      }
      this.#index.remove([...this.#index.places()].filter(({ sha256 }) => !live.has(sha256)));
      const bytes = new Map<number, number>();
      for (const { segment, length } of this.#index.places()) {
        bytes.set(segment, (bytes.get(segment) ?? 0) + HEADER_BYTES + length);
      }
      const sparse: number[] = [];
      for (const id of this.#index.segments().keys()) {
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
      this.#index.add(places, ends, together);
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
    if (current?.id === id) this.#current = undefined;
  }

  /** Copies what is left of a sealed segment to the current one, durably, and removes it. */
  async #evict(id: number): Promise<void> {
    if ([...this.#pending.values()].some((place) => place.segment === id)) return;
    const places = [...this.#index.places()].filter((place) => place.segment === id);
    for (const place of places) {
      const content = await readRecord((await this.#file(id)).handle, place);
      if (content === undefined) continue;
      await this.#append(place.kind, place.sha256, content);
    }
    if (places.length > 0) await this.#flush(() => {});
    this.#index.removeSegment(id);
    await this.#discard(id);
  }

  /**
   * Adds to the current segment, or to a new one where it is full. Nothing is awaited between the
   * look at the current segment and the append, so a segment that is no longer current is final.
   */
  async #append(kind: RecordKind, sha256: string, content: Uint8Array): Promise<void> {
    const limit = this.#options.segmentBytes ?? SEGMENT_BYTES;
    for (;;) {
      const promise = this.#current;
      const file = await promise;
      if (promise !== this.#current) continue;
      if (
        file === undefined ||
        file.broken ||
        (file.end > 0 && file.end + content.length > limit)
      ) {
        this.#begin();
        continue;
      }
      // Another call may have brought the same content while this one waited.
      if (!this.#pending.has(sha256)) {
        const record = file.append(kind, sha256, content);
        this.#pending.set(sha256, { ...record, segment: file.id, file });
      }
      return file.relieve();
    }
  }

  /** The current segment is a new one. */
  #begin(): void {
    const id = ++this.#lastId;
    const created = SegmentFile.create(this.#options.folder, id);
    this.#current = created;
    this.#files.set(id, created);
    this.#newFiles = true;
    created.catch(() => {
      if (this.#current === created) this.#current = undefined;
      this.#files.delete(id);
    });
  }

  #place(sha256: string): Place | undefined {
    return this.#pending.get(sha256) ?? this.#index.get(sha256);
  }

  #forget(place: Place): void {
    this.#pending.delete(place.sha256);
    try {
      this.#index.remove([place]);
    } catch (error) {
      const { sha256 } = place;
      this.#options.log.warn('a damaged blob could not be struck off', { sha256, error });
    }
  }

  async #recover(): Promise<void> {
    const { folder, readOnly, log } = this.#options;
    const names = await readdir(folder).catch(() => []);
    const found = names.map(segmentNumber).filter((id) => id !== undefined);
    const known = this.#index.segments();
    this.#lastId = Math.max(0, ...found, ...known.keys());
    for (const id of known.keys()) {
      if (found.includes(id)) continue;
      log.error('a segment of the UI cache is gone', { segment: id });
      this.#index.removeSegment(id);
    }
    for (const id of found.sort((a, b) => a - b)) {
      const file = await this.#file(id);
      const indexed = known.get(id) ?? 0;
      if (file.end === indexed && known.has(id)) continue;
      if (file.end < indexed) {
        log.error('a segment of the UI cache was cut', { segment: id, bytes: file.end, indexed });
        this.#index.remove(
          [...this.#index.places()].filter(
            ({ segment, offset, length }) => segment === id && offset + length > file.end,
          ),
        );
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
      this.#index.add(places, new Map([[id, end]]), () => {});
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
