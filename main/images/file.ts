/** Chunks from a file that is at hand: a USB disk, a network share, a folder of another kiosk. */
import { type FileHandle, open } from 'node:fs/promises';
import { errno, KioskError } from '../base/errors.ts';
import { storedFile } from './chunk-file.ts';
import type {
  ChunkSink,
  PutOutcome,
  TransferOptions,
  TransferReport,
  Transport,
} from './transport.ts';

export interface FileTransportOptions {
  /** Tried in order; the first that exists and has the right size is read. */
  readonly paths: readonly string[];
}

/** Chunks that are handed over before waiting for them. */
const WINDOW = 32;

export function createFileTransport(options: FileTransportOptions): Transport {
  return {
    name: 'file',
    transfer: (sink, transfer) => transferFile(options, sink, transfer),
  };
}

async function transferFile(
  { paths }: FileTransportOptions,
  sink: ChunkSink,
  { signal, received, throttle }: TransferOptions,
): Promise<TransferReport> {
  const stored = storedFile(sink.manifest);
  const file = await openFirst(paths, sink.manifest.storedSize);
  let bytes = 0;
  let chunks = 0;
  let mismatches = 0;
  let window: Array<Promise<PutOutcome>> = [];
  try {
    const settle = async (): Promise<void> => {
      const outcomes = await Promise.allSettled(window);
      window = [];
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') throw outcome.reason;
        if (outcome.value === 'accepted') chunks++;
        if (outcome.value === 'mismatch') mismatches++;
      }
    };
    for (const index of sink.missingIndexes()) {
      signal.throwIfAborted();
      const place = stored.place(index);
      if (!place) continue;
      const { offset, length } = place;
      await throttle(length);
      const chunk = new Uint8Array(length);
      const part = await file.read(chunk, 0, length, offset);
      received(part.bytesRead);
      bytes += part.bytesRead;
      window.push(stored.put(sink, index, chunk));
      if (window.length >= WINDOW) await settle();
    }
    await settle();
  } catch (error) {
    await Promise.allSettled(window);
    if (errno(error) !== 'EIO') throw error;
    throw new KioskError('IMAGE_TRANSPORT_FAILED', 'The file with the image cannot be read.', {
      cause: error,
    });
  } finally {
    await file.close();
  }
  return { transport: 'file', bytes, chunks, retries: 0, mismatches };
}

async function openFirst(paths: readonly string[], size: number): Promise<FileHandle> {
  for (const path of paths) {
    let file: FileHandle;
    try {
      file = await open(path, 'r');
    } catch {
      continue;
    }
    if ((await file.stat()).size === size) return file;
    await file.close();
  }
  throw new KioskError('IMAGE_TRANSPORT_FAILED', 'No file with the image is at hand.');
}
