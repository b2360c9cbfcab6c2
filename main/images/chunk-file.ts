/** Where the chunks of an image are in a file, and how what was read there is handed over. */
import type { ImageManifest } from './manifest.ts';
import type { ChunkSink } from './transport.ts';

export interface ChunkPlace {
  readonly offset: number;
  readonly length: number;
}

/** A file that holds chunks, in ascending order of their indexes. */
export interface ChunkFile {
  /** undefined: the chunk is not in it. */
  place(index: number): ChunkPlace | undefined;
  put(
    sink: ChunkSink,
    index: number,
    bytes: Uint8Array,
  ): Promise<'accepted' | 'duplicate' | 'mismatch'>;
}

/** The file that the image manifest describes. */
export function storedFile(manifest: ImageManifest): ChunkFile {
  return {
    place: (index) => (manifest.isZero(index) ? undefined : manifest.stored(index)),
    put: (sink, index, bytes) => sink.putStored(index, bytes),
  };
}

/** The image itself, whatever the manifest's layout. */
export function plainFile(manifest: ImageManifest): ChunkFile {
  return {
    place: (index) =>
      manifest.isZero(index)
        ? undefined
        : { offset: index * manifest.chunkSize, length: manifest.chunkLength(index) },
    put: (sink, index, bytes) => sink.put(index, bytes),
  };
}

/** Chunks whose bytes follow each other in the file. */
export interface ChunkRun {
  readonly indexes: readonly number[];
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/** Joins chunks that follow each other, up to so many bytes; those that the file lacks are left out. */
export function* joinRuns(
  file: ChunkFile,
  indexes: Iterable<number>,
  maxBytes: number,
): Generator<ChunkRun, undefined> {
  let run: { indexes: number[]; start: number; end: number } | undefined;
  for (const index of indexes) {
    const place = file.place(index);
    if (!place) continue;
    const { offset, length } = place;
    if (run && run.end === offset && offset + length - run.start <= maxBytes) {
      run.indexes.push(index);
      run.end = offset + length;
      continue;
    }
    if (run) yield run;
    run = { indexes: [index], start: offset, end: offset + length };
  }
  if (run) yield run;
}

/**
 * Cuts a body into the chunks of a list that it holds in order, wherever gaps are between them.
 * An incomplete last one is not yielded.
 * @param start position in the file of the body's first byte
 */
export async function* cutChunks(
  file: ChunkFile,
  indexes: Iterable<number>,
  start: number,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ readonly index: number; readonly bytes: Uint8Array }> {
  const wanted = indexes[Symbol.iterator]();
  let position = start;
  let filled = 0;
  let chunk = next(file, wanted);
  for await (const part of body) {
    for (let offset = 0; chunk && offset < part.length; ) {
      const skip = chunk.offset + filled - position;
      if (skip > 0) {
        const count = Math.min(skip, part.length - offset);
        offset += count;
        position += count;
        continue;
      }
      const count = Math.min(chunk.bytes.length - filled, part.length - offset);
      chunk.bytes.set(part.subarray(offset, offset + count), filled);
      filled += count;
      offset += count;
      position += count;
      if (filled < chunk.bytes.length) continue;
      yield chunk;
      filled = 0;
      chunk = next(file, wanted);
    }
    if (!chunk) return;
  }
}

function next(
  file: ChunkFile,
  wanted: Iterator<number>,
): { index: number; offset: number; bytes: Uint8Array } | undefined {
  for (;;) {
    const step = wanted.next();
    if (step.done === true) return undefined;
    const place = file.place(step.value);
    if (place) {
      return { index: step.value, offset: place.offset, bytes: new Uint8Array(place.length) };
    }
  }
}
