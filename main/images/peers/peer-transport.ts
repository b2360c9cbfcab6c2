/** The transport `peer`: chunks from other kiosks of the room, which have the version already. */
import { KioskError } from '../../base/errors.ts';
import { plainFile } from '../chunk-file.ts';
import { createHttpTransport, type RangePort } from '../http.ts';
import type { Transport } from '../transport.ts';

export interface PeerTransportOptions {
  /** Where other kiosks serve the image with this root. */
  readonly find: (root: string, signal: AbortSignal) => Promise<readonly string[]>;
  readonly port: RangePort;
}

export function createPeerTransport({ find, port }: PeerTransportOptions): Transport {
  return {
    name: 'peer',
    async transfer(sink, transfer) {
      const urls = await find(sink.manifest.root, transfer.signal);
      if (urls.length === 0) {
        throw new KioskError('IMAGE_NOT_STARTED', 'No other kiosk has the image.');
      }
      const http = createHttpTransport({ name: 'peer', urls, port, file: plainFile });
      return http.transfer(sink, transfer);
    },
  };
}
