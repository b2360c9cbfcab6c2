/**
 * The wire format of udpcast (udpcast.linux.lu, 20120424 and later), big-endian, as a receiver
 * speaks it. There is no image name, length or checksum in it: what arrives is believed only
 * after its chunks match a signed manifest.
 */

/** The protocol's largest payload of a data packet, in bytes. */
export const MAX_BLOCK_SIZE = 1456;
/** Blocks in one slice, at most. */
export const MAX_SLICE_BLOCKS = 1024;
/** Receivers that a request for acknowledgement can name. */
const MAX_CLIENTS = 1024;
const DATA_HEADER = 16;

const OP = {
  ok: 0,
  retransmit: 1,
  connectRequest: 3,
  disconnect: 4,
  requestAck: 6,
  connectReply: 7,
  data: 8,
  fec: 9,
  hello: 10,
  helloStreaming: 11,
  helloNew: 0x0500,
} as const;

/** What this receiver can do: multicast data (1) and big-endian headers (8). */
const CAPABILITIES = 0x0009;
/** The sender runs without acknowledgements: a late joiner would miss the head unnoticed. */
const CAP_ASYNC = 0x0020;

export type SenderMessage =
  | {
      readonly type: 'hello';
      readonly blockSize: number;
      readonly async: boolean;
      readonly streaming: boolean;
      readonly dataAddress: string;
    }
  | {
      readonly type: 'connect-reply';
      /** -1: the sender takes no more receivers. */
      readonly clientNumber: number;
      readonly blockSize: number;
      readonly async: boolean;
      readonly dataAddress: string;
    }
  | {
      readonly type: 'data';
      readonly slice: number;
      readonly block: number;
      readonly sliceBytes: number;
      readonly payload: Uint8Array;
    }
  | {
      readonly type: 'request-ack';
      readonly slice: number;
      /** 0: the stream ended. */
      readonly sliceBytes: number;
      readonly rxmit: number;
      readonly readySet: Uint8Array;
    }
  | { readonly type: 'fec' }
  | { readonly type: 'disconnect' };

/** undefined: not a packet of a udpcast sender, or one whose lengths and bounds do not hold. */
export function parseSenderMessage(bytes: Uint8Array): SenderMessage | undefined {
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (view.getUint16(0)) {
    case OP.data: {
      if (bytes.length < DATA_HEADER || bytes.length > DATA_HEADER + MAX_BLOCK_SIZE) {
        return undefined;
      }
      const slice = view.getInt32(4);
      const block = view.getUint16(8);
      const sliceBytes = view.getUint32(12);
      if (slice < 0 || block >= MAX_SLICE_BLOCKS || !saneSliceBytes(sliceBytes)) return undefined;
      return { type: 'data', slice, block, sliceBytes, payload: bytes.subarray(DATA_HEADER) };
    }
    case OP.requestAck: {
      if (bytes.length < 16) return undefined;
      const slice = view.getInt32(4);
      const sliceBytes = view.getUint32(8);
      if (slice < 0 || !saneSliceBytes(sliceBytes)) return undefined;
      return {
        type: 'request-ack',
        slice,
        sliceBytes,
        rxmit: view.getUint32(12),
        readySet: bytes.subarray(16, 16 + MAX_CLIENTS / 8),
      };
    }
    case OP.hello:
    case OP.helloNew:
    case OP.helloStreaming: {
      if (bytes.length < 26) return undefined;
      const blockSize = view.getUint16(24);
      if (!saneBlockSize(blockSize)) return undefined;
      return {
        type: 'hello',
        blockSize,
        async: (view.getUint32(4) & CAP_ASYNC) !== 0,
        streaming: view.getUint16(0) === OP.helloStreaming,
        dataAddress: readAddress(bytes, 8),
      };
    }
    case OP.connectReply: {
      if (bytes.length < 32) return undefined;
      const blockSize = view.getInt32(8);
      const clientNumber = view.getInt32(4);
      if (!saneBlockSize(blockSize) || clientNumber < -1 || clientNumber >= MAX_CLIENTS) {
        return undefined;
      }
      return {
        type: 'connect-reply',
        clientNumber,
        blockSize,
        async: (view.getUint32(12) & CAP_ASYNC) !== 0,
        dataAddress: readAddress(bytes, 16),
      };
    }
    case OP.fec:
      return { type: 'fec' };
    case OP.disconnect:
      return { type: 'disconnect' };
    default:
      return undefined;
  }
}

/** @param receiveBuffer the socket's SO_RCVBUF in bytes: the sender sizes its slices by it */
export function encodeConnectRequest(receiveBuffer: number): Buffer {
  const packet = Buffer.alloc(12);
  packet.writeUInt16BE(OP.connectRequest, 0);
  packet.writeUInt32BE(CAPABILITIES, 4);
  packet.writeUInt32BE(receiveBuffer, 8);
  return packet;
}

/** Everything of the slice has arrived. */
export function encodeOk(slice: number): Buffer {
  const packet = Buffer.alloc(8);
  packet.writeUInt16BE(OP.ok, 0);
  packet.writeInt32BE(slice, 4);
  return packet;
}

/**
 * Asks for what is missing of a slice.
 * @param rxmit that of the request which is answered
 * @param have one bit a block, least significant first, 1: arrived; {@link MAX_SLICE_BLOCKS} bits
 */
export function encodeRetransmit(slice: number, rxmit: number, have: Uint8Array): Buffer {
  const packet = Buffer.alloc(12 + MAX_SLICE_BLOCKS / 8);
  packet.writeUInt16BE(OP.retransmit, 0);
  packet.writeInt32BE(slice, 4);
  packet.writeUInt32BE(rxmit, 8);
  packet.set(have.subarray(0, MAX_SLICE_BLOCKS / 8), 12);
  return packet;
}

/** Leaves the group, so that the sender does not wait for this receiver. */
export function encodeDisconnect(): Buffer {
  const packet = Buffer.alloc(4);
  packet.writeUInt16BE(OP.disconnect, 0);
  return packet;
}

/** In a request for acknowledgement, a set bit means that this receiver need not answer. */
export function isReady(readySet: Uint8Array, clientNumber: number): boolean {
  const byte = readySet[clientNumber >> 3];
  return byte !== undefined && (byte & (1 << (clientNumber & 7))) !== 0;
}

/** A field of 16 bytes with an IPv4 address in its first four. */
function readAddress(bytes: Uint8Array, offset: number): string {
  return bytes.subarray(offset, offset + 4).join('.');
}

function saneBlockSize(size: number): boolean {
  return size > 0 && size <= MAX_BLOCK_SIZE;
}

function saneSliceBytes(bytes: number): boolean {
  return bytes <= MAX_SLICE_BLOCKS * MAX_BLOCK_SIZE;
}
