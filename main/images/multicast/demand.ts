import { allPackets, type ChunkLoss, type PacketSet } from './packets.ts';

/** Repairs that are remembered, to tell a request that they answered already. */
const MAX_RECENT = 4096;

interface Recent extends PacketSet {
  readonly sequence: number;
}

export interface Due extends PacketSet {
  readonly chunk: number;
  readonly repair: boolean;
}

/**
 * What the receivers of a session want, all together: repairs first, so that nobody holds
 * incomplete chunks for long, otherwise round and round in ascending order. Whoever joins late
 * adds what it lacks; the pass comes by there once it has been everywhere else.
 */
export class Demand {
  readonly #lengths: Uint32Array;
  readonly #lo: Uint32Array;
  readonly #hi: Uint32Array;
  readonly #repairs = new Set<number>();
  readonly #recent = new Map<number, Recent>();
  #cursor = 0;
  #wanted = 0;

  /** @param lengths stored length of every chunk; 0 for those that are never sent */
  constructor(lengths: Uint32Array) {
    this.#lengths = lengths;
    this.#lo = new Uint32Array(lengths.length);
    this.#hi = new Uint32Array(lengths.length);
  }

  /** True while nothing is wanted. */
  get drained(): boolean {
    return this.#wanted === 0;
  }

  /** All of these chunks. */
  need(first: number, count: number): void {
    const end = Math.min(this.#lengths.length, first + count);
    for (let chunk = first; chunk < end; chunk++) {
      this.#want({ chunk, ...allPackets(this.#lengths[chunk] ?? 0) });
    }
  }

  /**
   * Packets that a receiver lost.
   * @param seen what had reached it when it said so: a repair sent later may be under way to it
   * @param urgent false: with the pass, not before it
   */
  lost(loss: ChunkLoss, seen: number, urgent: boolean): void {
    const { chunk } = loss;
    if (chunk >= this.#lengths.length) return;
    const all = allPackets(this.#lengths[chunk] ?? 0);
    const recent = this.#recent.get(chunk);
    const under = recent && recent.sequence > seen ? recent : { lo: 0, hi: 0 };
    const lo = (loss.lo & all.lo & ~under.lo) >>> 0;
    const hi = (loss.hi & all.hi & ~under.hi) >>> 0;
    if (lo === 0 && hi === 0) return;
    this.#want({ chunk, lo, hi });
    if (urgent) this.#repairs.add(chunk);
  }

  /** Takes what is to be sent next; undefined: nothing. */
  next(): Due | undefined {
    const [repair] = this.#repairs;
    if (repair !== undefined) {
      this.#repairs.delete(repair);
      return this.#take(repair, true);
    }
    if (this.#wanted === 0) return undefined;
    while (this.#lo[this.#cursor] === 0 && this.#hi[this.#cursor] === 0) {
      this.#cursor = (this.#cursor + 1) % this.#lengths.length;
    }
    return this.#take(this.#cursor, false);
  }

  /** A repair was sent, its last packet with this sequence number. */
  sent({ chunk, lo, hi, repair }: Due, sequence: number): void {
    if (!repair) return;
    const before = this.#recent.get(chunk);
    this.#recent.delete(chunk);
    this.#recent.set(chunk, {
      lo: (lo | (before?.lo ?? 0)) >>> 0,
      hi: (hi | (before?.hi ?? 0)) >>> 0,
      sequence,
    });
    if (this.#recent.size <= MAX_RECENT) return;
    const [oldest] = this.#recent.keys();
    if (oldest !== undefined) this.#recent.delete(oldest);
  }

  #want({ chunk, lo, hi }: ChunkLoss): void {
    if ((lo | hi) === 0) return;
    if (this.#lo[chunk] === 0 && this.#hi[chunk] === 0) this.#wanted++;
    this.#lo[chunk] = ((this.#lo[chunk] ?? 0) | lo) >>> 0;
    this.#hi[chunk] = ((this.#hi[chunk] ?? 0) | hi) >>> 0;
  }

  #take(chunk: number, repair: boolean): Due | undefined {
    const due = { chunk, repair, lo: this.#lo[chunk] ?? 0, hi: this.#hi[chunk] ?? 0 };
    if (due.lo === 0 && due.hi === 0) return this.next(); // the pass was there first
    this.#lo[chunk] = 0;
    this.#hi[chunk] = 0;
    this.#wanted--;
    return due;
  }
}
