/**
 * The part of DER (ITU-T X.690) that RDCleanPath and CredSSP are written in: definite lengths and
 * tags of one byte. What is read came from elsewhere: every length is held against what is there.
 */
export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  utf8: 0x0c,
  sequence: 0x30,
  set: 0x31,
} as const;

/** An explicit context tag, `[number]`. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

export class DerError extends Error {
  override readonly name = 'DerError';
}

/** One value: tag, length, the parts one after the other. */
export function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag]), lengthBytes(length), ...parts]);
}

function lengthBytes(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}

/** A whole number from 0 to 2³² − 1. */
export function derInteger(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  do {
    bytes.unshift(rest % 256);
    rest = Math.floor(rest / 256);
  } while (rest > 0);
  if ((bytes[0] ?? 0) >= 0x80) bytes.unshift(0);
  return der(TAG.integer, Buffer.from(bytes));
}

export function derOctets(value: Uint8Array): Buffer {
  return der(TAG.octetString, value);
}

export function derText(value: string): Buffer {
  return der(TAG.utf8, Buffer.from(value, 'utf8'));
}

interface DerHeader {
  readonly tag: number;
  /** Bytes of tag and length. */
  readonly header: number;
  readonly length: number;
}

/**
 * The head of the value at the start of `bytes`; undefined while more bytes are needed to know.
 * @throws DerError for lengths that DER does not have, or beyond 16 MiB
 */
export function derHeader(bytes: Buffer): DerHeader | undefined {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return undefined;
  if (first < 0x80) return { tag, header: 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > 3) throw new DerError('a length is indefinite or too long');
  if (bytes.length < 2 + count) return undefined;
  const length = bytes.readUIntBE(2, count);
  if (length < 0x80 || bytes[2] === 0) throw new DerError('a length is not the shortest');
  return { tag, header: 2 + count, length };
}

/** Reads values one after the other, and into each other. */
export class DerReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The tag of the next value; undefined at the end. */
  get next(): number | undefined {
    return this.#bytes[this.#at];
  }

  /**
   * The content of the next value, which must have this tag.
   * @throws DerError
   */
  take(tag: number): Buffer {
    const rest = this.#bytes.subarray(this.#at);
    const head = derHeader(rest);
    if (head === undefined) throw new DerError('a value ends early');
    if (head.tag !== tag) throw new DerError(`tag ${head.tag} stands where ${tag} is due`);
    if (rest.length < head.header + head.length) throw new DerError('a value ends early');
    this.#at += head.header + head.length;
    return rest.subarray(head.header, head.header + head.length);
  }

  /** The content of an optional value. */
  takeIf(tag: number): Buffer | undefined {
    return this.next === tag ? this.take(tag) : undefined;
  }

  /** A reader of the content of the next value. */
  into(tag: number): DerReader {
    return new DerReader(this.take(tag));
  }

  /**
   * A whole number from 0 to 2³² − 1; NTSTATUS codes come as negative ones and are read as such.
   * @throws DerError
   */
  integer(): number {
    const bytes = this.take(TAG.integer);
    if (bytes.length === 0 || bytes.length > 5 || (bytes.length === 5 && bytes[0] !== 0)) {
      throw new DerError('a number is out of range');
    }
    const value = bytes.readIntBE(0, bytes.length);
    return value < 0 ? value >>> 0 : value;
  }
}
