/** A receiver of the native multicast transport. */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import { Assembly } from './assembly.ts';
import {
  type Announcement,
  encodeReceiverPacket,
  MAX_RUNS,
  parseSenderPacket,
  type ReceiverPacket,
  type SenderPacket,
} from './packets.ts';

export interface MulticastReceiverOptions {
  /** IPv4 address of this computer's interface. */
  readonly address: string;
  readonly group: string;
  readonly port: number;
  /** The only sender to be heard. Default: the first that announces the image. */
  readonly sender?: string | undefined;
  /** Of the image, hexadecimal. */
  readonly root: string;
  /** Stored length of every chunk. */
  readonly lengths: Uint32Array;
  readonly needed: Uint32Array;
  readonly startTimeoutMs: number;
  readonly receiveTimeoutMs: number;
}

export interface MulticastReceiverEvents {
  /** A stored chunk; to be answered by {@link MulticastReceiver.verified}. */
  chunk(index: number, bytes: Uint8Array): void;
  /** No more will come. */
  end(): void;
  failed(code: ErrorCode, message: string): void;
}

const RECEIVE_BUFFER = 4_194_304;
const TICK_MS = 10;
const NEED_AGAIN_MS = 250;
const STATUS_EVERY_MS = 250;
/** Chunks handed over and not yet verified (32 MiB); beyond, packets are let go and repaired. */
const MAX_UNVERIFIED = 512;
/** Wrong contents of one chunk after which it is left to another transport. */
const MAX_WRONG = 3;
const FAREWELLS = 3;

interface Session {
  readonly id: number;
  readonly address: string;
  readonly controlPort: number;
}

export class MulticastReceiver {
  readonly #options: MulticastReceiverOptions;
  readonly #events: MulticastReceiverEvents;
  readonly #assembly: Assembly;
  readonly #data: Socket = createSocket({
    type: 'udp4',
    recvBufferSize: RECEIVE_BUFFER,
    reuseAddr: true,
  });
  readonly #control: Socket = createSocket('udp4');
  readonly #wrong = new Map<number, number>();
  /** Parts of the needs that the sender has not accepted yet. */
  readonly #needs = new Map<number, ReceiverPacket>();
  #session: Session | undefined;
  #timer: NodeJS.Timeout | undefined;
  #over = false;
  #began = 0;
  #heardAt = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #statusAt = 0;
  #highest = 0;
  #expected = 0;
  #arrived = 0;
  #unverified = 0;

  constructor(
    options: MulticastReceiverOptions,
    events: MulticastReceiverEvents,
    random: () => number = Math.random,
  ) {
    this.#options = options;
    this.#events = events;
    this.#assembly = new Assembly(options.lengths, options.needed, random);
  }

  start(): void {
    const { address, group, port } = this.#options;
    for (const socket of [this.#data, this.#control]) {
      socket.on('error', (error) => this.#fail('IMAGE_TRANSPORT_FAILED', error.message));
      socket.on('message', (bytes, from) => this.#receive(bytes, from));
    }
    this.#control.bind(0, address);
    // Bound to the group, so that only its packets come, whoever else uses the port.
    this.#data.bind(port, group, () => {
      try {
        this.#data.addMembership(group, address);
      } catch (error) {
        this.#fail('IMAGE_TRANSPORT_FAILED', `the group cannot be joined: ${String(error)}`);
        return;
      }
      this.#began = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
    });
  }

  /** Says whether a chunk that was handed over was right. */
  verified(index: number, right: boolean): void {
    this.#unverified--;
    if (this.#over) return;
    const wrong = (this.#wrong.get(index) ?? 0) + 1;
    if (right || wrong >= MAX_WRONG) this.#assembly.settle(index);
    else {
      this.#wrong.set(index, wrong);
      this.#assembly.refetch(index, performance.now());
    }
    if (this.#assembly.wanted === 0) void this.stop().then(() => this.#events.end());
  }

  /** Tells the sender that nothing more is needed, and closes. */
  async stop(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#timer);
    const session = this.#session;
    if (session) {
      for (let count = 0; count < FAREWELLS; count++) {
        await this.#send({ type: 'done', session: session.id });
      }
    }
    for (const socket of [this.#data, this.#control]) {
      socket.removeAllListeners('error').on('error', () => {});
      await new Promise<void>((resolve) => {
        try {
          socket.close(resolve);
        } catch {
          resolve(); // it failed before it was open
        }
      });
    }
  }

  #tick(): void {
    const now = performance.now();
    const { startTimeoutMs, receiveTimeoutMs } = this.#options;
    const session = this.#session;
    if (!session) {
      if (now - this.#began >= startTimeoutMs) {
        this.#fail('IMAGE_NOT_STARTED', 'nobody announced the image in time');
      }
      return;
    }
    if (now - this.#heardAt >= receiveTimeoutMs) {
      this.#fail('IMAGE_TRANSPORT_FAILED', 'the sender fell silent');
      return;
    }
    if (this.#needs.size > 0 && now - this.#askedAt >= NEED_AGAIN_MS) {
      this.#askedAt = now;
      for (const part of this.#needs.values()) void this.#send(part);
    }
    const losses = this.#assembly.losses(now);
    if (losses.length === 0 && now - this.#statusAt < STATUS_EVERY_MS) return;
    void this.#send({
      type: 'nack',
      session: session.id,
      seen: this.#highest,
      loss: this.#lossSince(now),
      losses,
    });
  }

  /** Ten thousandths; counted over a while, so that a burst does not look like a rule. */
  #lossSince(now: number): number {
    const loss = this.#expected === 0 ? 0 : Math.max(0, 1 - this.#arrived / this.#expected);
    if (now - this.#statusAt >= STATUS_EVERY_MS) {
      this.#statusAt = now;
      this.#expected = 0;
      this.#arrived = 0;
    }
    return Math.round(loss * 10_000);
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#over) return;
    const packet = parseSenderPacket(bytes);
    if (!packet) return;
    if (!this.#session) {
      if (packet.type === 'announce') this.#join(packet, from.address);
      return;
    }
    const { id, address, controlPort } = this.#session;
    if (packet.session !== id || from.address !== address || from.port !== controlPort) return;
    this.#heardAt = performance.now();
    this.#take(packet);
  }

  #join(announcement: Announcement, address: string): void {
    const { root, sender } = this.#options;
    if (announcement.root !== root || announcement.ended) return;
    if (sender !== undefined && sender !== address) return;
    const { session, controlPort } = announcement;
    this.#session = { id: session, address, controlPort };
    this.#heardAt = performance.now();
    let part = 0;
    const runs = [...this.#assembly.runs()];
    for (let at = 0; at < runs.length; at += MAX_RUNS) {
      const some = runs.slice(at, at + MAX_RUNS);
      this.#needs.set(part, { type: 'need', session, part, runs: some });
      part++;
    }
  }

  #take(packet: SenderPacket): void {
    const now = performance.now();
    switch (packet.type) {
      case 'data': {
        this.#sent(packet.sequence);
        if (this.#unverified >= MAX_UNVERIFIED) return;
        this.#arrived++;
        const chunk = this.#assembly.add(packet.chunk, packet.packet, packet.payload);
        if (
          !packet.repair &&
          this.#needs.size === 0 &&
          packet.chunk < this.#options.lengths.length
        ) {
          this.#assembly.passed(packet.chunk, now);
        }
        if (!chunk) return;
        this.#unverified++;
        this.#events.chunk(packet.chunk, chunk);
        return;
      }
      case 'announce':
        // The last packets may be lost too, and a sender that believes them under way waits.
        this.#sent(packet.lastSequence);
        if (packet.ended) {
          void this.stop().then(() => this.#events.end());
        } else if (packet.drained && this.#needs.size === 0) {
          this.#assembly.drained(now);
        }
        return;
      case 'accept':
        this.#needs.delete(packet.part);
        return;
      case 'drop':
        this.#fail('IMAGE_TRANSPORT_FAILED', 'this kiosk is too slow for the group');
    }
  }

  /** The sender has sent so many packets. */
  #sent(sequence: number): void {
    if (sequence <= this.#highest) return;
    if (this.#highest > 0) this.#expected += sequence - this.#highest;
    this.#highest = sequence;
  }

  #send(message: ReceiverPacket): Promise<void> {
    const session = this.#session;
    if (!session) return Promise.resolve();
    return new Promise((resolve) => {
      // What cannot be sent (the link is down) is one more packet that was lost.
      this.#control.send(encodeReceiverPacket(message), session.controlPort, session.address, () =>
        resolve(),
      );
    });
  }

  #fail(code: ErrorCode, message: string): void {
    if (this.#over) return;
    void this.stop().then(() => this.#events.failed(code, message));
  }
}
