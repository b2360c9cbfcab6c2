/**
 * The wire format of the native multicast transport, big-endian, one UDP packet each. Chunks are
 * sent as the image's file stores them, cut into packets that say where they belong, so that any
 * packet is of use in any order. Nothing here is believed: a chunk counts once its hash is right.
 */

/** Bytes of a stored chunk in one packet: fits an Ethernet frame with all headers. */
export const PAYLOAD = 1440;
const MAGIC = 0x564d;
const VERSION = 1;
const HEADER = 8;
const DATA_HEADER = 20;
const ROOT_BYTES = 32;
/** Entries of one packet, so that it fits a frame. */
export const MAX_RUNS = 170;
export const MAX_LOSSES = 110;

const TYPE = { announce: 1, data: 2, need: 3, accept: 4, nack: 5, done: 6, drop: 7 } as const;

/** Packets of one chunk; packet n is bit n % 32 of `lo` (n < 32) or `hi`. */
export interface PacketSet {
  readonly lo: number;
  readonly hi: number;
}

export interface Announcement {
  readonly type: 'announce';
  readonly session: number;
  /** Hexadecimal: whose chunks are sent. */
  readonly root: string;
  /** Where the sender listens. */
  readonly controlPort: number;
  readonly receivers: number;
  /** Sequence number of the last data packet. */
  readonly lastSequence: number;
  /** Everything that was asked for has been sent. */
  readonly drained: boolean;
  /** The session is over. */
  readonly ended: boolean;
}

export interface DataHeader {
  readonly session: number;
  readonly sequence: number;
  readonly chunk: number;
  readonly packet: number;
  /** Sent again for those who lost it, out of the order of the pass. */
  readonly repair: boolean;
}

export type SenderPacket =
  | Announcement
  | (DataHeader & { readonly type: 'data'; readonly payload: Uint8Array })
  | { readonly type: 'accept'; readonly session: number; readonly part: number }
  | { readonly type: 'drop'; readonly session: number };

export interface ChunkLoss extends PacketSet {
  readonly chunk: number;
}

export type ReceiverPacket =
  | {
      readonly type: 'need';
      readonly session: number;
      /** Needs are told in parts, each accepted by its number. */
      readonly part: number;
      readonly runs: ReadonlyArray<{ readonly first: number; readonly count: number }>;
    }
  | {
      readonly type: 'nack';
      readonly session: number;
      /** The highest sequence number that the receiver had seen. */
      readonly seen: number;
      /** Packets lost since the last word, in ten thousandths. */
      readonly loss: number;
      readonly losses: readonly ChunkLoss[];
    }
  | { readonly type: 'done'; readonly session: number };

/** How many packets a stored chunk takes. */
export function packetsOf(storedLength: number): number {
  return Math.ceil(storedLength / PAYLOAD);
}

/** All packets of a stored chunk. */
export function allPackets(storedLength: number): PacketSet {
  const count = packetsOf(storedLength);
  return {
    lo: count >= 32 ? 0xffff_ffff : 2 ** count - 1,
    hi: count > 32 ? 2 ** (count - 32) - 1 : 0,
  };
}

export function hasPacket({ lo, hi }: PacketSet, packet: number): boolean {
  return ((packet < 32 ? lo : hi) & (1 << (packet & 31))) !== 0;
}

/** undefined: not a packet of this protocol's sender, or one whose bounds do not hold. */
export function parseSenderPacket(bytes: Uint8Array): SenderPacket | undefined {
  const opened = open(bytes);
  if (!opened) return undefined;
  const { view, type, session } = opened;
  switch (type) {
    case TYPE.data: {
      if (bytes.length <= DATA_HEADER || bytes.length > DATA_HEADER + PAYLOAD) return undefined;
      const packet = view.getUint16(16);
      if (packet >= 64) return undefined;
      return {
        type: 'data',
        session,
        sequence: view.getUint32(8),
        chunk: view.getUint32(12),
        packet,
        repair: view.getUint8(18) === 1,
        payload: bytes.subarray(DATA_HEADER),
      };
    }
    case TYPE.announce: {
      if (bytes.length !== HEADER + ROOT_BYTES + 12) return undefined;
      const flags = view.getUint16(HEADER + ROOT_BYTES + 8);
      return {
        type: 'announce',
        session,
        root: Buffer.from(bytes.subarray(HEADER, HEADER + ROOT_BYTES)).toString('hex'),
        controlPort: view.getUint16(HEADER + ROOT_BYTES),
        receivers: view.getUint16(HEADER + ROOT_BYTES + 2),
        lastSequence: view.getUint32(HEADER + ROOT_BYTES + 4),
        drained: (flags & 1) !== 0,
        ended: (flags & 2) !== 0,
      };
    }
    case TYPE.accept:
      if (bytes.length !== HEADER + 4) return undefined;
      return { type: 'accept', session, part: view.getUint32(HEADER) };
    case TYPE.drop:
      return { type: 'drop', session };
    default:
      return undefined;
  }
}

/** undefined: not a packet of this protocol's receivers, or one whose bounds do not hold. */
export function parseReceiverPacket(bytes: Uint8Array): ReceiverPacket | undefined {
  const opened = open(bytes);
  if (!opened) return undefined;
  const { view, type, session } = opened;
  switch (type) {
    case TYPE.need: {
      if (bytes.length < HEADER + 8) return undefined;
      const count = view.getUint16(HEADER + 4);
      if (count > MAX_RUNS || bytes.length !== HEADER + 8 + 8 * count) return undefined;
      const runs = Array.from({ length: count }, (_, at) => ({
        first: view.getUint32(HEADER + 8 + 8 * at),
        count: view.getUint32(HEADER + 12 + 8 * at),
      }));
      return { type: 'need', session, part: view.getUint32(HEADER), runs };
    }
    case TYPE.nack: {
      if (bytes.length < HEADER + 8) return undefined;
      const count = view.getUint16(HEADER + 6);
      if (count > MAX_LOSSES || bytes.length !== HEADER + 8 + 12 * count) return undefined;
      const losses = Array.from({ length: count }, (_, at) => ({
        chunk: view.getUint32(HEADER + 8 + 12 * at),
        lo: view.getUint32(HEADER + 12 + 12 * at),
        hi: view.getUint32(HEADER + 16 + 12 * at),
      }));
      const loss = Math.min(10_000, view.getUint16(HEADER + 4));
      return { type: 'nack', session, seen: view.getUint32(HEADER), loss, losses };
    }
    case TYPE.done:
      return { type: 'done', session };
    default:
      return undefined;
  }
}

export function encodeAnnouncement(announcement: Omit<Announcement, 'type'>): Buffer {
  const packet = create('announce', announcement.session, ROOT_BYTES + 12);
  packet.write(announcement.root, HEADER, ROOT_BYTES, 'hex');
  packet.writeUInt16BE(announcement.controlPort, HEADER + ROOT_BYTES);
  packet.writeUInt16BE(announcement.receivers, HEADER + ROOT_BYTES + 2);
  packet.writeUInt32BE(announcement.lastSequence, HEADER + ROOT_BYTES + 4);
  const flags = (announcement.drained ? 1 : 0) | (announcement.ended ? 2 : 0);
  packet.writeUInt16BE(flags, HEADER + ROOT_BYTES + 8);
  return packet;
}

/** The header alone; the payload follows it in the packet. */
export function encodeDataHeader(header: DataHeader): Buffer {
  const packet = create('data', header.session, DATA_HEADER - HEADER);
  packet.writeUInt32BE(header.sequence, 8);
  packet.writeUInt32BE(header.chunk, 12);
  packet.writeUInt16BE(header.packet, 16);
  packet.writeUInt8(header.repair ? 1 : 0, 18);
  return packet;
}

export function encodeAccept(session: number, part: number): Buffer {
  const packet = create('accept', session, 4);
  packet.writeUInt32BE(part, HEADER);
  return packet;
}

export function encodeDrop(session: number): Buffer {
  return create('drop', session, 0);
}

export function encodeReceiverPacket(message: ReceiverPacket): Buffer {
  switch (message.type) {
    case 'need': {
      const packet = create('need', message.session, 8 + 8 * message.runs.length);
      packet.writeUInt32BE(message.part, HEADER);
      packet.writeUInt16BE(message.runs.length, HEADER + 4);
      for (const [at, { first, count }] of message.runs.entries()) {
        packet.writeUInt32BE(first, HEADER + 8 + 8 * at);
        packet.writeUInt32BE(count, HEADER + 12 + 8 * at);
      }
      return packet;
    }
    case 'nack': {
      const packet = create('nack', message.session, 8 + 12 * message.losses.length);
      packet.writeUInt32BE(message.seen, HEADER);
      packet.writeUInt16BE(message.loss, HEADER + 4);
      packet.writeUInt16BE(message.losses.length, HEADER + 6);
      for (const [at, { chunk, lo, hi }] of message.losses.entries()) {
        packet.writeUInt32BE(chunk, HEADER + 8 + 12 * at);
        packet.writeUInt32BE(lo >>> 0, HEADER + 12 + 12 * at);
        packet.writeUInt32BE(hi >>> 0, HEADER + 16 + 12 * at);
      }
      return packet;
    }
    case 'done':
      return create('done', message.session, 0);
  }
}

function create(type: keyof typeof TYPE, session: number, rest: number): Buffer {
  const packet = Buffer.alloc(HEADER + rest);
  packet.writeUInt16BE(MAGIC, 0);
  packet.writeUInt8(VERSION, 2);
  packet.writeUInt8(TYPE[type], 3);
  packet.writeUInt32BE(session, 4);
  return packet;
}

function open(
  bytes: Uint8Array,
): { readonly view: DataView; readonly type: number; readonly session: number } | undefined {
  if (bytes.length < HEADER) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(0) !== MAGIC || view.getUint8(2) !== VERSION) return undefined;
  return { view, type: view.getUint8(3), session: view.getUint32(4) };
}
