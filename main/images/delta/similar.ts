/**
 * Which chunks of an older version resemble a chunk, wherever in the image they are: those that
 * share many short stretches of bytes. The stretches are chosen by their contents (a rolling
 * hash), so an insertion moves them without changing which ones are chosen.
 */

/** One stretch in so many bytes, on average, as bits. */
const SAMPLE_BITS = 9;
const SAMPLE_MASK = ((1 << SAMPLE_BITS) - 1) << (32 - SAMPLE_BITS);
/** The rolling hash has forgotten what is this many bytes back. */
const WINDOW = 32;
/** A power of two: four times the stretches of 1 GiB. */
const SLOTS = 1 << 23;
/** What the chunk at the same place counts when nothing else speaks for it. */
const SAME_PLACE = 0.5;

/** 32-bit numbers without a pattern (xorshift, Marsaglia 2003). */
const GEAR = new Int32Array(256);
for (let at = 0, x = 88_172_645; at < 256; at++) {
  x ^= x << 13;
  x ^= x >>> 17;
  x ^= x << 5;
  GEAR[at] = x;
}

export class SimilarChunks {
  /** A stretch's fingerprint and the first chunk that had it, + 1; 0 is free. */
  readonly #prints = new Uint32Array(SLOTS);
  readonly #chunks = new Uint32Array(SLOTS);

  /** Takes a chunk of the older version in. */
  add(index: number, bytes: Buffer): void {
    eachPrint(bytes, (print) => {
      const slot = print & (SLOTS - 1);
      if (this.#chunks[slot] !== 0) return;
      this.#prints[slot] = print;
      this.#chunks[slot] = index + 1;
    });
  }

  /**
   * The chunks that share most with these bytes, the most similar last.
   * @param here the chunk at the same place in the older version, unless it is of zeros
   */
  find(bytes: Buffer, here: number | undefined, count: number): number[] {
    const votes = new Map<number, number>();
    if (here !== undefined) votes.set(here, SAME_PLACE);
    eachPrint(bytes, (print) => {
      const slot = print & (SLOTS - 1);
      const chunk = this.#chunks[slot] ?? 0;
      if (chunk === 0 || this.#prints[slot] !== print) return;
      votes.set(chunk - 1, (votes.get(chunk - 1) ?? 0) + 1);
    });
    return [...votes]
      .sort(([a, left], [b, right]) => right - left || a - b)
      .slice(0, count)
      .map(([chunk]) => chunk)
      .reverse();
  }
}

function eachPrint(bytes: Buffer, visit: (print: number) => void): void {
  let hash = 0;
  for (let at = 0; at < bytes.length; at++) {
    hash = ((hash << 1) + (GEAR[bytes[at] ?? 0] ?? 0)) | 0;
    if ((hash & SAMPLE_MASK) !== 0 || at < WINDOW) continue;
    // The low bits of the rolling hash know few bytes: these eight speak for the rest.
    let print = Math.imul(hash, 0x9e3779b1);
    print ^= Math.imul(bytes.readInt32LE(at - 7), 0x85ebca6b);
    print ^= Math.imul(bytes.readInt32LE(at - 11), 0xc2b2ae35);
    visit((print ^ (print >>> 15)) >>> 0);
  }
}
