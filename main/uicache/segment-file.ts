/** One segment file: appended to in large writes, read anywhere. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeHeader, HEADER_BYTES, type RecordKind, type SegmentRecord } from './segment.ts';

/** Appended records are written when they are this many bytes together. */
const WRITE_BYTES = 512 * 1024;
/** Appending waits for the disk beyond this. */
const QUEUE_BYTES = 8 * 1024 * 1024;
/** The disk is asked to begin writing after so many bytes, so that the last fsync has little left. */
const EARLY_SYNC_BYTES = 4 * 1024 * 1024;

export function segmentName(id: number): string {
  return `${String(id).padStart(8, '0')}.segment`;
}

export function segmentNumber(name: string): number | undefined {
  const match = /^(\d{8,})\.segment$/.exec(name);
  return match ? Number(match[1]) : undefined;
}

export class SegmentFile {
  readonly id: number;
  readonly handle: FileHandle;
  /** Bytes appended, written or not. After a failed write: what was written. */
  #end: number;
  #written: number;
  #unsynced = 0;
  #queue: Uint8Array[] = [];
  #queued = 0;
  #writes: Promise<void> = Promise.resolve();
  #earlySyncs: Promise<void>[] = [];
  #failure: unknown;

  private constructor(id: number, handle: FileHandle, size: number) {
    this.id = id;
    this.handle = handle;
    this.#end = size;
    this.#written = size;
  }

  static async create(folder: string, id: number): Promise<SegmentFile> {
    return new SegmentFile(id, await open(join(folder, segmentName(id)), 'wx+', 0o600), 0);
  }

  static async open(folder: string, id: number, readOnly: boolean): Promise<SegmentFile> {
    const handle = await open(join(folder, segmentName(id)), readOnly ? 'r' : 'r+');
    return new SegmentFile(id, handle, (await handle.stat()).size);
  }

  get end(): number {
    return this.#end;
  }

  /** A write failed: nothing more may be appended. */
  get broken(): boolean {
    return this.#failure !== undefined;
  }

  /** Adds a record to the queue; `content` must not be changed afterwards. */
  append(kind: RecordKind, sha256: string, content: Uint8Array): SegmentRecord {
    if (this.#failure !== undefined) throw this.#failure;
    const record = {
      kind,
      sha256,
      offset: this.#end + HEADER_BYTES,
      length: content.length,
    };
    this.#enqueue(encodeHeader(kind, sha256, content.length));
    this.#enqueue(content);
    if (this.#queued >= WRITE_BYTES) this.#write();
    return record;
  }

  /** Waits where the queue is long. @throws the failure of a write */
  async relieve(): Promise<void> {
    if (this.#end - this.#written > QUEUE_BYTES) await this.settle();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /**
   * Writes one record whose content comes in pieces.
   * @returns undefined where its size or hash is wrong; the file is then of no use
   */
  async stream(
    sha256: string,
    size: number,
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<SegmentRecord | undefined> {
    const record = {
      kind: 'file',
      sha256,
      offset: this.#end + HEADER_BYTES,
      length: size,
    } as const;
    const hash = createHash('sha256');
    let length = 0;
    this.#enqueue(encodeHeader('file', sha256, size));
    for await (const piece of pieces) {
      length += piece.length;
      if (length > size) return undefined;
      hash.update(piece);
      this.#enqueue(piece);
      if (this.#queued >= WRITE_BYTES) this.#write();
      await this.relieve();
    }
    if (length !== size || hash.digest('hex') !== sha256) return undefined;
    await this.settle();
    if (this.#failure !== undefined) throw this.#failure;
    return record;
  }

  /** Resolves when all that was appended is in the file, or is known not to be (`broken`). */
  async settle(): Promise<void> {
    if (this.#queued > 0) this.#write();
    await this.#writes;
  }

  /**
   * Resolves when everything up to `end` is on the disk.
   * @throws the failure of a write, once; after that, what was written before it is made durable
   */
  async sync(): Promise<void> {
    const wasBroken = this.broken;
    await this.settle();
    if (this.#failure !== undefined && !wasBroken) throw this.#failure;
    const early = this.#earlySyncs;
    this.#earlySyncs = [];
    await Promise.all(early);
    await this.handle.datasync();
    this.#unsynced = 0;
  }

  /** Removes everything from `end` on. */
  async cut(end: number): Promise<void> {
    if (end === this.#end) return;
    await this.handle.truncate(end);
    this.#end = end;
    this.#written = end;
  }

  async close(): Promise<void> {
    await this.settle();
    await Promise.allSettled(this.#earlySyncs);
    await this.handle.close();
  }

  #enqueue(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.#queued += bytes.length;
    this.#end += bytes.length;
  }

  #write(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#queued = 0;
    this.#writes = this.#writes.then(async () => {
      if (this.#failure !== undefined) return;
      try {
        await this.#writeAll(queue);
      } catch (error) {
        this.#failure = error;
        // What is behind the last whole write is unknown: a record may be cut in it.
        await this.handle.truncate(this.#written).catch(() => {});
        this.#end = this.#written;
        this.#queue = [];
        this.#queued = 0;
      }
    });
  }

  async #writeAll(queue: Uint8Array[]): Promise<void> {
    const total = queue.reduce((sum, bytes) => sum + bytes.length, 0);
    const { bytesWritten } = await this.handle.writev(queue, this.#written);
    if (bytesWritten < total) {
      // A short write happens on a disk that is about to be full.
      const rest = Buffer.concat(queue).subarray(bytesWritten);
      let done = 0;
      while (done < rest.length) {
        const position = this.#written + bytesWritten + done;
        done += (await this.handle.write(rest, done, rest.length - done, position)).bytesWritten;
      }
    }
    this.#written += total;
    this.#unsynced += total;
    if (this.#unsynced < EARLY_SYNC_BYTES) return;
    this.#unsynced = 0;
    const early = this.handle.datasync();
    // Awaited by sync(); until then it must not count as unhandled.
    early.catch(() => {});
    this.#earlySyncs.push(early);
  }
}
