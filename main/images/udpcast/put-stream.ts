import { KioskError } from '../../base/errors.ts';
import type { ImageManifest } from '../manifest.ts';
import type { ChunkSink } from '../transport.ts';

/** Chunks that are being checked and written at once. */
const PARALLEL = 16;
/** Wrong chunks in a row (2 MiB) after which a stream is not the image's. */
const MAX_WRONG = 32;

export type StreamContent = 'image' | 'packed';

export interface StreamAccount {
  chunks: number;
  mismatches: number;
}

/**
 * Cuts a byte stream into the chunks of an image, by position, and puts those that are missing.
 * Returns once the stream ended or nothing is missing.
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
  const pending: Promise<'accepted' | 'duplicate' | 'mismatch'>[] = [];
  let wrong = 0;
  const settle = async (): Promise<void> => {
    const outcome = await pending.shift();
    if (outcome === 'mismatch') {
      account.mismatches++;
      wrong++;
    } else wrong = 0;
    if (outcome === 'accepted') account.chunks++;
    if (wrong >= MAX_WRONG) throw streamWrong(sink.manifest);
  };
  try {
    for await (const { index, bytes } of cut(stream, places, (index) => sink.needs(index))) {
      const put = content === 'image' ? sink.put(index, bytes) : sink.putStored(index, bytes);
      put.catch(() => {}); // told when its turn comes
      pending.push(put);
      if (pending.length >= PARALLEL) await settle();
      if (sink.missing === 0) break;
    }
    while (pending.length > 0) await settle();
  } finally {
    await Promise.allSettled(pending);
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

/** Yields the chunks that are needed; an incomplete last one, and what follows the last, is not. */
async function* cut(
  stream: AsyncIterable<Uint8Array>,
  places: Iterator<Place>,
  needs: (index: number) => boolean,
): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
  let place = places.next();
  let chunk: Uint8Array | undefined;
  let filled = 0;
  for await (const part of stream) {
    for (let offset = 0; offset < part.length && !place.done; ) {
      const { index, length } = place.value;
      if (filled === 0) chunk = needs(index) ? Buffer.allocUnsafeSlow(length) : undefined;
      const count = Math.min(length - filled, part.length - offset);
      chunk?.set(part.subarray(offset, offset + count), filled);
      filled += count;
      offset += count;
      if (filled < length) continue;
      if (chunk) yield { index, bytes: chunk };
      filled = 0;
      place = places.next();
    }
  }
}

function streamWrong({ id, version }: ImageManifest): KioskError {
  return new KioskError('IMAGE_STREAM_WRONG', `The stream is not ${id} ${version}.`, {
    details: { image: id },
  });
}
