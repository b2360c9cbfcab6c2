import { MAX_SLICE_BLOCKS } from './codec.ts';
import type { Memory } from './memory.ts';

/** Slices beyond the one that is due for which packets are kept; a sender works on two. */
const AHEAD = 3;

interface Slice {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** One bit a block, least significant first, as the protocol asks for retransmissions. */
  readonly have: Uint8Array;
  readonly blocks: number;
  arrived: number;
  /** The sender stated its length when it asked for an acknowledgement. */
  confirmed: boolean;
}

/**
 * Puts the blocks of slices together and hands slices over in order, each only once the sender
 * has confirmed its length. A packet that lies costs a retransmission or a wrong chunk, never
 * memory: slices outside the small window are ignored.
 */
export class SliceWindow {
  /** The slice that is handed over next. */
  next = 0;
  readonly #blockSize: number;
  readonly #memory: Memory;
  readonly #slices = new Map<number, Slice>();

  /**
   * @param blockSize payload of all data packets but a slice's last, in bytes
   * @param memory of slices; those that are handed over are given back by whoever has read them
   */
  constructor(blockSize: number, memory: Memory) {
    this.#blockSize = blockSize;
    this.#memory = memory;
  }

  /** Takes a data packet; false where it brings nothing new. */
  add(slice: number, block: number, sliceBytes: number, payload: Uint8Array): boolean {
    const entry = this.#entry(slice, sliceBytes, false);
    if (!entry || block >= entry.blocks) return false;
    const start = block * this.#blockSize;
    const length = Math.min(this.#blockSize, sliceBytes - start);
    if (payload.length !== length) return false;
    const byte = block >> 3;
    const bit = 1 << (block & 7);
    const before = entry.have[byte] ?? 0;
    if ((before & bit) !== 0) return false;
    entry.have[byte] = before | bit;
    entry.bytes.set(payload, start);
    entry.arrived++;
    return true;
  }

  /**
   * What is here of a slice whose length the sender states.
   * @returns undefined: the slice is outside the window
   */
  state(
    slice: number,
    sliceBytes: number,
  ): { readonly complete: boolean; readonly have: Uint8Array } | undefined {
    const entry = this.#entry(slice, sliceBytes, true);
    return entry && { complete: entry.arrived === entry.blocks, have: entry.have };
  }

  /** Hands over the slice that is due, which must be complete. */
  take(): Uint8Array<ArrayBuffer> {
    const entry = this.#slices.get(this.next);
    if (entry?.arrived !== entry?.blocks) throw new Error('the slice is not complete');
    this.#slices.delete(this.next);
    this.next++;
    return entry?.bytes ?? new Uint8Array();
  }

  #entry(slice: number, sliceBytes: number, confirmed: boolean): Slice | undefined {
    if (slice < this.next || slice > this.next + AHEAD) return undefined;
    const blocks = Math.ceil(sliceBytes / this.#blockSize);
    if (blocks === 0 || blocks > MAX_SLICE_BLOCKS) return undefined;
    const known = this.#slices.get(slice);
    if (known?.bytes.length === sliceBytes) {
      known.confirmed ||= confirmed;
      return known;
    }
    // One of the two lengths is a lie; what came under the other one is asked for again.
    if (known?.confirmed && !confirmed) return undefined;
    if (known) this.#memory.giveBack(known.bytes.buffer);
    const entry: Slice = {
      // Not zeroed: it is handed over only once every block was written.
      bytes: this.#memory.take(sliceBytes),
      have: new Uint8Array(MAX_SLICE_BLOCKS / 8),
      blocks,
      arrived: 0,
      confirmed,
    };
    this.#slices.set(slice, entry);
    return entry;
  }
}
