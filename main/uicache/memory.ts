/** The contents asked for last, within a bound, so that a reload does not read the disk. */
export class MemoryCache {
  readonly #limit: number;
  readonly #largest: number;
  readonly #entries = new Map<string, Uint8Array>();
  #bytes = 0;

  /**
   * @param limit bytes of all contents
   * @param largest bytes of one content; larger ones are not kept
   */
  constructor(limit: number, largest: number) {
    this.#limit = limit;
    this.#largest = largest;
  }

  get(key: string): Uint8Array | undefined {
    const content = this.#entries.get(key);
    if (content === undefined) return undefined;
    // A Map keeps the order of insertion: the first is the one unused for longest.
    this.#entries.delete(key);
    this.#entries.set(key, content);
    return content;
  }

  set(key: string, content: Uint8Array): void {
    if (content.length > this.#largest || this.#entries.has(key)) return;
    this.#entries.set(key, content);
    this.#bytes += content.length;
    for (const [oldest, { length }] of this.#entries) {
      if (this.#bytes <= this.#limit) return;
      this.#entries.delete(oldest);
      this.#bytes -= length;
    }
  }
}
