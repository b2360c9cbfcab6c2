/**
 * RC4 (test vectors: RFC 6229), by which NTLM seals the two messages that CredSSP sends. OpenSSL 3
 * no longer offers it to Node; TLS around it does the protecting.
 */
export class Rc4 {
  readonly #box = Uint8Array.from({ length: 256 }, (_, index) => index);
  #i = 0;
  #j = 0;

  /** @param key 1 to 256 bytes */
  constructor(key: Uint8Array) {
    let j = 0;
    for (let i = 0; i < 256; i++) {
      j = (j + this.#at(i) + (key[i % key.length] ?? 0)) & 0xff;
      this.#swap(i, j);
    }
  }

  /** The next bytes of the stream over `data`: encrypts and decrypts. */
  apply(data: Uint8Array): Buffer {
    const out = Buffer.alloc(data.length);
    for (const [index, byte] of data.entries()) {
      this.#i = (this.#i + 1) & 0xff;
      this.#j = (this.#j + this.#at(this.#i)) & 0xff;
      this.#swap(this.#i, this.#j);
      out[index] = byte ^ this.#at((this.#at(this.#i) + this.#at(this.#j)) & 0xff);
    }
    return out;
  }

  #at(index: number): number {
    return this.#box[index] ?? 0;
  }

  #swap(i: number, j: number): void {
    const kept = this.#at(i);
    this.#box[i] = this.#at(j);
    this.#box[j] = kept;
  }
}
