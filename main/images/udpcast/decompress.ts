/**
 * Whole-stream compression, as servers that use udpcast send it. A child decompresses, so that
 * neither its pace nor its failure touches the thread that answers the sender.
 */
import { KioskError } from '../../base/errors.ts';
import type { Child, Launcher } from '../../process/launcher.ts';

export type Compression = 'none' | 'lzip' | 'zstd' | 'xz' | 'gzip';

/** The first bytes of a compressed stream. */
const MAGIC: ReadonlyArray<readonly [Compression, readonly number[]]> = [
  ['lzip', [0x4c, 0x5a, 0x49, 0x50]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
  ['xz', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['gzip', [0x1f, 0x8b, 0x08]],
];

/** What a stream that begins so is compressed with; `none` where nothing is recognised. */
export function detectCompression(start: Uint8Array): Compression {
  const found = MAGIC.find(([, magic]) => magic.every((byte, index) => start[index] === byte));
  return found?.[0] ?? 'none';
}

/**
 * Decompresses a stream.
 * @param abort called once nothing more of `source` is wanted: a source that waits must end
 * @throws what the source throws; KioskError `IMAGE_STREAM_WRONG` for a damaged or truncated
 * stream (what came before it is yielded), `PROGRAM_MISSING`
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  options: {
    readonly compression: Exclude<Compression, 'none'>;
    readonly launcher: Launcher;
    readonly abort: () => void;
  },
): AsyncGenerator<Uint8Array> {
  const child = await options.launcher.launch({
    program: options.compression,
    args: ['-d', '-c'],
    stdin: 'pipe',
  });
  const feeding = feed(source, child);
  feeding.catch(() => {}); // told below, after what it yielded
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const { code, stderrTail } = await child.exited;
    const fed = await Promise.race([feeding, stopped(child)]);
    if (code === 0 && fed) return;
    throw new KioskError(
      'IMAGE_STREAM_WRONG',
      `The stream is not ${options.compression} to its end: ${stderrTail.trim()}`,
    );
  } finally {
    options.abort();
    await child.kill();
    await feeding.catch(() => {});
  }
}

/** Writes the source to the child; false where the child ended before the source did. */
async function feed(source: AsyncIterable<Uint8Array>, child: Child): Promise<boolean> {
  const { stdin } = child;
  let over = false;
  void child.exited.then(() => {
    over = true;
  });
  try {
    for await (const bytes of source) {
      if (over || !stdin) return false;
      // A part is only there until the next is asked for. EPIPE is told by how the child ends.
      const written = new Promise<boolean>((resolve) => {
        stdin.write(bytes, (error) => resolve(!error));
      });
      if ((await Promise.race([written, child.exited])) !== true) await child.exited;
    }
    return true;
  } finally {
    stdin?.end();
  }
}

/** A child that ended by itself leaves the source where it is: that is no complete stream. */
async function stopped(child: Child): Promise<false> {
  await child.exited;
  await new Promise((resolve) => setImmediate(resolve));
  return false;
}
