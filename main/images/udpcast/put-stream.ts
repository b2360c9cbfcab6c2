import { KioskError } from '../../base/errors.ts';
import { CHUNK_SIZE } from '../chunk-size.ts';
import type { ImageManifest } from '../manifest.ts';
import type { ChunkRun, ChunkSink } from '../transport.ts';

/** Chunks that one task checks and writes: 1 MiB, which keeps a disk streaming. */
const RUN = 16;
/** Tasks at once: one is worked on while the next is handed over. */
const PARALLEL = 2;
/** Wrong chunks in a row (2 MiB) after which a stream is not the image's. */
const MAX_WRONG = 32;

export type StreamContent = 'image' | 'packed';

export interface StreamAccount {
  chunks: number;
  mismatches: number;
}

/**
 * Cuts a byte stream into the chunks of an image, by position, and puts those that are missing.
 * Returns once the stream ended, or brought its last chunk, or nothing is missing.
 * @param stream its parts are copied before the next one is asked for
 * @param content `image`: the image itself; `packed`: the file that `vestibule image pack` makes
 * @param account counts as it goes, also where this rejects
 * @throws KioskError `IMAGE_STREAM_WRONG` where too many chunks in a row, or all of them, are not
 * the image's; what the stream and the sink throw
 */
export async function putStream(
  stream: AsyncIterable<Uint8Array>,
  sink: ChunkSink,
  content: StreamContent,
  account: StreamAccount,
): Promise<void> {
  const places = chunksInOrder(sink.manifest, content);
  const pending: ReturnType<ChunkSink['putRun']>[] = [];
  const buffers: ArrayBuffer[] = [];
  let wrong = 0;
  const count = ({ outcomes, buffer }: Awaited<ReturnType<ChunkSink['putRun']>>): void => {
    buffers.push(buffer);
    for (const outcome of outcomes) {
      wrong = outcome === 'mismatch' ? wrong + 1 : 0;
      if (outcome === 'mismatch') account.mismatches++;
      if (outcome === 'accepted') account.chunks++;
    }
  };
  const settle = async (): Promise<void> => {
    const put = await pending.shift();
    if (put) count(put);
    if (wrong >= MAX_WRONG) throw streamWrong(sink.manifest);
  };
  const form = content === 'image' ? 'plain' : 'stored';
  try {
    for await (const run of cut(
      stream,
      runs(places, (index) => sink.needs(index)),
      buffers,
    )) {
      const put = sink.putRun({ ...run, form });
      put.catch(() => {}); // told when its turn comes
      pending.push(put);
      if (pending.length >= PARALLEL) await settle();
      if (sink.missing === 0) break;
    }
    while (pending.length > 0) await settle();
  } finally {
    for (const put of await Promise.allSettled(pending)) {
      if (put.status === 'fulfilled') count(put.value);
    }
  }
  if (account.mismatches > 0 && account.chunks === 0) throw streamWrong(sink.manifest);
}

interface Place {
  readonly index: number;
  readonly length: number;
}

function* chunksInOrder(manifest: ImageManifest, content: StreamContent): Generator<Place> {
  for (let index = 0; index < manifest.chunks; index++) {
    if (content === 'image' || manifest.layout === 'plain') {
      yield { index, length: manifest.chunkLength(index) };
    } else if (!manifest.isZero(index)) {
      yield { index, length: manifest.stored(index).length };
    }
  }
}

interface Run {
  readonly places: readonly Place[];
  /** Of all of them, in bytes. */
  readonly length: number;
  readonly needed: boolean;
}

/** Joins chunks that follow each other in the stream and are, or are not, needed. */
function* runs(places: Iterable<Place>, needs: (index: number) => boolean): Generator<Run> {
  let run: { places: Place[]; length: number; needed: boolean } | undefined;
  for (const place of places) {
    const needed = needs(place.index);
    if (run && (run.needed !== needed || run.places.length === RUN)) {
      yield run;
      run = undefined;
    }
    run ??= { places: [], length: 0, needed };
    run.places.push(place);
    run.length += place.length;
  }
  if (run) yield run;
}

/**
 * Yields the runs that are needed, and ends with the last: what follows, such as the time that a
 * sender takes to say that it has ended, is not waited for. Of a run that a stream cut short, the
 * chunks that arrived whole are yielded.
 */
async function* cut(
  stream: AsyncIterable<Uint8Array>,
  plan: Iterator<Run>,
  buffers: ArrayBuffer[],
): AsyncGenerator<Pick<ChunkRun, 'indexes' | 'bytes'>> {
  let run = plan.next();
  let bytes = room(run.value, buffers);
  let filled = 0;
  try {
    for await (const part of stream) {
      for (let offset = 0; offset < part.length && !run.done; ) {
        const { places, length, needed } = run.value;
        const count = Math.min(length - filled, part.length - offset);
        if (needed) bytes.set(part.subarray(offset, offset + count), filled);
        filled += count;
        offset += count;
        if (filled < length) continue;
        if (needed) yield { indexes: places.map(({ index }) => index), bytes };
        run = plan.next();
        bytes = room(run.value, buffers);
        filled = 0;
      }
      if (run.done) return;
    }
  } catch (error) {
    yield* wholeOnes(run.value, bytes, filled);
    throw error;
  }
  yield* wholeOnes(run.value, bytes, filled);
}

function room(run: Run | undefined, buffers: ArrayBuffer[]): Uint8Array<ArrayBuffer> {
  const buffer = run?.needed ? (buffers.pop() ?? new ArrayBuffer(RUN * CHUNK_SIZE)) : undefined;
  return new Uint8Array(buffer ?? new ArrayBuffer(0), 0, buffer ? run?.length : 0);
}

function* wholeOnes(
  run: Run | undefined,
  bytes: Uint8Array<ArrayBuffer>,
  filled: number,
): Generator<Pick<ChunkRun, 'indexes' | 'bytes'>> {
  if (!run?.needed) return;
  let end = 0;
  const indexes: number[] = [];
  for (const { index, length } of run.places) {
    if (end + length > filled) break;
    end += length;
    indexes.push(index);
  }
  if (indexes.length > 0) yield { indexes, bytes: bytes.subarray(0, end) };
}

function streamWrong({ id, version }: ImageManifest): KioskError {
  return new KioskError('IMAGE_STREAM_WRONG', `The stream is not ${id} ${version}.`, {
    details: { image: id },
  });
}
