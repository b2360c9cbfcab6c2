import {
  allPackets,
  type ChunkLoss,
  hasPacket,
  MAX_LOSSES,
  PAYLOAD,
  packetsOf,
} from './packets.ts';

/** Chunks being put together at once (64 MiB at most); packets of others wait for a repair. */
const MAX_PARTIAL = 1024;
/** Milliseconds before a loss is told: what merely came out of order arrives meanwhile. */
const NACK_DELAY = 10;
/** Milliseconds before it is told again. */
const NACK_AGAIN = 120;

interface Partial {
  readonly bytes: Uint8Array;
  lo: number;
  hi: number;
  left: number;
}

/**
 * Which packets of which chunks are here, and which were lost. Pure: time comes in as a number of
 * milliseconds, randomness as a function.
 */
export class Assembly {
  readonly #lengths: Uint32Array;
  readonly #random: () => number;
  /** 0: not wanted (any more); 1: wanted; 2: handed over, awaiting its verification. */
  readonly #state: Uint8Array;
  readonly #partials = new Map<number, Partial>();
  /** Chunks of which something was lost → when to tell. */
  readonly #lost = new Map<number, number>();
  /** The chunk at which the pass is; undefined until the sender knows what is needed. */
  #pass: number | undefined;
  #wanted = 0;

  /** @param lengths stored length of every chunk; 0 for those that are never sent */
  constructor(lengths: Uint32Array, needed: Uint32Array, random: () => number) {
    this.#lengths = lengths;
    this.#random = random;
    this.#state = new Uint8Array(lengths.length);
    for (const chunk of needed) {
      if (this.#state[chunk] === 1 || !this.#lengths[chunk]) continue;
      this.#state[chunk] = 1;
      this.#wanted++;
    }
  }

  /** Chunks that are neither here nor given up, those being verified included. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Runs of chunks that are wanted, for telling the sender. */
  *runs(): Generator<{ first: number; count: number }> {
    for (let first = 0; first < this.#state.length; first++) {
      if (this.#state[first] !== 1) continue;
      let count = 1;
      while (this.#state[first + count] === 1) count++;
      yield { first, count };
      first += count;
    }
  }

  /** Takes a packet; returns the stored chunk that it completes. */
  add(chunk: number, packet: number, payload: Uint8Array): Uint8Array | undefined {
    if (this.#state[chunk] !== 1) return undefined;
    const length = this.#lengths[chunk] ?? 0;
    const start = packet * PAYLOAD;
    if (start >= length || payload.length !== Math.min(PAYLOAD, length - start)) return undefined;
    let partial = this.#partials.get(chunk);
    if (!partial) {
      if (this.#partials.size >= MAX_PARTIAL) return undefined;
      partial = { bytes: new Uint8Array(length), lo: 0, hi: 0, left: packetsOf(length) };
      this.#partials.set(chunk, partial);
    }
    if (hasPacket(partial, packet)) return undefined;
    if (packet < 32) partial.lo |= 1 << packet;
    else partial.hi |= 1 << (packet - 32);
    partial.bytes.set(payload, start);
    partial.left--;
    if (partial.left > 0) return undefined;
    this.#partials.delete(chunk);
    this.#lost.delete(chunk);
    this.#state[chunk] = 2;
    return partial.bytes;
  }

  /**
   * The sender's pass, which goes round in ascending order, has reached a chunk: whatever is
   * wanted of those that it has passed was lost.
   */
  passed(chunk: number, now: number): void {
    const from = this.#pass;
    this.#pass = chunk;
    if (from === undefined || from === chunk) return;
    const count = this.#state.length;
    for (let at = from; at !== chunk; at = (at + 1) % count) this.#lose(at, now);
  }

  /** All that was asked for has been sent: whatever is wanted was lost. */
  drained(now: number): void {
    for (let chunk = 0; chunk < this.#state.length; chunk++) this.#lose(chunk, now);
  }

  /** What to ask for again now, at most a packet full; each is told again later if need be. */
  losses(now: number): ChunkLoss[] {
    const losses: ChunkLoss[] = [];
    for (const [chunk, due] of this.#lost) {
      if (losses.length >= MAX_LOSSES) break;
      if (due > now) continue;
      const all = allPackets(this.#lengths[chunk] ?? 0);
      const here = this.#partials.get(chunk);
      losses.push({
        chunk,
        lo: (all.lo & ~(here?.lo ?? 0)) >>> 0,
        hi: (all.hi & ~(here?.hi ?? 0)) >>> 0,
      });
      this.#lost.set(chunk, now + NACK_AGAIN * (1 + this.#random()));
    }
    return losses;
  }

  /** The chunk was right: nothing more of it is wanted. */
  settle(chunk: number): void {
    if (this.#state[chunk] === 0) return;
    this.#state[chunk] = 0;
    this.#wanted--;
  }

  /** The chunk was wrong, somebody forged a packet: all of it is asked for again. */
  refetch(chunk: number, now: number): void {
    if (this.#state[chunk] !== 2) return;
    this.#state[chunk] = 1;
    this.#lose(chunk, now);
  }

  #lose(chunk: number, now: number): void {
    if (this.#state[chunk] !== 1 || this.#lost.has(chunk)) return;
    // Jitter: others who lost the same find that it was repaired before they ask.
    this.#lost.set(chunk, now + NACK_DELAY * (1 + this.#random()));
  }
}
