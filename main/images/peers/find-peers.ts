import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { findInterface } from '../multicast/interface.ts';
import { encodePeerPacket, parsePeerPacket } from './peer-packets.ts';

/** Asked twice: a broadcast may be lost. */
const ASKS = 2;
const WAIT_MS = 400;
/** The first that answer are the least busy. */
const MAX_PEERS = 6;

/**
 * Asks the kiosks of this network for an image.
 * @returns where those that have it serve it, at most six
 * @throws KioskError `IMAGE_TRANSPORT_FAILED` without a network; the signal's reason
 */
export async function findPeers(
  root: string,
  port: number,
  signal: AbortSignal,
): Promise<string[]> {
  const { address, broadcast } = findInterface();
  const nonce = randomBytes(8).toString('hex');
  const found = new Set<string>();
  const socket = createSocket('udp4');
  socket.on('message', (packet, sender) => {
    const offer = parsePeerPacket(packet);
    if (offer?.type !== 'offer' || offer.nonce !== nonce || offer.root !== root) return;
    if (sender.address !== address && found.size < MAX_PEERS) {
      found.add(`http://${sender.address}:${offer.port}/${root}`);
    }
  });
  // An unreachable network is as good as one without peers.
  socket.on('error', () => {});
  try {
    socket.bind(0, address);
    await once(socket, 'listening', { signal });
    socket.setBroadcast(true);
    const packet = encodePeerPacket({ type: 'ask', nonce, root, port: 0 });
    for (let ask = 0; ask < ASKS; ask++) {
      socket.send(packet, port, broadcast, () => {});
      await sleep(WAIT_MS, undefined, { signal });
    }
  } finally {
    socket.close();
  }
  return [...found];
}
