/**
 * The stock `udp-receiver`, for networks where our own receiver does not do. Its exit code is
 * never taken for success: 0 is also what it says after a transfer that never began, one that was
 * cut short and one that was forged.
 */
import { KioskError } from '../../base/errors.ts';
import type { Launcher } from '../../process/launcher.ts';

export interface StockReceiverOptions {
  readonly launcher: Launcher;
  readonly interfaceName: string;
  readonly portbase: number;
  readonly rendezvous?: string | undefined;
  readonly startTimeoutMs: number;
  readonly receiveTimeoutMs: number;
  /** Bytes kept for a slow reader: the whole group waits for a pipe that is full. */
  readonly windowBytes: number;
}

/** The arguments of udp-receiver(1). Without `--nokbd` it takes /dev/null for a key press. */
export function stockArguments(options: Omit<StockReceiverOptions, 'launcher'>): string[] {
  const args = ['--nokbd', '--no-progress', '--rcvbuf', '4194304'];
  args.push('--start-timeout', String(Math.ceil(options.startTimeoutMs / 1000)));
  args.push('--receive-timeout', String(Math.ceil(options.receiveTimeoutMs / 1000)));
  args.push('--interface', options.interfaceName, '--portbase', String(options.portbase));
  if (options.rendezvous !== undefined) args.push('--mcast-rdv-address', options.rendezvous);
  return args;
}

/**
 * The byte stream of a udpcast sender. Whoever stops iterating leaves the group (SIGINT makes
 * udp-receiver say so; any other end would stall the others for minutes).
 * @throws KioskError `IMAGE_NOT_STARTED`, `IMAGE_TRANSPORT_FAILED`, `PROGRAM_MISSING`; the
 * signal's reason
 */
export async function* receiveStock(
  options: StockReceiverOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const child = await options.launcher.launch({
    program: 'udp-receiver',
    args: stockArguments(options),
    stopSignal: 'SIGINT',
    signal,
  });
  let bytes = 0;
  try {
    for await (const part of readAhead(child.stdout, options.windowBytes)) {
      bytes += part.length;
      yield part;
    }
  } finally {
    await child.stop();
  }
  const { code, stderrTail } = await child.exited;
  signal.throwIfAborted();
  if (bytes === 0) {
    throw new KioskError('IMAGE_NOT_STARTED', 'udp-receiver received nothing.', {
      details: { exit: code },
    });
  }
  if (code !== 0) {
    throw new KioskError(
      'IMAGE_TRANSPORT_FAILED',
      `udp-receiver ended with ${code}: ${stderrTail.trim().slice(-500)}`,
      { details: { exit: code } },
    );
  }
}

/** Reads up to so many bytes further than its reader is. */
async function* readAhead(
  source: NodeJS.ReadableStream,
  windowBytes: number,
): AsyncGenerator<Uint8Array> {
  const queue: Buffer[] = [];
  let queued = 0;
  let ended = false;
  let wake = (): void => {};
  source.on('data', (part: Buffer) => {
    queue.push(part);
    queued += part.length;
    if (queued >= windowBytes) source.pause();
    wake();
  });
  const end = (): void => {
    ended = true;
    wake();
  };
  source.once('end', end).once('close', end).once('error', end);
  for (;;) {
    const part = queue.shift();
    if (part) {
      queued -= part.length;
      if (queued < windowBytes && source.isPaused()) source.resume();
      yield part;
    } else if (ended) return;
    else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}
