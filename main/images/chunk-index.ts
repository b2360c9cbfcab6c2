import type { ImageManifest } from './manifest.ts';

/** A chunk of one of the indexed manifests. */
export interface ChunkPlace {
  readonly source: number;
  readonly index: number;
}

const EMPTY = 0;

/**
 * Finds chunks by hash among the versions that this kiosk has. An open-addressing table of
 * numbers: a Map of 655,360 strings would cost a hundred megabytes.
 */
export class ChunkIndex {
  readonly #sources: readonly ImageManifest[];
  /** Chunks of all sources before each one. */
  readonly #bases: number[] = [];
  /** Entry number + 1; 0 is free. A power of two, at most half full. */
  readonly #slots: Uint32Array;

  constructor(sources: readonly ImageManifest[]) {
    this.#sources = sources;
    let total = 0;
    for (const source of sources) {
      this.#bases.push(total);
      total += source.chunks;
    }
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(1, total) * 2)));
    for (const [number, source] of sources.entries()) {
      for (let index = 0; index < source.chunks; index++) {
        if (!source.isZero(index)) this.#insert(number, index);
      }
    }
  }

  /** Where a chunk with this hash is; zero chunks are not indexed. */
  find(hash: Uint8Array): ChunkPlace | undefined {
    const mask = this.#slots.length - 1;
    for (let slot = keyOf(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? EMPTY;
      if (entry === EMPTY) return undefined;
      const place = this.#place(entry - 1);
      if (sameHash(this.#hashAt(place), hash)) return place;
    }
  }

  #insert(source: number, index: number): void {
    const hash = this.#hashAt({ source, index });
    const mask = this.#slots.length - 1;
    for (let slot = keyOf(hash) & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] ?? EMPTY;
      if (entry === EMPTY) {
        this.#slots[slot] = (this.#bases[source] ?? 0) + index + 1;
        return;
      }
      if (sameHash(this.#hashAt(this.#place(entry - 1)), hash)) return;
    }
  }

  #place(entry: number): ChunkPlace {
    let source = this.#bases.length - 1;
    while (source > 0 && (this.#bases[source] ?? 0) > entry) source--;
    return { source, index: entry - (this.#bases[source] ?? 0) };
  }

  #hashAt({ source, index }: ChunkPlace): Uint8Array {
    return this.#sources[source]?.hash(index) ?? new Uint8Array();
  }
}

/** SHA-256 is uniform: any 32 of its bits are a good key. */
function keyOf(hash: Uint8Array): number {
  return (
    ((hash[0] ?? 0) | ((hash[1] ?? 0) << 8) | ((hash[2] ?? 0) << 16) | ((hash[3] ?? 0) << 24)) >>> 0
  );
}

export function sameHash(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}
