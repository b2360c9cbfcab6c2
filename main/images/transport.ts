/**
 * The transport port: how chunks of an image arrive. Transports are tried in the order that
 * policy gives; each may bring any chunks in any order and stop at any time. What was accepted
 * stays accepted, so the next one (or the next run) only brings what is still missing.
 */
import type { ChunkDictionary } from './chunk-tasks.ts';
import type { ImageManifest } from './manifest.ts';

export type PutOutcome = 'accepted' | 'duplicate' | 'mismatch';

/** Chunks one behind the other, as a stream brings them. */
export interface ChunkRun {
  readonly indexes: readonly number[];
  /** All of them, from the beginning of a buffer that is theirs alone: it moves to a thread. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** `plain`: decompressed; `stored`: as the manifest's file stores them. */
  readonly form: 'plain' | 'stored';
}

/** Where chunks go. Every chunk is checked against the manifest before it counts. */
export interface ChunkSink {
  readonly manifest: ImageManifest;
  /** True while the chunk is missing. */
  needs(index: number): boolean;
  /** How many chunks are missing. */
  readonly missing: number;
  /** Missing chunks in ascending order. */
  missingIndexes(): Iterable<number>;
  /**
   * Hands over one decompressed chunk (the last one may be short). `mismatch`: its hash is wrong
   * and it was not kept. The bytes are given away: they may be gone afterwards.
   * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`
   */
  put(index: number, bytes: Uint8Array): Promise<PutOutcome>;
  /**
   * The same for a chunk as the manifest's file stores it (`manifest.stored(index).encoding`):
   * it is decompressed on the thread that checks it.
   * @param delta given: the bytes are a zstd frame that was made with this dictionary instead
   */
  putStored(index: number, bytes: Uint8Array, delta?: ChunkDictionary): Promise<PutOutcome>;
  /**
   * The same for many chunks in one task, which costs a fraction.
   * @returns an outcome for each, and the buffer, to be filled again: allocating as fast as a
   * stream arrives keeps the garbage collectors of all threads busy
   */
  putRun(run: ChunkRun): Promise<{ outcomes: PutOutcome[]; buffer: ArrayBuffer }>;
}

export interface TransferOptions {
  readonly signal: AbortSignal;
  /** Bytes that arrived from outside, for progress, reports and the speed limit. */
  received(bytes: number): void;
  /** Waits as long as the ceiling of bandwidth or a pause demands; call it before asking for more. */
  throttle(bytes: number): Promise<void>;
}

export interface TransferReport {
  readonly transport: string;
  /** Bytes on the wire, and chunks accepted, through this transport. */
  readonly bytes: number;
  readonly chunks: number;
  readonly retries: number;
  readonly mismatches: number;
}

export interface Transport {
  /** `udpcast`, `multicast`, `http`, `delta`, `file`, `peer`. */
  readonly name: string;
  /**
   * Brings what it can; resolves when it can bring no more (complete or not). Rejects with a
   * KioskError (`IMAGE_TRANSPORT_FAILED`, `IMAGE_NOT_STARTED`, `IMAGE_STREAM_WRONG`, …) when it
   * failed: the caller then goes on with the next transport.
   */
  transfer(sink: ChunkSink, options: TransferOptions): Promise<TransferReport>;
}
