/**
 * An Ethernet switch over unix sockets: the private network of machines that start together.
 * Frames come as QEMU's `-netdev stream` sends them, each after its length (4 bytes, big endian).
 * Nobody else is on it: its socket lies in a folder that only the kiosk's user may enter.
 */
import { createServer, type Server, type Socket } from 'node:net';

/** The largest frame QEMU sends (NET_BUFSIZE in include/net/net.h). */
const MAX_FRAME = 4096 + 65536;
/** Below: 14 bytes of Ethernet header. */
const MIN_FRAME = 14;
/** Bytes waiting for one machine; what comes on top is dropped, as a real switch does. */
const QUEUE_LIMIT = 4 * 1024 * 1024;
const MAX_PORTS = 64;
const MAX_ADDRESSES = 1024;

/** Cuts a byte stream into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #length = 0;

  /**
   * Whole packets, each with its length prefix still in front, ready to be forwarded.
   * @throws Error for an impossible length: the stream is out of step and of no use
   */
  push(chunk: Buffer): Buffer[] {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    const packets: Buffer[] = [];
    if (this.#length < 4) return packets;
    const all = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks);
    let at = 0;
    while (all.length - at >= 4) {
      const size = all.readUInt32BE(at);
      if (size < MIN_FRAME || size > MAX_FRAME)
        throw new Error(`impossible frame of ${size} bytes`);
      if (all.length - at - 4 < size) break;
      packets.push(all.subarray(at, at + 4 + size));
      at += 4 + size;
    }
    this.#chunks = at === all.length ? [] : [all.subarray(at)];
    this.#length = all.length - at;
    return packets;
  }
}

export interface SwitchOptions {
  /** Called when the last machine has left, or none has come in time. */
  readonly onIdle: () => void;
  /** Milliseconds until the first machine must have come. */
  readonly lingerMs: number;
  /** Milliseconds after the last machine has left. Default 500: a group ends together. */
  readonly leaveMs?: number;
}

/** Learns where each address is and floods what it does not know (IEEE 802.1D, without loops to fear). */
export class Switch {
  readonly #ports = new Set<Socket>();
  readonly #addresses = new Map<string, Socket>();
  readonly #server: Server;
  readonly #options: SwitchOptions;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: SwitchOptions) {
    this.#options = options;
    this.#server = createServer((socket) => this.#plug(socket));
    this.#server.maxConnections = MAX_PORTS;
  }

  /** Resolves once machines can connect. */
  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(path, resolve);
    });
    this.#awaitIdle(this.#options.lingerMs);
  }

  /** How many machines are plugged in. */
  get ports(): number {
    return this.#ports.size;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    for (const port of this.#ports) port.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #plug(port: Socket): void {
    clearTimeout(this.#idle);
    this.#ports.add(port);
    const reader = new FrameReader();
    port.on('data', (chunk: Buffer) => {
      try {
        for (const packet of reader.push(chunk)) this.#forward(port, packet);
      } catch {
        port.destroy();
      }
    });
    port.on('error', () => {});
    port.once('close', () => {
      this.#ports.delete(port);
      for (const [address, at] of this.#addresses) {
        if (at === port) this.#addresses.delete(address);
      }
      if (this.#ports.size === 0) this.#awaitIdle(this.#options.leaveMs ?? 500);
    });
  }

  #forward(from: Socket, packet: Buffer): void {
    const destination = packet.toString('latin1', 4, 10);
    this.#learn(packet.toString('latin1', 10, 16), from);
    const known = isGroup(destination) ? undefined : this.#addresses.get(destination);
    if (known !== undefined) {
      if (known !== from) send(known, packet);
      return;
    }
    for (const port of this.#ports) if (port !== from) send(port, packet);
  }

  /** A machine that invents addresses cannot grow the table without bound. */
  #learn(source: string, port: Socket): void {
    if (isGroup(source) || this.#addresses.get(source) === port) return;
    if (this.#addresses.size >= MAX_ADDRESSES) this.#addresses.clear();
    this.#addresses.set(source, port);
  }

  #awaitIdle(milliseconds: number): void {
    this.#idle = setTimeout(this.#options.onIdle, milliseconds);
  }
}

/** The lowest bit of the first byte: broadcast and multicast. */
function isGroup(address: string): boolean {
  return (address.charCodeAt(0) & 1) === 1;
}

function send(port: Socket, packet: Buffer): void {
  if (port.writableLength + packet.length <= QUEUE_LIMIT) port.write(packet);
}
