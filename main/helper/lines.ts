/** Splits a byte stream into lines of bounded length. */
export class LineSplitter {
  readonly #limit: number;
  readonly #onLine: (line: string) => void;
  #rest = Buffer.alloc(0);

  constructor(limit: number, onLine: (line: string) => void) {
    this.#limit = limit;
    this.#onLine = onLine;
  }

  /** @returns false once a line is longer than the limit: the stream is not to be believed */
  push(chunk: Buffer): boolean {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let end = this.#rest.indexOf(10); end >= 0; end = this.#rest.indexOf(10)) {
      if (end > this.#limit) return false;
      const line = this.#rest.subarray(0, end).toString('utf8');
      this.#rest = this.#rest.subarray(end + 1);
      this.#onLine(line);
    }
    return this.#rest.length <= this.#limit;
  }
}
