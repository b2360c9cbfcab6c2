import { Worker } from 'node:worker_threads';
import { KioskError } from '../../base/errors.ts';
import type { FromReceiver, ToReceiver } from './messages.ts';
import type { ReceiverOptions } from './receiver.ts';

/** How long leaving the group may take; then the thread is ended. */
const STOP_MS = 2_000;

/**
 * The byte stream of a udpcast sender. Whoever stops iterating, for whatever reason, leaves the
 * group, so that the others do not wait. A part is gone once the next one is asked for: its memory
 * goes back to the thread and is filled again.
 * @throws KioskError `IMAGE_NOT_STARTED`, `IMAGE_TRANSPORT_FAILED`; the signal's reason
 */
export async function* receiveUdpcast(
  options: ReceiverOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted();
  const worker = new Worker(new URL('./udpcast-worker.ts', import.meta.url), {
    workerData: options,
    execArgv: [],
  });
  const queue: FromReceiver[] = [];
  let wake = (): void => {};
  const push = (message: FromReceiver): void => {
    queue.push(message);
    wake();
  };
  const broke = (why: string): void =>
    push({ type: 'failed', code: 'IMAGE_TRANSPORT_FAILED', message: why });
  const say = (message: ToReceiver): void => worker.postMessage(message);
  const ended = new Promise<void>((resolve) => {
    worker.on('message', (message: FromReceiver) => {
      if (message.type === 'stopped') resolve();
      else push(message);
    });
    worker.once('error', (error) => broke(`the receiving thread failed: ${String(error)}`));
    worker.once('exit', () => {
      broke('the receiving thread ended');
      resolve();
    });
  });
  const abort = (): void => wake();
  signal.addEventListener('abort', abort);
  try {
    for (;;) {
      signal.throwIfAborted();
      const message = queue.shift();
      if (!message) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      if (message.type === 'end') return;
      if (message.type === 'failed')
        throw new KioskError(message.code, `udpcast: ${message.message}.`);
      if (message.type !== 'data') continue;
      const { length, buffer } = message.bytes;
      yield message.bytes;
      worker.postMessage({ type: 'consumed', bytes: length, buffer } satisfies ToReceiver, [
        buffer,
      ]);
    }
  } finally {
    signal.removeEventListener('abort', abort);
    say({ type: 'stop' });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, STOP_MS);
    });
    await Promise.race([ended, patience]);
    clearTimeout(timer);
    await worker.terminate();
  }
}
