/** A set of chunk indexes as bits, LSB first. */
export class Bitmap {
  readonly length: number;
  readonly #bits: Uint8Array;
  #count = 0;

  constructor(length: number) {
    this.length = length;
    this.#bits = new Uint8Array(Math.ceil(length / 8));
  }

  /** @returns undefined where the bytes are not a bitmap of this length */
  static from(bytes: Uint8Array, length: number): Bitmap | undefined {
    if (bytes.length !== Math.ceil(length / 8)) return undefined;
    const bitmap = new Bitmap(length);
    for (let index = 0; index < length; index++) {
      if (((bytes[index >> 3] ?? 0) >> (index & 7)) & 1) bitmap.add(index);
    }
    return bitmap;
  }

  /** How many bits are set. */
  get count(): number {
    return this.#count;
  }

  has(index: number): boolean {
    return (((this.#bits[index >> 3] ?? 0) >> (index & 7)) & 1) === 1;
  }

  /** False where it was there already. */
  add(index: number): boolean {
    if (index < 0 || index >= this.length || this.has(index)) return false;
    this.#bits[index >> 3] = (this.#bits[index >> 3] ?? 0) | (1 << (index & 7));
    this.#count++;
    return true;
  }

  delete(index: number): boolean {
    if (!this.has(index)) return false;
    this.#bits[index >> 3] = (this.#bits[index >> 3] ?? 0) & ~(1 << (index & 7));
    this.#count--;
    return true;
  }

  /** Ascending; bits set or deleted meanwhile may or may not be seen. */
  *[Symbol.iterator](): Generator<number> {
    for (let byte = 0; byte < this.#bits.length; byte++) {
      const value = this.#bits[byte] ?? 0;
      if (value === 0) continue;
      for (let bit = 0; bit < 8; bit++) if ((value >> bit) & 1) yield byte * 8 + bit;
    }
  }

  toBytes(): Uint8Array {
    return this.#bits.slice();
  }
}
