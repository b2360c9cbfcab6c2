/** Fetches pages and what they are made of, as anybody would see them: without cookies. */
import { KioskError } from '../base/errors.ts';
import type { OriginRequest } from './api.ts';
import {
  forbidsStoring,
  keptHeaders,
  type PageAnswer,
  policyOf,
  policyToText,
} from './page-policy.ts';
import { addressOf, type NewPage } from './page-store.ts';
import type { FetchPage, SaveOptions, SaveResult } from './pages-api.ts';

const CONCURRENCY = 6;
const MAX_FILES = 2_000;
const MAX_BYTES = 128 * 1024 * 1024;
const MAX_FILE_BYTES = 32 * 1024 * 1024;
const MAX_REDIRECTS = 5;
/** A page's frames are pages too; a frame's frames are not followed for ever. */
const MAX_DEPTH = 3;
const REQUEST_TIMEOUT_MS = 30_000;
const PAGE_HEADERS = new Map([['accept', 'text/html,*/*;q=0.8']]);

interface Wanted {
  readonly url: URL;
  /** A listed page, without which saving fails. */
  readonly page: boolean;
  readonly depth: number;
  readonly redirects: number;
}

/** @throws KioskError the first listed page's failure */
export async function collectPages(
  urls: readonly string[],
  options: SaveOptions & { readonly fetchPage: FetchPage },
): Promise<{ pages: NewPage[]; skipped: SaveResult['skipped'] }> {
  const listed = urls.map((url) => new URL(url));
  const mayFetch = hostFilter(options.hosts ?? listed.map(({ hostname }) => hostname));
  const seen = new Set<string>();
  const pages: NewPage[] = [];
  const skipped: { url: string; reason: string }[] = [];
  let bytes = 0;
  let queue: Wanted[] = [];

  const want = (url: URL, from: Omit<Wanted, 'url'>): void => {
    const address = addressOf(url);
    if (seen.has(address)) return;
    seen.add(address);
    if (!from.page && !mayFetch(url)) skipped.push({ url: address, reason: 'host not listed' });
    else if (from.depth > MAX_DEPTH) skipped.push({ url: address, reason: 'nested too deeply' });
    else if (from.redirects > MAX_REDIRECTS) skipped.push({ url: address, reason: 'redirects' });
    else if (seen.size > MAX_FILES) skipped.push({ url: address, reason: 'too many files' });
    else queue.push({ url: new URL(address), ...from });
  };

  const bring = async (wanted: Wanted): Promise<void> => {
    const { url, page, depth, redirects } = wanted;
    try {
      const request: OriginRequest = { method: 'GET', url, headers: PAGE_HEADERS };
      const answer = await fetchOne(options.fetchPage, request, options.signal);
      bytes += answer.body.length;
      if (bytes > MAX_BYTES) throw new KioskError('DISK_FULL', 'The saved pages are too large.');
      const target = redirectTarget(url, answer);
      if (target !== null) want(target, { page, depth, redirects: redirects + 1 });
      else if (answer.status !== 200) {
        throw new KioskError('CAMPUS_HTTP_ERROR', `${url.href} answers ${answer.status}.`, {
          details: { status: answer.status },
        });
      }
      if (forbidsStoring(answer)) {
        throw new KioskError('CAMPUS_BAD_RESPONSE', `${url.href} may not be stored (no-store).`);
      }
      pages.push({
        url: url.href,
        variant: [],
        policy: policyToText(policyOf(request, answer)),
        status: answer.status,
        headers: keptHeaders(answer.headers),
        body: answer.body,
      });
      for (const link of await linksOf(url, answer))
        want(link, { page: false, depth: depth + 1, redirects: 0 });
    } catch (error) {
      options.signal.throwIfAborted();
      if (page) throw error;
      skipped.push({ url: url.href, reason: error instanceof Error ? error.message : 'failed' });
    }
  };

  for (const url of listed) want(url, { page: true, depth: 0, redirects: 0 });
  while (queue.length > 0) {
    const batch = queue.values();
    queue = [];
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        for (const wanted of batch) await bring(wanted);
      }),
    );
  }
  return { pages, skipped };
}

async function fetchOne(
  fetchPage: FetchPage,
  { url, method, headers }: OriginRequest,
  signal: AbortSignal,
): Promise<PageAnswer> {
  return fetchPage({
    url: url.href,
    method,
    headers: Object.fromEntries(headers),
    signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
    maxBytes: MAX_FILE_BYTES,
  });
}

function redirectTarget(from: URL, { status, headers }: PageAnswer): URL | null {
  const { location } = headers;
  if (![301, 302, 303, 307, 308].includes(status) || typeof location !== 'string') return null;
  const target = URL.parse(location, from.href);
  return target !== null && /^https?:$/.test(target.protocol) ? target : null;
}

/** The parser is loaded when there is something to save: the first picture does not wait for it. */
async function linksOf(url: URL, { headers, body }: PageAnswer): Promise<URL[]> {
  const { linksOfCss, linksOfHtml } = await import('./page-links.ts');
  const type = String(headers['content-type'] ?? '');
  const text = (): string => Buffer.from(body).toString('utf8');
  if (/\b(html|xhtml\+xml|svg\+xml)\b/.test(type)) return linksOfHtml(text(), url);
  return /\bcss\b/.test(type) ? linksOfCss(text(), url) : [];
}

function hostFilter(hosts: readonly string[]): (url: URL) => boolean {
  return ({ hostname }) =>
    hosts.some((host) =>
      host.startsWith('*.') ? hostname.endsWith(host.slice(1)) : hostname === host,
    );
}
