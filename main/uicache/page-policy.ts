/**
 * What may be kept of an HTTP exchange, and when it may be shown again. RFC 9111 as a *shared*
 * cache, since many people use one kiosk, with two rules beside it:
 * - The campus lists in its signed manifest whose pages are kept: that is the out-of-band contract
 *   by which RFC 9111, 4.2.4 allows stale answers to a disconnected client. `must-revalidate`
 *   still forbids them, and `no-store` and `private` are never kept at all.
 * - An answer to a request with cookies counts as varying by `Cookie`, unless it is marked public
 *   or is a style, script, picture or font: one person's page is not shown to the next.
 */
import CachePolicy from 'http-cache-semantics';
import { z } from 'zod';
import type { OriginRequest } from './api.ts';

/** An answer as it came. */
export interface PageAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}

/** Header names and the values that a later request must have too; null: that it lacks it. */
export type Variant = readonly (readonly [name: string, value: string | null])[];

const Headers = z.record(z.string(), z.union([z.string(), z.array(z.string())]).optional());
const Directives = z.record(z.string(), z.union([z.string(), z.boolean(), z.null()]));
const StoredPolicy = z.looseObject({
  v: z.literal(1),
  t: z.number(),
  sh: z.boolean(),
  ch: z.number(),
  imm: z.number(),
  st: z.number(),
  resh: Headers,
  rescc: Directives,
  m: z.string(),
  u: z.string().optional(),
  h: z.string().optional(),
  a: z.boolean(),
  reqh: Headers.nullable(),
  reqcc: Directives,
});

/** Of one connection, not of the answer (RFC 9110, 7.6.1), or no longer true of the kept body. */
const NOT_KEPT = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-encoding',
  'content-length',
]);
const SHARED_TYPES = /^(text\/css|text\/javascript|application\/javascript|image\/|font\/)/;

/** What the answer says of its own keeping (RFC 9111). */
export function policyOf(request: OriginRequest, answer: PageAnswer): CachePolicy {
  const { status } = answer;
  return new CachePolicy(toHttp(request), { status, headers: plain(answer.headers) });
}

/** For the index; {@link policyFromText} reads it. */
export function policyToText(policy: CachePolicy): string {
  return JSON.stringify(policy.toObject());
}

/** @throws ZodError where the index holds something else */
export function policyFromText(text: string): CachePolicy {
  const stored = StoredPolicy.parse(JSON.parse(text));
  // The library's own type says that directives are strings; it writes booleans too.
  return CachePolicy.fromObject(stored as CachePolicy.CachePolicyObject);
}

/** The request as the library of cache rules wants it: host and path apart. */
export function toHttp({ url, method, headers }: OriginRequest): CachePolicy.HttpRequest {
  return {
    url: url.pathname + url.search,
    method,
    headers: { ...Object.fromEntries(headers), host: url.host },
  };
}

/** For which later requests the answer holds; null: for none (`Vary: *`). */
export function variantOf(request: OriginRequest, answer: PageAnswer): Variant | null {
  const names = new Set(
    one(answer.headers.vary)
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  );
  if (names.has('*')) return null;
  if (request.headers.has('cookie') && !isForEverybody(answer)) names.add('cookie');
  return [...names].sort().map((name) => [name, request.headers.get(name) ?? null]);
}

/** Whether a later request gets the answer that was kept for this variant. */
export function matches(variant: Variant, request: OriginRequest): boolean {
  return variant.every(([name, value]) => (request.headers.get(name) ?? null) === value);
}

function isForEverybody({ headers }: PageAnswer): boolean {
  return (
    /\b(public|s-maxage)\b/i.test(one(headers['cache-control'])) ||
    SHARED_TYPES.test(one(headers['content-type']))
  );
}

/** True of what must never be written down, even where a page is saved on purpose. */
export function forbidsStoring({ headers }: PageAnswer): boolean {
  return /\bno-store\b/i.test(one(headers['cache-control']));
}

/** Seconds that the answer stays fresh; negative: since when it is stale. */
export function freshFor(policy: CachePolicy): number {
  // Not the library's timeToLive(): it ends at 0 and counts the time allowed after an error.
  return policy.maxAge() - policy.age();
}

/**
 * Whether the kept answer may be shown while the server cannot be asked.
 * @param graceMs how long after it went stale, where the answer does not say (`stale-if-error`)
 */
export function mayShowStale(policy: CachePolicy, graceMs: number): boolean {
  const stale = -freshFor(policy) * 1000;
  if (stale <= 0) return true;
  const { rescc } = policy.toObject();
  if (['must-revalidate', 'proxy-revalidate', 's-maxage'].some((name) => name in rescc))
    return false;
  const allowed = Number(rescc['stale-if-error']);
  return stale <= (Number.isFinite(allowed) ? allowed * 1000 : graceMs);
}

/** Headers that may be written down: without those of the connection, and without cookies. */
export function keptHeaders(headers: PageAnswer['headers']): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || NOT_KEPT.has(name) || name === 'set-cookie') continue;
    kept[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return kept;
}

function plain(headers: PageAnswer['headers']): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) result[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return result;
}

function one(value: string | readonly string[] | undefined): string {
  return value === undefined ? '' : typeof value === 'string' ? value : value.join(', ');
}
