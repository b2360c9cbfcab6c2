/**
 * A receiver of stock `udp-sender`: joins, acknowledges slice by slice, asks for what was lost,
 * and leaves with a word, so that the group never waits for it.
 */
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import {
  encodeConnectRequest,
  encodeDisconnect,
  encodeOk,
  encodeRetransmit,
  isReady,
  parseSenderMessage,
  type SenderMessage,
} from './codec.ts';
import { Memory } from './memory.ts';
import { SliceWindow } from './slices.ts';

export interface ReceiverOptions {
  /** IPv4 address of this computer's interface, and the broadcast address of its network. */
  readonly address: string;
  readonly broadcast: string;
  /** Even; the sender uses the next port. */
  readonly portbase: number;
  /** Multicast address on which the sender waits for receivers. Default: broadcast. */
  readonly rendezvous?: string | undefined;
  /** The only sender to be heard. Default: whoever answers first. */
  readonly sender?: string | undefined;
  /** Milliseconds until the first data. */
  readonly startTimeoutMs: number;
  /** Milliseconds of silence once it began. */
  readonly receiveTimeoutMs: number;
  /** Bytes handed over and not yet consumed, beyond which acknowledgements are held back. */
  readonly windowBytes: number;
  /** Milliseconds that acknowledgements are held back, in all, before this receiver leaves. */
  readonly maxHeldMs: number;
}

export interface ReceiverEvents {
  /** The next bytes of the stream; the buffer is the caller's until `consumed`. */
  data(bytes: Uint8Array<ArrayBuffer>): void;
  /** The sender's stream is complete. */
  end(): void;
  failed(code: ErrorCode, message: string): void;
}

/** What `udp-receiver --rcvbuf 4M` asks for; the kernel grants what net.core.rmem_max allows. */
const RECEIVE_BUFFER = 4_194_304;
const TICK_MS = 100;
const CONNECT_EVERY_MS = 1_000;
/** How long requests are still answered after the end: the sender's last words may be lost. */
const LINGER_MS = 500;
/** Farewells are sent this often: a lost one would stall the group for seconds. */
const FAREWELLS = 3;

interface Connection {
  readonly address: string;
  readonly clientNumber: number;
  readonly window: SliceWindow;
}

type State = 'connecting' | 'waiting' | 'receiving' | 'lingering' | 'over';

export class UdpcastReceiver {
  readonly #options: ReceiverOptions;
  readonly #events: ReceiverEvents;
  readonly #socket: Socket;
  #state: State = 'connecting';
  #connection: Connection | undefined;
  readonly #groups = new Set<string>();
  readonly #memory = new Memory();
  #timer: NodeJS.Timeout | undefined;
  #began = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #heardAt = 0;
  #endedAt = 0;
  #outstanding = 0;
  #heldSince: number | undefined;
  #heldMs = 0;

  constructor(options: ReceiverOptions, events: ReceiverEvents) {
    this.#options = options;
    this.#events = events;
    this.#socket = createSocket({ type: 'udp4', recvBufferSize: RECEIVE_BUFFER });
  }

  /** Binds the port (that of the protocol, so a second receiver finds it taken) and asks to join. */
  start(): void {
    const socket = this.#socket;
    socket.on('error', (error) => this.#fail('IMAGE_TRANSPORT_FAILED', error.message));
    socket.on('message', (bytes, from) => this.#receive(bytes, from));
    socket.bind(this.#options.portbase, () => {
      try {
        socket.setBroadcast(true);
        socket.setMulticastInterface(this.#options.address);
        socket.setMulticastTTL(2);
        if (this.#options.rendezvous !== undefined) {
          socket.addMembership(this.#options.rendezvous, this.#options.address);
        }
      } catch (error) {
        this.#fail('IMAGE_TRANSPORT_FAILED', `the interface cannot multicast: ${String(error)}`);
        return;
      }
      this.#began = performance.now();
      this.#timer = setInterval(() => this.#tick(), TICK_MS);
      this.#tick();
    });
  }

  /** So many bytes of what was handed over are done with; their buffer is free again. */
  consumed(bytes: number, buffer: ArrayBuffer): void {
    this.#memory.giveBack(buffer);
    this.#outstanding -= bytes;
    if (this.#heldSince === undefined || this.#outstanding >= this.#options.windowBytes) return;
    this.#heldMs += performance.now() - this.#heldSince;
    this.#heldSince = undefined; // the sender asks again by itself
  }

  /** Leaves the group, so that nobody waits, and closes. */
  async stop(): Promise<void> {
    if (this.#state === 'over') return;
    const address = this.#connection?.address;
    this.#state = 'over';
    clearInterval(this.#timer);
    if (address !== undefined) {
      for (let count = 0; count < FAREWELLS; count++) {
        await new Promise((resolve) => {
          this.#socket.send(encodeDisconnect(), this.#options.portbase + 1, address, resolve);
        });
        await sleep(10);
      }
    }
    this.#socket.removeAllListeners('error').on('error', () => {});
    await new Promise<void>((resolve) => {
      try {
        this.#socket.close(resolve);
      } catch {
        resolve(); // it failed before it was open
      }
    });
  }

  #tick(): void {
    const now = performance.now();
    const { startTimeoutMs, receiveTimeoutMs, maxHeldMs } = this.#options;
    if (this.#state === 'connecting' && now - this.#askedAt >= CONNECT_EVERY_MS) this.#ask(now);
    if (this.#state === 'connecting' || this.#state === 'waiting') {
      if (now - this.#began >= startTimeoutMs) {
        const where =
          this.#state === 'connecting' ? 'no sender answered' : 'the sender did not start';
        this.#fail('IMAGE_NOT_STARTED', `${where} in time`);
      }
    } else if (this.#state === 'lingering') {
      if (now - this.#endedAt >= LINGER_MS) void this.stop().then(() => this.#events.end());
    } else if (this.#state === 'receiving') {
      const held = this.#heldSince === undefined ? 0 : now - this.#heldSince;
      if (this.#heldMs + held >= maxHeldMs) {
        this.#fail('IMAGE_TRANSPORT_FAILED', 'this kiosk is too slow for the group');
      } else if (now - this.#heardAt >= receiveTimeoutMs) {
        this.#fail('IMAGE_TRANSPORT_FAILED', 'the sender fell silent');
      }
    }
  }

  #ask(now: number): void {
    this.#askedAt = now;
    const { rendezvous, broadcast, portbase } = this.#options;
    const packet = encodeConnectRequest(this.#socket.getRecvBufferSize());
    this.#socket.send(packet, portbase + 1, rendezvous ?? broadcast, (error) => {
      if (error) this.#fail('IMAGE_TRANSPORT_FAILED', error.message);
    });
  }

  #receive(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#state === 'over' || from.port !== this.#options.portbase + 1) return;
    const message = parseSenderMessage(bytes);
    if (!message) return;
    const heard = this.#connection?.address ?? this.#options.sender;
    if (heard !== undefined && heard !== from.address) {
      // Another sender on this portbase has counted this kiosk in, and would wait for it.
      if (message.type === 'connect-reply') this.#send(from.address, encodeDisconnect());
      return;
    }
    if (this.#connection) this.#take(this.#connection, message);
    else this.#join(message, from.address);
  }

  #join(message: SenderMessage, address: string): void {
    if (message.type !== 'hello' && message.type !== 'connect-reply') return;
    if (message.async || (message.type === 'hello' && message.streaming)) {
      this.#fail(
        'IMAGE_TRANSPORT_FAILED',
        'the sender runs without acknowledgements (--async or --streaming)',
      );
      return;
    }
    if (message.type === 'hello') {
      // A sender that has just come up; ask it at once.
      this.#ask(performance.now());
      return;
    }
    if (message.clientNumber < 0) {
      this.#fail('IMAGE_NOT_STARTED', 'the sender takes no more receivers');
      return;
    }
    if (!this.#joinGroup(message.dataAddress)) return;
    this.#connection = {
      address,
      clientNumber: message.clientNumber,
      window: new SliceWindow(message.blockSize, this.#memory),
    };
    this.#state = 'waiting';
  }

  /** The sender names its group when it answers; with one receiver it may use no group at all. */
  #joinGroup(group: string): boolean {
    const first = Number(group.split('.')[0]);
    if (first < 224 || first > 239 || this.#groups.has(group)) return true;
    try {
      this.#socket.addMembership(group, this.#options.address);
    } catch (error) {
      this.#fail('IMAGE_TRANSPORT_FAILED', `the group cannot be joined: ${String(error)}`);
      return false;
    }
    this.#groups.add(group);
    return true;
  }

  #take(connection: Connection, message: SenderMessage): void {
    switch (message.type) {
      case 'data':
        this.#begin();
        connection.window.add(message.slice, message.block, message.sliceBytes, message.payload);
        return;
      case 'request-ack':
        this.#begin();
        if (!isReady(message.readySet, connection.clientNumber)) this.#answer(connection, message);
        return;
      case 'disconnect':
        if (this.#state !== 'lingering') {
          this.#fail('IMAGE_TRANSPORT_FAILED', 'the sender dropped this kiosk');
        }
        return;
      default:
        return;
    }
  }

  #begin(): void {
    this.#heardAt = performance.now();
    if (this.#state === 'waiting') this.#state = 'receiving';
  }

  #answer(connection: Connection, request: SenderMessage & { type: 'request-ack' }): void {
    const { window } = connection;
    const { slice, sliceBytes, rxmit } = request;
    if (slice < window.next || (slice === window.next && sliceBytes === 0)) {
      if (slice === window.next && this.#state === 'receiving') {
        this.#state = 'lingering';
        this.#endedAt = performance.now();
      }
      this.#send(connection.address, encodeOk(slice));
      return;
    }
    const state = window.state(slice, sliceBytes);
    if (!state) return;
    if (!state.complete) {
      this.#send(connection.address, encodeRetransmit(slice, rxmit, state.have));
      return;
    }
    // A later slice is acknowledged at a later request, once those before it were handed over.
    if (slice !== window.next) return;
    if (this.#outstanding >= this.#options.windowBytes) {
      this.#heldSince ??= performance.now();
      return;
    }
    this.#handOver(connection, slice);
  }

  #handOver(connection: Connection, slice: number): void {
    const bytes = connection.window.take();
    this.#outstanding += bytes.length;
    this.#send(connection.address, encodeOk(slice));
    this.#events.data(bytes);
  }

  #send(address: string, packet: Buffer): void {
    // A packet that cannot be sent (the link is down) is one more that was lost.
    this.#socket.send(packet, this.#options.portbase + 1, address, () => {});
  }

  #fail(code: ErrorCode, message: string): void {
    if (this.#state === 'over') return;
    void this.stop().then(() => this.#events.failed(code, message));
  }
}
