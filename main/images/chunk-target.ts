import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { errno, fromDiskError } from '../base/errors.ts';
import { Bitmap } from './bitmap.ts';
import type { ArrivedChunk, ChunkDictionary, ChunkSet } from './chunk-tasks.ts';
import type { ChunkWorkers } from './chunk-workers.ts';
import type { ImageManifest } from './manifest.ts';
import type { ChunkRun, ChunkSink, PutOutcome } from './transport.ts';

/** Chunks that one worker task handles: 16 MiB, so that pauses and cancels come soon. */
const BATCH = 256;
/** The disk is asked to write after so many bytes, so that the last fsync has little left. */
const EARLY_SYNC_BYTES = 16 * 1024 * 1024;

export interface ChunkTargetOptions {
  readonly manifest: ImageManifest;
  /** Open for reading and writing; the caller closes it. */
  readonly fd: number;
  /** The chunks that are right already; added to as others arrive. */
  readonly have: Bitmap;
  /**
   * Chunks that should be right and are not compared with their hashes yet: neither missing nor
   * present until {@link ChunkTarget.check} has read them. Default: none.
   */
  readonly unchecked?: Bitmap;
  /** Which pool works now; asked for each task, because the pace may change. */
  readonly workers: () => ChunkWorkers;
  /** Bytes of image that became right; negative: that are in doubt again. */
  readonly onProgress: (bytes: number) => void;
}

/** A file that becomes an image: checks every chunk against the manifest and writes it in place. */
export class ChunkTarget implements ChunkSink {
  readonly manifest: ImageManifest;
  /** Chunks that were handed over with a wrong hash. */
  mismatches = 0;
  readonly #options: ChunkTargetOptions;
  readonly #unchecked: Bitmap;
  readonly #writing = new Map<number, Promise<unknown>>();
  #unsynced = 0;
  #syncing: Promise<unknown> | undefined;
  #syncFailure: { readonly error: unknown } | undefined;

  constructor(options: ChunkTargetOptions) {
    this.manifest = options.manifest;
    this.#options = options;
    this.#unchecked = options.unchecked ?? new Bitmap(options.manifest.chunks);
  }

  needs(index: number): boolean {
    if (index < 0 || index >= this.manifest.chunks) return false;
    return !this.#options.have.has(index) && !this.#unchecked.has(index);
  }

  get missing(): number {
    return this.manifest.chunks - this.#options.have.count - this.#unchecked.count;
  }

  *missingIndexes(): Generator<number> {
    for (let index = 0; index < this.manifest.chunks; index++) {
      if (this.needs(index)) yield index;
    }
  }

  put(index: number, bytes: Uint8Array): Promise<PutOutcome> {
    return this.#putOne(index, bytes, 'plain');
  }

  putStored(index: number, bytes: Uint8Array, delta?: ChunkDictionary): Promise<PutOutcome> {
    return this.#putOne(index, bytes, 'stored', delta);
  }

  putRun(run: ChunkRun): Promise<{ outcomes: PutOutcome[]; buffer: ArrayBuffer }> {
    return this.#write(run);
  }

  /** Resolves once nothing is being written: then the file may be closed. */
  async settled(): Promise<void> {
    while (this.#writing.size > 0) await Promise.allSettled(this.#writing.values());
    await this.#syncing;
  }

  /**
   * Makes all that was written durable.
   * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`, and the failure of the disk: the kernel tells
   * it once, so the one of an earlier write-back counts as well (fsync(2))
   */
  async sync(): Promise<void> {
    await this.settled();
    if (this.#syncFailure) throw this.#syncFailure.error;
    await this.#run('sync', { fd: this.#options.fd });
  }

  /**
   * Reads chunks back that should be right; those that are count as present from now on, and
   * those that are not as missing.
   * @param fd of another file that has them at the same places. Default: the image's own
   */
  async check(
    indexes: Iterable<number>,
    between: () => Promise<void>,
    fd = this.#options.fd,
  ): Promise<void> {
    const { size } = this.manifest;
    const zeros: number[] = [];
    const others: number[] = [];
    for (const index of indexes) {
      const whole = this.manifest.chunkLength(index) === this.manifest.chunkSize;
      (whole && this.manifest.isZero(index) ? zeros : others).push(index);
    }
    const path = `/proc/self/fd/${fd}`;
    const files: FileHandle[] = [];
    const read = async (chunks: ChunkSet, file: FileHandle | undefined): Promise<void> => {
      const bad = new Set(await this.#run('check', { fd: file?.fd ?? fd, size, chunks }));
      for (const index of chunks.indexes) {
        this.#unchecked.delete(index);
        if (!bad.has(index)) this.#accept(index);
      }
    };
    try {
      // An open file for each lane: the kernel reads ahead for one reader of a file only.
      files.push(await open(path, 'r'), await open(path, 'r'), await openDirect(path));
      await this.#batches(zeros, between, (chunks) => read(chunks, files[2]));
      await this.#batches(others, between, (chunks, lane) => read(chunks, files[lane]));
    } finally {
      for (const file of files) await file.close();
    }
  }

  /** Chunks that count as present are to be checked (again). */
  distrust(indexes: Iterable<number>): void {
    for (const index of indexes) {
      if (!this.#options.have.delete(index)) continue;
      this.#unchecked.add(index);
      this.#options.onProgress(-this.manifest.chunkLength(index));
    }
  }

  /** Copies chunks from another file, each verified: target index → source index. */
  async copy(
    sourceFd: number,
    places: ReadonlyMap<number, number>,
    between: () => Promise<void>,
  ): Promise<void> {
    await this.#batches(places.keys(), between, async (chunks) => {
      const failed = new Set(
        await this.#run('copy', {
          sourceFd,
          fd: this.#options.fd,
          size: this.manifest.size,
          from: chunks.indexes.map((index) => places.get(index) ?? 0),
          chunks,
        }),
      );
      for (const index of chunks.indexes) if (!failed.has(index)) this.#accept(index);
    });
  }

  /** Writes the missing chunks that are all zeros: nobody need send them. */
  async fillZeros(between: () => Promise<void>): Promise<void> {
    const zeros = [...this.missingIndexes()].filter((index) => this.manifest.isZero(index));
    await this.#batches(zeros, between, async ({ indexes }) => {
      await this.#run('zero', { fd: this.#options.fd, size: this.manifest.size, indexes });
      for (const index of indexes) this.#accept(index);
    });
  }

  /** @param delta of the only chunk, where it was made with a dictionary */
  async #write(
    { indexes, bytes, form }: ChunkRun,
    delta?: ChunkDictionary,
  ): Promise<{ outcomes: PutOutcome[]; buffer: ArrayBuffer }> {
    for (const index of indexes) await this.#writing.get(index);
    const outcomes: PutOutcome[] = indexes.map(() => 'duplicate');
    const chunks: ArrivedChunk[] = [];
    const places: number[] = [];
    let start = 0;
    for (const [at, index] of indexes.entries()) {
      const length = this.manifest.chunkLength(index);
      const stored = this.manifest.stored(index);
      const end = delta ? bytes.length : start + (form === 'plain' ? length : stored.length);
      if (this.needs(index)) {
        const zstd = delta !== undefined || (form === 'stored' && stored.encoding === 'zstd');
        const position = index * this.manifest.chunkSize;
        chunks.push({ start, end, zstd, dictionary: delta, length, position });
        places.push(at);
      }
      start = end;
    }
    if (places.length === 0) return { outcomes, buffer: bytes.buffer };
    const written = Uint32Array.from(places, (at) => indexes[at] ?? 0);
    const hashes = this.#hashes(written);
    const write = this.#run('put', { fd: this.#options.fd, bytes, chunks, hashes }, [bytes.buffer]);
    // Those who wait for it only want to know that it is over.
    const over = write.catch(() => {});
    for (const index of written) this.#writing.set(index, over);
    try {
      const { right, buffer } = await write;
      for (const [n, index] of written.entries()) {
        if (right[n]) this.#accept(index);
        else this.mismatches++;
        outcomes[places[n] ?? 0] = right[n] ? 'accepted' : 'mismatch';
      }
      this.#syncEarly(start);
      return { outcomes, buffer };
    } finally {
      for (const index of written) this.#writing.delete(index);
    }
  }

  async #putOne(
    index: number,
    bytes: Uint8Array,
    form: 'plain' | 'stored',
    delta?: ChunkDictionary,
  ): Promise<PutOutcome> {
    // The task's buffer moves to the thread; one that is shared with others is copied before.
    const whole = bytes.buffer instanceof ArrayBuffer && bytes.length === bytes.buffer.byteLength;
    const own = whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
    const { outcomes } = await this.#write({ indexes: [index], bytes: own, form }, delta);
    return outcomes[0] ?? 'duplicate';
  }

  /** Has the disk write while the rest arrives. One at a time: the next waits for its share. */
  #syncEarly(bytes: number): void {
    this.#unsynced += bytes;
    if (this.#syncing || this.#unsynced < EARLY_SYNC_BYTES) return;
    this.#unsynced = 0;
    this.#syncing = this.#run('sync', { fd: this.#options.fd })
      .catch((error: unknown) => {
        this.#syncFailure ??= { error };
      })
      .finally(() => {
        this.#syncing = undefined;
      });
  }

  #accept(index: number): void {
    if (this.#options.have.add(index)) this.#options.onProgress(this.manifest.chunkLength(index));
  }

  async #run<N extends 'put' | 'check' | 'copy' | 'zero' | 'sync'>(
    task: N,
    request: Parameters<typeof ChunkWorkers.prototype.run<N>>[1],
    transfer: readonly ArrayBuffer[] = [],
  ): ReturnType<typeof ChunkWorkers.prototype.run<N>> {
    try {
      return await this.#options.workers().run(task, request, transfer);
    } catch (error) {
      throw fromDiskError(error, 'writing an image');
    }
  }

  /** Two batches at a time: one per core that a small kiosk can spare. */
  async #batches(
    indexes: Iterable<number>,
    between: () => Promise<void>,
    work: (chunks: ChunkSet, lane: number) => Promise<void>,
  ): Promise<void> {
    const all = Uint32Array.from(indexes);
    let at = 0;
    const run = async (lane: number): Promise<void> => {
      while (at < all.length) {
        const batch = all.slice(at, at + BATCH);
        at += BATCH;
        try {
          await between();
          await work({ indexes: batch, hashes: this.#hashes(batch) }, lane);
        } catch (error) {
          at = all.length; // the other lane stops too, and the file is left alone
          throw error;
        }
      }
    };
    const lanes = await Promise.allSettled([run(0), run(1)]);
    for (const outcome of lanes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  #hashes(indexes: Uint32Array): Uint8Array {
    const hashes = new Uint8Array(indexes.length * 32);
    for (const [at, index] of indexes.entries()) hashes.set(this.manifest.hash(index), at * 32);
    return hashes;
  }
}

/**
 * For reading what is mostly holes: the kernel answers from the file's map, in a thirtieth of the
 * time that it takes to fill its cache with zeros. Where the file system cannot, through the cache.
 */
async function openDirect(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECT);
  } catch (error) {
    if (errno(error) === 'EINVAL') return open(path, 'r');
    throw error;
  }
}
