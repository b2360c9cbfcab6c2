/**
 * The sender of the native multicast transport, for the campus: sends the chunks that anybody in
 * the room wants, once for all. It waits for nobody once it has begun.
 */
import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImageManifest } from '../manifest.ts';
import { Demand, type Due } from './demand.ts';
import { Group } from './group.ts';
import {
  encodeAccept,
  encodeAnnouncement,
  encodeDataHeader,
  encodeDrop,
  hasPacket,
  PAYLOAD,
  packetsOf,
  parseReceiverPacket,
} from './packets.ts';

export interface MulticastSenderOptions {
  readonly manifest: ImageManifest;
  /** The file that holds the stored chunks. */
  readonly file: string;
  /** IPv4 address of the interface on which to send. */
  readonly address: string;
  readonly group: string;
  readonly port: number;
  /** Routers that the packets may pass. Default 1: none. */
  readonly ttl?: number;
  /** Bytes per second, at most; and at least, however badly the group receives. */
  readonly maxRate: number;
  readonly minRate?: number;
  /** Begins once so many ask, or after this time (milliseconds) with those that do. */
  readonly receivers?: number;
  readonly waitMs?: number;
  /** Ends when nobody has asked for anything for so long, in milliseconds. Default 5000. */
  readonly idleMs?: number;
  readonly signal?: AbortSignal;
}

export interface SenderReport {
  readonly receivers: ReadonlyArray<{
    readonly address: string;
    /** `silent`: it stopped answering before it had all. */
    readonly state: 'done' | 'dropped' | 'silent';
  }>;
  /** Data packets that were sent, and those of them that were repairs. */
  readonly packets: number;
  readonly repairs: number;
  readonly seconds: number;
}

const ANNOUNCE_MS = 100;
const ADJUST_MS = 250;
/** Packets handed to the kernel at once; more would only wait there. */
const MAX_IN_FLIGHT = 64;
/** What may be sent at once after a pause of the timer, in seconds of the rate. */
const BURST_SECONDS = 0.005;

/** @throws the signal's reason, and system errors of the file and the socket */
export async function sendMulticast(options: MulticastSenderOptions): Promise<SenderReport> {
  const sender = new MulticastSender(options, await open(options.file, 'r'));
  return sender.run();
}

class MulticastSender {
  readonly #options: MulticastSenderOptions;
  readonly #file: FileHandle;
  readonly #socket: Socket = createSocket({ type: 'udp4', sendBufferSize: 1_048_576 });
  readonly #session = randomBytes(4).readUInt32BE();
  readonly #demand: Demand;
  readonly #group: Group;
  /** Parts of needs that were taken already, by receiver. */
  readonly #parts = new Set<string>();
  #sequence = 0;
  #packets = 0;
  #repairs = 0;
  #inFlight = 0;
  #ended = false;
  #wake = (): void => {};
  #lastAskedAt = 0;
  #tokens = 0;
  #filledAt = 0;

  constructor(options: MulticastSenderOptions, file: FileHandle) {
    this.#options = options;
    this.#file = file;
    const { manifest, maxRate, minRate = maxRate / 10 } = options;
    this.#demand = new Demand(
      Uint32Array.from({ length: manifest.chunks }, (_, at) => manifest.stored(at).length),
    );
    this.#group = new Group({ maxRate, minRate });
  }

  async run(): Promise<SenderReport> {
    const { address, ttl = 1 } = this.#options;
    const timers: NodeJS.Timeout[] = [];
    try {
      this.#socket.bind(0, address);
      await once(this.#socket, 'listening');
      this.#socket.setMulticastInterface(address);
      this.#socket.setMulticastTTL(ttl);
      this.#socket.on('error', () => {}); // a packet that was not sent is one that was lost
      this.#socket.on('message', (bytes, from) => this.#receive(bytes, from));
      timers.push(setInterval(() => this.#announce(), ANNOUNCE_MS));
      timers.push(setInterval(() => this.#adjust(), ADJUST_MS));
      this.#announce();
      await this.#gather();
      const began = performance.now();
      await this.#serve();
      this.#ended = true;
      for (let count = 0; count < 3; count++) this.#announce();
      const seconds = (performance.now() - began) / 1000;
      await sleep(20); // the farewells leave before the socket closes
      return this.#report(seconds);
    } finally {
      for (const timer of timers) clearInterval(timer);
      this.#socket.close();
      await this.#file.close();
    }
  }

  /** Waits for the receivers, or goes without those that are missing. */
  async #gather(): Promise<void> {
    const { receivers = 1, waitMs = 60_000, signal } = this.#options;
    const until = performance.now() + waitMs;
    while (this.#group.members.length < receivers && performance.now() < until) {
      await sleep(20, undefined, { signal });
    }
    this.#lastAskedAt = performance.now();
  }

  async #serve(): Promise<void> {
    const { signal, idleMs = 5_000 } = this.#options;
    this.#filledAt = performance.now();
    let busy = false;
    for (;;) {
      signal?.throwIfAborted();
      const due = this.#demand.next();
      if (due) {
        busy = true;
        await this.#sendChunk(due);
        continue;
      }
      // So that whoever lost the last packets knows it at once.
      if (busy) this.#announce();
      busy = false;
      const now = performance.now();
      const over = this.#group.members.length > 0 && this.#group.active(now).length === 0;
      if (over || now - this.#lastAskedAt >= idleMs) return;
      await this.#asked(20);
    }
  }

  async #sendChunk(due: Due): Promise<void> {
    const { manifest } = this.#options;
    const { offset, length } = manifest.stored(due.chunk);
    const bytes = Buffer.allocUnsafe(length);
    const { bytesRead } = await this.#file.read(bytes, 0, length, offset);
    if (bytesRead !== length)
      throw new Error('the file of chunks is shorter than its manifest says');
    const count = packetsOf(length);
    for (let packet = 0; packet < count; packet++) {
      if (!hasPacket(due, packet)) continue;
      const payload = bytes.subarray(packet * PAYLOAD, (packet + 1) * PAYLOAD);
      await this.#pace(payload.length);
      this.#sequence++;
      this.#packets++;
      if (due.repair) this.#repairs++;
      const header = encodeDataHeader({
        session: this.#session,
        sequence: this.#sequence,
        chunk: due.chunk,
        packet,
        repair: due.repair,
      });
      this.#inFlight++;
      this.#socket.send([header, payload], this.#options.port, this.#options.group, () => {
        this.#inFlight--;
        if (this.#inFlight < MAX_IN_FLIGHT) this.#wake();
      });
    }
    this.#demand.sent(due, this.#sequence);
  }

  /** A token bucket; what a late timer missed is caught up with only so far as buffers hold it. */
  async #pace(bytes: number): Promise<void> {
    while (this.#inFlight >= MAX_IN_FLIGHT) await this.#asked(20);
    while (this.#tokens <= 0) {
      const now = performance.now();
      const { rate } = this.#group;
      const burst = Math.max(rate * BURST_SECONDS, 16 * PAYLOAD);
      this.#tokens = Math.min(burst, this.#tokens + ((now - this.#filledAt) / 1000) * rate);
      this.#filledAt = now;
      if (this.#tokens <= 0) await sleep(1);
    }
    this.#tokens -= bytes;
  }

  /** Waits until something was asked for, or a packet left; at most so many milliseconds. */
  async #asked(atMost: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, atMost);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #receive(bytes: Uint8Array, { address, port }: RemoteInfo): void {
    const message = parseReceiverPacket(bytes);
    if (message?.session !== this.#session) return;
    const now = performance.now();
    const member = this.#group.heard(address, port, now);
    if (member.state === 'dropped') {
      this.#socket.send(encodeDrop(this.#session), port, address, () => {});
      return;
    }
    switch (message.type) {
      case 'need': {
        const key = `${address}:${port}:${message.part}`;
        if (!this.#parts.has(key)) {
          this.#parts.add(key);
          for (const { first, count } of message.runs) this.#demand.need(first, count);
          this.#lastAskedAt = now;
        }
        this.#socket.send(encodeAccept(this.#session, message.part), port, address, () => {});
        break;
      }
      case 'nack': {
        member.loss = member.loss * 0.5 + (message.loss / 10_000) * 0.5;
        const urgent = !this.#group.isLaggard(member, now);
        for (const loss of message.losses) this.#demand.lost(loss, message.seen, urgent);
        if (message.losses.length > 0) this.#lastAskedAt = now;
        break;
      }
      case 'done':
        member.state = 'done';
    }
    this.#wake();
  }

  #adjust(): void {
    for (const { address, port } of this.#group.adjust(performance.now())) {
      this.#socket.send(encodeDrop(this.#session), port, address, () => {});
    }
  }

  #announce(): void {
    const packet = encodeAnnouncement({
      session: this.#session,
      root: this.#options.manifest.root,
      controlPort: (this.#socket.address() as AddressInfo).port,
      receivers: Math.min(65_535, this.#group.members.length),
      lastSequence: this.#sequence,
      drained: this.#demand.drained && this.#sequence > 0,
      ended: this.#ended,
    });
    this.#socket.send(packet, this.#options.port, this.#options.group, () => {});
  }

  #report(seconds: number): SenderReport {
    return {
      receivers: this.#group.members.map(({ address, state }) => ({
        address,
        state: state === 'receiving' ? 'silent' : state,
      })),
      packets: this.#packets,
      repairs: this.#repairs,
      seconds,
    };
  }
}
