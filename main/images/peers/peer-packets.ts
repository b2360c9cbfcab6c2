/**
 * How kiosks of a room find each other: one asks by broadcast who has an image, and those that
 * have it answer it alone. Big-endian:
 * ```
 * 8   magic "VSTPEER1"
 * 1   1 ask, 2 offer
 * 8   a number of the one who asks, given back in offers
 * 32  root of the image
 * 2   offers only: the TCP port on which it is served
 * ```
 */
const MAGIC = Buffer.from('VSTPEER1', 'latin1');
const ASK = 1;
const OFFER = 2;
const ASK_BYTES = 49;
const OFFER_BYTES = 51;

export interface PeerPacket {
  readonly type: 'ask' | 'offer';
  /** 8 bytes, hexadecimal. */
  readonly nonce: string;
  /** Hexadecimal. */
  readonly root: string;
  /** 0 for one who asks. */
  readonly port: number;
}

export function encodePeerPacket({ type, nonce, root, port }: PeerPacket): Buffer {
  const packet = Buffer.alloc(type === 'ask' ? ASK_BYTES : OFFER_BYTES);
  MAGIC.copy(packet);
  packet.writeUInt8(type === 'ask' ? ASK : OFFER, 8);
  packet.write(nonce, 9, 8, 'hex');
  packet.write(root, 17, 32, 'hex');
  if (type === 'offer') packet.writeUInt16BE(port, ASK_BYTES);
  return packet;
}

/** Undefined for whatever is no packet of a peer. */
export function parsePeerPacket(packet: Buffer): PeerPacket | undefined {
  if (packet.length < ASK_BYTES || !packet.subarray(0, 8).equals(MAGIC)) return undefined;
  const kind = packet.readUInt8(8);
  const common = { nonce: packet.toString('hex', 9, 17), root: packet.toString('hex', 17, 49) };
  if (kind === ASK && packet.length === ASK_BYTES) return { type: 'ask', ...common, port: 0 };
  if (kind !== OFFER || packet.length !== OFFER_BYTES) return undefined;
  const port = packet.readUInt16BE(ASK_BYTES);
  return port === 0 ? undefined : { type: 'offer', ...common, port };
}
