/**
 * The head of an HTTP/1.1 answer (RFC 9112). Only what an ordinary answer says is understood;
 * anything that would need care is `strange`, and is left to the general client.
 */

/** A head that is longer than this is nobody's ordinary answer. */
const MAX_HEAD = 16 * 1024;

export interface AnswerHead {
  readonly status: number;
  /** Of the body, in bytes. */
  readonly length: number;
  /** The body is compressed. */
  readonly encoded: boolean;
  /** The server ends the connection after this answer. */
  readonly last: boolean;
  /** Of the head itself, in bytes. */
  readonly bytes: number;
}

/** @returns `more`: the head is not whole yet */
export function parseAnswerHead(bytes: Buffer): AnswerHead | 'more' | 'strange' {
  const end = bytes.indexOf('\r\n\r\n');
  if (end < 0) return bytes.length > MAX_HEAD ? 'strange' : 'more';
  if (end > MAX_HEAD) return 'strange';
  const [first = '', ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const status = /^HTTP\/1\.1 ([2-5]\d\d)(?: |$)/.exec(first)?.[1];
  if (status === undefined) return 'strange';
  let length: string | undefined;
  let encoded = false;
  let last = false;
  for (const line of lines) {
    const colon = line.indexOf(':');
    // A line without a name, or with blanks around it, is how answers are smuggled.
    if (colon <= 0 || line.startsWith(' ') || line.startsWith('\t')) return 'strange';
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, colon).toLowerCase()) {
      case 'content-length':
        if (length !== undefined || !/^\d{1,15}$/.test(value)) return 'strange';
        length = value;
        break;
      case 'content-encoding':
        encoded = true;
        break;
      case 'transfer-encoding':
        return 'strange';
      case 'connection':
        last = /(?:^|,)\s*close\s*(?:,|$)/i.test(value);
        break;
    }
  }
  if (length === undefined) return 'strange';
  return { status: Number(status), length: Number(length), encoded, last, bytes: end + 4 };
}
