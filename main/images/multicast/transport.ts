/** The transport `multicast`: chunks that a campus sends to a whole room at once. */
import { Worker } from 'node:worker_threads';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import type { ChunkSink, TransferOptions, TransferReport, Transport } from '../transport.ts';
import { findInterface } from './interface.ts';
import type { FromMulticast, ToMulticast } from './multicast-worker.ts';
import type { MulticastOffer } from './offers.ts';
import type { MulticastReceiverOptions } from './receiver.ts';

export interface MulticastTransportOptions {
  readonly offer: MulticastOffer;
  readonly log: Logger;
  /** Where the offer names no interface. Default: the first with an IPv4 address. */
  readonly interfaceName?: string | undefined;
}

const STOP_MS = 2_000;

export function createMulticastTransport(options: MulticastTransportOptions): Transport {
  return { name: 'multicast', transfer: (sink, transfer) => run(options, sink, transfer) };
}

async function run(
  { offer, log, interfaceName }: MulticastTransportOptions,
  sink: ChunkSink,
  transfer: TransferOptions,
): Promise<TransferReport> {
  const { signal } = transfer;
  const { manifest } = sink;
  const account = { bytes: 0, chunks: 0, mismatches: 0, retries: 0 };
  const workerData: MulticastReceiverOptions = {
    address: findInterface(offer.interface ?? interfaceName).address,
    group: offer.group,
    port: offer.port,
    sender: offer.sender,
    root: manifest.root,
    lengths: Uint32Array.from({ length: manifest.chunks }, (_, at) => manifest.stored(at).length),
    needed: Uint32Array.from(sink.missingIndexes()),
    startTimeoutMs: offer.startTimeout * 1000,
    receiveTimeoutMs: offer.receiveTimeout * 1000,
  };
  const worker = new Worker(new URL('./multicast-worker.ts', import.meta.url), {
    workerData,
    execArgv: [],
  });
  const say = (message: ToMulticast): void => worker.postMessage(message);
  const stopped = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const take = async (index: number, bytes: Uint8Array): Promise<void> => {
    if (account.bytes === 0) log.info('the multicast stream began', { image: manifest.id });
    const { length } = bytes;
    account.bytes += length;
    transfer.received(length);
    // Paused or at its ceiling, this kiosk lets packets go, and the group goes on without it.
    await transfer.throttle(length);
    const outcome = await sink.putStored(index, bytes);
    if (outcome === 'accepted') account.chunks++;
    if (outcome === 'mismatch') {
      account.mismatches++;
      account.retries++;
    }
    say({ type: 'verified', index, right: outcome !== 'mismatch' });
  };
  worker.on('message', (message: FromMulticast) => {
    if (message.type === 'chunk') take(message.index, message.bytes).catch(ended.reject);
    else if (message.type === 'end') ended.resolve();
    else if (message.type === 'stopped') stopped.resolve();
    else ended.reject(new KioskError(message.code, `multicast: ${message.message}.`));
  });
  worker.once('error', ended.reject);
  worker.once('exit', () => {
    ended.reject(new KioskError('IMAGE_TRANSPORT_FAILED', 'multicast: the thread ended.'));
    stopped.resolve();
  });
  const abort = (): void => ended.reject(signal.reason);
  signal.addEventListener('abort', abort);
  if (signal.aborted) abort();
  try {
    await ended.promise;
  } finally {
    signal.removeEventListener('abort', abort);
    say({ type: 'stop' });
    const timer = setTimeout(stopped.resolve, STOP_MS);
    await stopped.promise;
    clearTimeout(timer);
    await worker.terminate();
  }
  return { transport: 'multicast', ...account };
}
