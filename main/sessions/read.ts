import { finished, type Readable } from 'node:stream';

/**
 * Exactly `length` bytes from a paused stream; what follows stays in it.
 * @throws Error where the stream ends or fails first, and the signal's reason
 */
export function readExactly(
  stream: Readable,
  length: number,
  signal: AbortSignal,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const attempt = (): void => {
      const chunk: Buffer | null = stream.read(length);
      if (chunk === null) return;
      if (chunk.length < length) settle(() => reject(new Error('the stream ended early')));
      else settle(() => resolve(chunk));
    };
    const abort = (): void => settle(() => reject(signal.reason));
    const stopWatching = finished(stream, { writable: false }, (error) =>
      settle(() => reject(error ?? new Error('the stream ended early'))),
    );
    const settle = (then: () => void): void => {
      stopWatching();
      stream.off('readable', attempt);
      signal.removeEventListener('abort', abort);
      then();
    };
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    stream.on('readable', attempt);
    attempt();
  });
}
