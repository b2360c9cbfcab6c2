/**
 * Ranges of files (RFC 9110, 14): asked with If-Range where the server gave a strong validator,
 * so that a file replaced in between is noticed, and resumed where a connection dies.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { KioskError } from '../base/errors.ts';
import type { Answer } from './exchange.ts';
import { httpError, isTransient } from './faults.ts';

/** How a file is asked for, again and again, on whichever server answers. */
export interface RangeSource {
  /** Consecutive failures without a single new byte that end it. */
  readonly attempts: number;
  pause(attempt: number): Promise<void>;
  /**
   * Opens an answer on the first server whose answer passes `check`. `headers` gets the origin
   * that is asked: validators belong to one.
   */
  open(
    headers: (origin: string) => Record<string, string>,
    check: (answer: Answer) => void,
  ): Promise<{
    readonly answer: Answer;
    /** Says that the body failed, so that another server comes first next time. */
    blame(error: KioskError): void;
  }>;
}

/** What makes two answers the same file, as far as one server can say. */
export interface Validator {
  readonly origin: string;
  readonly value: string;
}

/** A strong ETag, or the modification date; null where the server gives neither. */
export function validatorOf({ headers, url }: Pick<Answer, 'headers' | 'url'>): Validator | null {
  const etag = headers.etag;
  if (etag !== undefined && !etag.startsWith('W/')) return { origin: url.origin, value: etag };
  const modified = headers['last-modified'];
  return modified === undefined ? null : { origin: url.origin, value: modified };
}

/** @param end exclusive; undefined: to the end of the file */
export function rangeHeaders(
  origin: string,
  start: number,
  end: number | undefined,
  validator: Validator | null,
): Record<string, string> {
  if (start === 0 && end === undefined) return {};
  return {
    range: `bytes=${start}-${end === undefined ? '' : end - 1}`,
    ...(validator?.origin === origin ? { 'if-range': validator.value } : {}),
  };
}

/** `Content-Range: bytes 0-499/1234`; null where it is missing or odd. `total` null: unknown. */
export function parseContentRange(
  headers: IncomingHttpHeaders,
): { start: number; end: number; total: number | null } | null {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/.exec(headers['content-range'] ?? '');
  if (match === null) return null;
  const [, first, last, total] = match;
  return {
    start: Number(first),
    end: Number(last) + 1,
    total: total === '*' ? null : Number(total),
  };
}

/**
 * Yields the bytes of `[start, end)` in order, each once.
 * @throws KioskError `CAMPUS_BAD_RESPONSE` where the server ignores ranges or the file changed
 */
export async function* streamRange(
  source: RangeSource,
  { start, end }: { readonly start: number; readonly end: number },
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let position = start;
  let validator: Validator | null = null;
  let failures = 0;
  while (position < end) {
    signal?.throwIfAborted();
    const from = position;
    const known = validator;
    let blame = (_error: KioskError): void => {};
    try {
      const opened = await source.open(
        (origin) => rangeHeaders(origin, from, end, known),
        (answer) => demandRange(answer, from, end),
      );
      blame = opened.blame;
      validator ??= validatorOf(opened.answer);
      for await (const chunk of opened.answer.body) {
        const part = chunk.subarray(0, end - position);
        position += part.length;
        if (part.length > 0) yield part;
        if (position >= end) return;
      }
      throw broken(opened.answer, 'sent too few bytes', 'short');
    } catch (error) {
      if (!(error instanceof KioskError) || !isTransient(error)) throw error;
      failures = position > from ? 0 : failures + 1;
      if (failures >= source.attempts) throw error;
      blame(error);
    }
    await source.pause(failures);
  }
}

/** @throws KioskError unless the answer is 206 and holds exactly `[start, end)` */
function demandRange(answer: Answer, start: number, end: number): void {
  if (answer.status === 200)
    throw broken(answer, 'ignores ranges, or its file changed', 'no-range');
  if (answer.status !== 206) throw httpError(answer.url, answer.status);
  const range = parseContentRange(answer.headers);
  if (range?.start !== start || range.end !== end)
    throw broken(answer, 'sent another range than it was asked for', 'wrong-range');
}

/** The server's answer is not what HTTP promises. */
export function broken({ url }: Pick<Answer, 'url'>, what: string, reason: string): KioskError {
  return new KioskError(
    'CAMPUS_BAD_RESPONSE',
    `${url.origin}${url.pathname}: the server ${what}.`,
    {
      details: { server: url.origin, reason },
    },
  );
}
