import type { z } from 'zod';
import { KioskError } from '../base/errors.ts';
import type { CampusResponse } from './http.ts';

/**
 * The answer of a service, checked.
 * @throws KioskError `CAMPUS_BAD_RESPONSE`, which names fields and never values: an answer may hold a token
 */
export function parseJson<T extends z.ZodType>(
  schema: T,
  { body, url }: Pick<CampusResponse, 'body' | 'url'>,
): z.output<T> {
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    content = undefined;
  }
  const parsed = schema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new KioskError(
    'CAMPUS_BAD_RESPONSE',
    `${url.origin}${url.pathname} did not answer as the protocol says.`,
    { details: { server: url.origin, fields: parsed.error.issues.map((i) => i.path.join('.')) } },
  );
}
