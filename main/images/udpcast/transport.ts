/** The transport `udpcast`: an image from an existing server that runs `udp-sender`. */
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import type { Launcher } from '../../process/launcher.ts';
import { findInterface } from '../multicast/interface.ts';
import type { UdpcastOffer } from '../multicast/offers.ts';
import type { ChunkSink, TransferOptions, TransferReport, Transport } from '../transport.ts';
import { type Compression, decompress, detectCompression } from './decompress.ts';
import { putStream } from './put-stream.ts';
import { receiveStock } from './receive-stock.ts';
import { receiveUdpcast } from './receive-udpcast.ts';

export interface UdpcastTransportOptions {
  readonly offer: UdpcastOffer;
  readonly launcher: Launcher;
  readonly log: Logger;
  /** Where the offer names no interface. Default: the first with an IPv4 address. */
  readonly interfaceName?: string | undefined;
}

/** What a slow disk or a slow decompressor may lag behind before the group feels it. */
const WINDOW_BYTES = 64 * 1024 * 1024;
/** What the group may lose to this kiosk in all, before it leaves and goes on by itself. */
const MAX_HELD_MS = 5_000;

export function createUdpcastTransport(options: UdpcastTransportOptions): Transport {
  return { name: 'udpcast', transfer: (sink, transfer) => run(options, sink, transfer) };
}

async function run(
  options: UdpcastTransportOptions,
  sink: ChunkSink,
  transfer: TransferOptions,
): Promise<TransferReport> {
  const { offer, launcher, log } = options;
  // Aborted as soon as nothing more is wanted, so that a receiver that waits leaves the group.
  const over = new AbortController();
  const signal = AbortSignal.any([transfer.signal, over.signal]);
  const account = { chunks: 0, mismatches: 0 };
  let bytes = 0;
  const count = async function* (source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of source) {
      if (bytes === 0) log.info('the udpcast stream began', { image: sink.manifest.id });
      bytes += part.length;
      transfer.received(part.length);
      await transfer.throttle(part.length);
      yield part;
    }
  };
  try {
    const stream = count(receive(options, signal));
    const plain = await expand(stream, offer.content === 'packed' ? 'none' : offer.compression, {
      launcher,
      abort: () => over.abort(),
    });
    await putStream(plain, sink, offer.content, account);
  } catch (error) {
    transfer.signal.throwIfAborted();
    throw error;
  } finally {
    over.abort();
  }
  if (bytes === 0 && sink.missing > 0) {
    throw new KioskError('IMAGE_NOT_STARTED', 'The udpcast stream was empty.');
  }
  return { transport: 'udpcast', bytes, retries: 0, ...account };
}

function receive(
  { offer, launcher, interfaceName }: UdpcastTransportOptions,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const { name, address, broadcast } = findInterface(offer.interface ?? interfaceName);
  const common = {
    portbase: offer.portbase,
    rendezvous: offer.rendezvous,
    startTimeoutMs: offer.startTimeout * 1000,
    receiveTimeoutMs: offer.receiveTimeout * 1000,
    windowBytes: WINDOW_BYTES,
  };
  return offer.receiver === 'stock'
    ? receiveStock({ ...common, launcher, interfaceName: name }, signal)
    : receiveUdpcast(
        { ...common, address, broadcast, sender: offer.sender, maxHeldMs: MAX_HELD_MS },
        signal,
      );
}

/** Decompresses as the offer says, or as the stream's first bytes do. */
async function expand(
  stream: AsyncGenerator<Uint8Array>,
  compression: Compression | 'auto',
  options: { readonly launcher: Launcher; readonly abort: () => void },
): Promise<AsyncIterable<Uint8Array>> {
  let known = compression;
  let source: AsyncIterable<Uint8Array> = stream;
  if (known === 'auto') {
    const first = await stream.next();
    if (first.done) return stream;
    known = detectCompression(first.value);
    source = prepend(first.value, stream);
  }
  return known === 'none' ? source : decompress(source, { ...options, compression: known });
}

async function* prepend(
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}
