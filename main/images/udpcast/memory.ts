/** The smallest piece; larger ones are the powers of two above it. */
const LEAST_BYTES = 64 * 1024;
/** What is kept for later; the rest is left to the garbage collector. */
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Memory of slices that is used again. A new buffer for each slice, at the rate of a network, made
 * the garbage collectors of the threads that it passes through take a third of the processor time.
 */
export class Memory {
  readonly #free = new Map<number, ArrayBuffer[]>();
  #kept = 0;

  /** Bytes at the beginning of a buffer of their own, with whatever was in it before. */
  take(bytes: number): Uint8Array<ArrayBuffer> {
    let size = LEAST_BYTES;
    while (size < bytes) size *= 2;
    const free = this.#free.get(size)?.pop();
    if (free) this.#kept -= size;
    return new Uint8Array(free ?? new ArrayBuffer(size), 0, bytes);
  }

  /** Gives back the buffer of what was taken. */
  giveBack(buffer: ArrayBuffer): void {
    const size = buffer.byteLength;
    if (this.#kept + size > KEPT_BYTES) return;
    this.#kept += size;
    const free = this.#free.get(size);
    if (free) free.push(buffer);
    else this.#free.set(size, [buffer]);
  }
}
