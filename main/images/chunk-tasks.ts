/** What a chunk worker can be asked, and what it answers. Both sides share these types only. */

/** Some chunks of a file: their indexes in ascending order and their hashes, 32 bytes each. */
export interface ChunkSet {
  readonly indexes: Uint32Array;
  readonly hashes: Uint8Array;
}

/** Chunks of another file of which a zstd dictionary is made: joined, in this order. */
export interface ChunkDictionary {
  readonly fd: number;
  /** Of that file. */
  readonly size: number;
  readonly indexes: Uint32Array;
}

/** A chunk among the bytes that are put. */
export interface ArrivedChunk {
  /** Where it begins and ends in `bytes`. */
  readonly start: number;
  readonly end: number;
  readonly zstd: boolean;
  /** What the zstd frame was made with; absent: nothing. */
  readonly dictionary: ChunkDictionary | undefined;
  /** Of the decompressed chunk. */
  readonly length: number;
  /** In the file. */
  readonly position: number;
}

export interface ChunkTasks {
  /**
   * Decompresses chunks that are, compares their hashes, and writes those that are right in their
   * places. Answers for each whether it was right, and gives the buffer back.
   */
  readonly put: {
    readonly request: {
      readonly fd: number;
      readonly bytes: Uint8Array<ArrayBuffer>;
      readonly chunks: readonly ArrivedChunk[];
      /** 32 bytes for each of `chunks`. */
      readonly hashes: Uint8Array;
    };
    readonly answer: { readonly right: readonly boolean[]; readonly buffer: ArrayBuffer };
  };
  /** Reads chunks back and compares them; answers the indexes that are wrong or unreadable. */
  readonly check: {
    readonly request: { readonly fd: number; readonly size: number; readonly chunks: ChunkSet };
    readonly answer: Uint32Array;
  };
  /**
   * Copies chunks from another file after comparing them: `from[i]` becomes `chunks.indexes[i]`.
   * Answers the indexes (of the target) that could not be copied.
   */
  readonly copy: {
    readonly request: {
      readonly sourceFd: number;
      readonly fd: number;
      /** Of the target. */
      readonly size: number;
      readonly from: Uint32Array;
      readonly chunks: ChunkSet;
    };
    readonly answer: Uint32Array;
  };
  /** Writes zeros over chunks. */
  readonly zero: {
    readonly request: { readonly fd: number; readonly size: number; readonly indexes: Uint32Array };
    readonly answer: null;
  };
  /** Makes written data durable. */
  readonly sync: { readonly request: { readonly fd: number }; readonly answer: null };
  /** Compresses a chunk with a dictionary, as a zstd frame. */
  readonly delta: {
    readonly request: {
      readonly chunk: Uint8Array;
      /** Raw content; may be empty. */
      readonly dictionary: Uint8Array;
      readonly level: number;
    };
    readonly answer: Uint8Array;
  };
  /** Hashes and compresses consecutive chunks. */
  readonly pack: {
    readonly request: {
      readonly fd: number;
      readonly size: number;
      readonly first: number;
      readonly count: number;
      /** zstd's level; null stores every chunk as it is. */
      readonly level: number | null;
    };
    readonly answer: {
      readonly hashes: Uint8Array;
      readonly lengths: Uint32Array;
      /** The stored chunks, concatenated; empty where nothing is to be stored. */
      readonly data: Uint8Array;
    };
  };
}

export type TaskName = keyof ChunkTasks;
export type TaskMessage = {
  [N in TaskName]: { readonly task: N; readonly request: ChunkTasks[N]['request'] };
}[TaskName];
export type AnswerMessage =
  | { readonly answer: ChunkTasks[TaskName]['answer'] }
  | { readonly failure: { readonly message: string; readonly code: string | undefined } };
export type ReadyMessage = { readonly ready: { readonly threadId: string } };
