import type { ImageRef } from '../../base/manifest.ts';
import type { Logger } from '../../log/logger.ts';
import type { Launcher } from '../../process/launcher.ts';
import type { Transport } from '../transport.ts';
import { createUdpcastTransport } from '../udpcast/transport.ts';
import { offersOf } from './offers.ts';
import { createMulticastTransport } from './transport.ts';

export interface MulticastTransportsOptions {
  readonly launcher: Launcher;
  readonly log: Logger;
  /** Where an offer names no interface. Default: the first with an IPv4 address. */
  readonly interfaceName?: string | undefined;
}

/** Makes the transports of the multicast offers that come with an image. */
export function multicastTransports(
  options: MulticastTransportsOptions,
): (ref: ImageRef) => Transport[] {
  return (ref) =>
    offersOf(ref, options.log).map((offer) =>
      offer.type === 'udpcast'
        ? createUdpcastTransport({ ...options, offer })
        : createMulticastTransport({ ...options, offer }),
    );
}
