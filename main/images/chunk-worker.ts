/**
 * The thread that hashes, decompresses, reads and writes chunks, one task at a time and
 * synchronously, so that main never waits for a disk. Started by {@link ChunkWorkers}.
 */
import { hash } from 'node:crypto';
import { fsyncSync, readlinkSync, readSync, writeSync } from 'node:fs';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { errno } from '../base/errors.ts';
import { alignedBuffer } from './aligned.ts';
import { CHUNK_SIZE } from './chunk-size.ts';
import type {
  AnswerMessage,
  ChunkDictionary,
  ChunkSet,
  ChunkTasks,
  ReadyMessage,
  TaskMessage,
} from './chunk-tasks.ts';

/** Chunks that are read at once: 1 MiB keeps a disk streaming. */
const RUN = 16;
const HASH_BYTES = 32;
/** 512 KiB: the window reaches over the chunk and its whole dictionary. */
const DELTA_WINDOW_LOG = 19;
const ZEROS = Buffer.alloc(CHUNK_SIZE);
const buffer = alignedBuffer(RUN * CHUNK_SIZE);

function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

const ZERO_HASH = sha256(ZEROS);

/** Reads `length` bytes or fails; a short file is a failure. */
function readExactly(fd: number, target: Buffer, length: number, position: number): boolean {
  for (let done = 0; done < length; ) {
    const count = readSync(fd, target, done, length - done, position + done);
    if (count === 0) return false;
    done += count;
  }
  return true;
}

function writeExactly(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length; ) {
    done += writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}

function lengthOf(size: number, index: number): number {
  return Math.min(CHUNK_SIZE, size - index * CHUNK_SIZE);
}

function hashIsRight({ hashes }: ChunkSet, at: number, bytes: Uint8Array): boolean {
  const expected = hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  // Looking for anything but zeros costs a twentieth of hashing them.
  if (bytes.length === CHUNK_SIZE && ZERO_HASH.equals(expected)) return ZEROS.equals(bytes);
  return sha256(bytes).equals(expected);
}

function decompressed(
  bytes: Uint8Array,
  length: number,
  dictionary: ChunkDictionary | undefined,
): Uint8Array | undefined {
  try {
    const needed = dictionary && readDictionary(dictionary);
    return zstdDecompressSync(bytes, {
      maxOutputLength: length,
      ...(needed ? { dictionary: needed } : {}),
    });
  } catch {
    return undefined;
  }
}

/** Bad sectors and BTRFS checksum failures (EIO) are damage to repair, not failures of the task. */
function readChunk(fd: number, length: number, position: number): Buffer | undefined {
  try {
    return readExactly(fd, buffer, length, position) ? buffer.subarray(0, length) : undefined;
  } catch (error) {
    if (errno(error) === 'EIO') return undefined;
    throw error;
  }
}

/** Undefined for none, or where it cannot be read: then the frame does not decompress. */
function readDictionary({ fd, size, indexes }: ChunkDictionary): Buffer | undefined {
  const parts: Buffer[] = [];
  for (const index of indexes) {
    const bytes = readChunk(fd, lengthOf(size, index), index * CHUNK_SIZE);
    if (!bytes) return undefined;
    parts.push(Buffer.from(bytes));
  }
  return parts.length > 0 ? Buffer.concat(parts) : undefined;
}

/** Calls `visit` with the bytes of every chunk, or undefined where it cannot be read. */
function eachChunk(
  fd: number,
  size: number,
  indexes: Uint32Array,
  visit: (at: number, bytes: Uint8Array | undefined) => void,
): void {
  for (let at = 0; at < indexes.length; ) {
    const first = indexes[at] ?? 0;
    let count = 1;
    while (count < RUN && indexes[at + count] === first + count) count++;
    const length = (count - 1) * CHUNK_SIZE + lengthOf(size, first + count - 1);
    if (readChunk(fd, length, first * CHUNK_SIZE)) {
      for (let n = 0; n < count; n++) {
        visit(at + n, buffer.subarray(n * CHUNK_SIZE, n * CHUNK_SIZE + lengthOf(size, first + n)));
      }
    } else {
      for (let n = 0; n < count; n++) {
        const index = first + n;
        visit(at + n, readChunk(fd, lengthOf(size, index), index * CHUNK_SIZE));
      }
    }
    at += count;
  }
}

const tasks: {
  [N in keyof ChunkTasks]: (request: ChunkTasks[N]['request']) => ChunkTasks[N]['answer'];
} = {
  put({ fd, bytes, chunks, hashes }) {
    const right: boolean[] = [];
    /** Right chunks that lie together in the buffer as they do in the file: one write. */
    let run: { start: number; end: number; position: number } | undefined;
    const write = (): void => {
      if (run) writeExactly(fd, bytes.subarray(run.start, run.end), run.position);
      run = undefined;
    };
    for (const [at, arrivedChunk] of chunks.entries()) {
      const { start, end, zstd, length, position, dictionary } = arrivedChunk;
      const arrived = bytes.subarray(start, end);
      const chunk = zstd ? decompressed(arrived, length, dictionary) : arrived;
      const expected = hashes.subarray(at * HASH_BYTES, (at + 1) * HASH_BYTES);
      right[at] = chunk?.length === length && sha256(chunk).equals(expected);
      if (!right[at] || !chunk) continue;
      if (zstd) writeExactly(fd, chunk, position);
      else if (run?.end === start && run.position + run.end - run.start === position) run.end = end;
      else {
        write();
        run = { start, end, position };
      }
    }
    write();
    return { right, buffer: bytes.buffer };
  },

  check({ fd, size, chunks }) {
    const bad: number[] = [];
    eachChunk(fd, size, chunks.indexes, (at, bytes) => {
      if (!bytes || !hashIsRight(chunks, at, bytes)) bad.push(chunks.indexes[at] ?? 0);
    });
    return Uint32Array.from(bad);
  },

  copy({ sourceFd, fd, size, from, chunks }) {
    const failed: number[] = [];
    for (const [at, index] of chunks.indexes.entries()) {
      const bytes = readChunk(sourceFd, lengthOf(size, index), (from[at] ?? 0) * CHUNK_SIZE);
      if (bytes && hashIsRight(chunks, at, bytes)) writeExactly(fd, bytes, index * CHUNK_SIZE);
      else failed.push(index);
    }
    return Uint32Array.from(failed);
  },

  zero({ fd, size, indexes }) {
    for (const index of indexes) {
      writeExactly(fd, ZEROS.subarray(0, lengthOf(size, index)), index * CHUNK_SIZE);
    }
    return null;
  },

  sync({ fd }) {
    fsyncSync(fd);
    return null;
  },

  delta({ chunk, dictionary, level }) {
    const frame = zstdCompressSync(chunk, {
      params: {
        [constants.ZSTD_c_compressionLevel]: level,
        [constants.ZSTD_c_windowLog]: DELTA_WINDOW_LOG,
      },
      ...(dictionary.length > 0 ? { dictionary } : {}),
    });
    return new Uint8Array(frame);
  },

  pack({ fd, size, first, count, level }) {
    const hashes = new Uint8Array(count * HASH_BYTES);
    const lengths = new Uint32Array(count);
    const stored: Uint8Array[] = [];
    for (let n = 0; n < count; n++) {
      const length = lengthOf(size, first + n);
      const chunk = Buffer.allocUnsafe(length);
      if (!readExactly(fd, chunk, length, (first + n) * CHUNK_SIZE)) {
        throw new Error('the image became shorter while it was packed');
      }
      hashes.set(sha256(chunk), n * HASH_BYTES);
      if (chunk.equals(ZEROS.subarray(0, length))) continue;
      lengths[n] = length;
      if (level === null) continue;
      const compressed = zstdCompressSync(chunk, {
        params: { [constants.ZSTD_c_compressionLevel]: level },
      });
      const smaller = compressed.length < length ? compressed : chunk;
      lengths[n] = smaller.length;
      stored.push(smaller);
    }
    return { hashes, lengths, data: new Uint8Array(Buffer.concat(stored)) };
  },
};

function answer({ task, request }: TaskMessage): AnswerMessage {
  try {
    // Each name has its own request type; the compiler cannot follow the pair through the table.
    const run = tasks[task] as (request: never) => ChunkTasks[typeof task]['answer'];
    return { answer: run(request as never) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { failure: { message, code: errno(error) } };
  }
}

const port = parentPort;
if (port) {
  // setpriority(2) with who = 0 changes the calling thread only, on Linux.
  if (workerData.nice > 0) setPriority(0, workerData.nice);
  port.postMessage({
    ready: { threadId: readlinkSync('/proc/thread-self') },
  } satisfies ReadyMessage);
  port.on('message', (message: TaskMessage) => {
    const moved = message.task === 'put' ? [message.request.bytes.buffer] : [];
    port.postMessage(answer(message), moved);
  });
}
