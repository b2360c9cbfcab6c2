/** Pages of existing servers, kept as people visit them or saved on purpose, for offline use. */
import { join } from 'node:path';
import type CachePolicy from 'http-cache-semantics';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Logger } from '../log/logger.ts';
import type { OriginRequest, OriginResponse } from './api.ts';
import { BLOB_TABLES } from './blob-index.ts';
import { BlobStore } from './blobs.ts';
import { openIndex } from './open-index.ts';
import {
  forbidsStoring,
  freshFor,
  keptHeaders,
  mayShowStale,
  type PageAnswer,
  policyOf,
  policyToText,
  toHttp,
  variantOf,
} from './page-policy.ts';
import { collectPages } from './page-save.ts';
import { addressOf, type KeptPage, PAGE_TABLES, PageStore, VISITED } from './page-store.ts';
import type { FetchPage, PageCache, PageResponse, SaveOptions, SaveResult } from './pages-api.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const MAX_BODY_BYTES = 32 * 1024 * 1024;

export interface PageCacheOptions {
  /** Of this cache alone; made when absent. */
  readonly folder: string;
  readonly fetchPage: FetchPage;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Bytes of pages kept as they were visited. Default 256 MiB. */
  readonly maxBytes?: number;
  /** A server that has not answered by then counts as gone. Default 8 000 ms. */
  readonly timeoutMs?: number;
  /** How long a stale answer may be shown that says nothing of it. Default 30 days. */
  readonly graceMs?: number;
}

/** @throws KioskError `STORE_LOCKED` where another process has the folder */
export async function createPageCache(options: PageCacheOptions): Promise<PageCache> {
  const { folder, log } = options;
  const { database, lock, unwritable } = await openIndex({
    folder,
    migrations: [BLOB_TABLES + PAGE_TABLES],
    log,
    onRebuilt: (error) => log.error('the kept pages are lost', { code: error.code }),
  });
  try {
    const blobs = await BlobStore.open({
      folder: join(folder, 'blobs'),
      database,
      readOnly: unwritable !== undefined,
      log,
    });
    const store = new PageStore({
      database,
      blobs,
      maxBytes: options.maxBytes ?? 256 * 1024 * 1024,
      log,
    });
    return new Pages(options, store, async () => {
      await blobs.close();
      database.close();
      lock?.release();
    });
  } catch (error) {
    database.close();
    lock?.release();
    throw error;
  }
}

class Pages implements PageCache {
  readonly #options: PageCacheOptions;
  readonly #store: PageStore;
  readonly #release: () => Promise<void>;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  /** Answers being written down. */
  readonly #writes = new Set<Promise<void>>();

  constructor(options: PageCacheOptions, store: PageStore, release: () => Promise<void>) {
    this.#options = options;
    this.#store = store;
    this.#release = release;
    this.#clock = options.clock ?? systemClock;
  }

  async handle(request: OriginRequest): Promise<PageResponse> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return this.#send(request);
    const kept = this.#store.find(request).find(({ collection }) => collection === VISITED);
    if (kept && !isDocument(request) && kept.policy.satisfiesWithoutRevalidation(toHttp(request))) {
      const shown = await this.#show(kept, request);
      if (shown) return { ...shown, cookies: [] };
    }
    let answer: PageAnswer;
    try {
      answer = await this.#ask(request, kept);
    } catch (error) {
      this.#options.log.info('a page could not be had', { host: request.url.host, error });
      return { ...((await this.lookup(request)) ?? failure(504)), cookies: [] };
    }
    if (answer.status >= 500) {
      const shown = await this.lookup(request);
      if (shown) return { ...shown, cookies: [] };
    }
    if (kept && answer.status === 304) {
      const shown = await this.#confirmed(kept, request, answer);
      if (shown) return { ...shown, cookies: cookiesOf(answer) };
      // The kept copy was damaged or another one, and is forgotten: once more, without conditions.
      return this.handle(request);
    }
    this.#keep(request, answer);
    return live(request, answer);
  }

  async lookup(request: OriginRequest): Promise<OriginResponse | undefined> {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    await Promise.all(this.#writes);
    const graceMs = this.#options.graceMs ?? 30 * DAY_MS;
    for (const kept of this.#store.find(request)) {
      // Saving a page is an order to show it; a page that was only visited follows HTTP.
      if (kept.collection === VISITED && !mayShowStale(kept.policy, graceMs)) continue;
      const shown = await this.#show(kept, request);
      if (shown) return shown;
    }
    return undefined;
  }

  async save(urls: readonly string[], options: SaveOptions): Promise<SaveResult> {
    const { fetchPage } = this.#options;
    const signal = AbortSignal.any([options.signal, this.#closing.signal]);
    const { pages, skipped } = await collectPages(urls, { ...options, signal, fetchPage });
    const savedAt = this.#clock.now();
    await this.#store.replace(options.collection, pages, savedAt);
    return { savedAt, kept: pages.length, skipped };
  }

  savedAt(collection: string): number | null {
    return this.#store.savedAt(collection);
  }

  keepOnly(collections: readonly string[]): void {
    this.#write(this.#store.keepOnly(collections));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#writes);
    await this.#release();
  }

  /** A form, or what a script sends: asked once, and never answered from what was kept. */
  async #send(request: OriginRequest): Promise<PageResponse> {
    try {
      const answer = await this.#ask(request, undefined);
      if (answer.status < 400) {
        // What is being written down came before this.
        await Promise.all(this.#writes);
        this.#store.invalidate(request.url);
      }
      return live(request, answer);
    } catch (error) {
      this.#options.log.info('a form could not be sent', { host: request.url.host, error });
      return { ...failure(504), cookies: [] };
    }
  }

  /** Asks the server, on condition that it has something newer where a copy is kept. */
  #ask(request: OriginRequest, kept: KeptPage | undefined): Promise<PageAnswer> {
    const { fetchPage, timeoutMs = 8_000 } = this.#options;
    const headers: Record<string, string> = Object.fromEntries(request.headers);
    // The page's own conditions are about the browser's cache, not about this one.
    delete headers['if-none-match'];
    delete headers['if-modified-since'];
    if (kept && request.method === 'GET') {
      const conditions = kept.policy.revalidationHeaders(
        toHttp({ ...request, headers: new Map(Object.entries(headers)) }),
      );
      for (const name of ['if-none-match', 'if-modified-since']) {
        const value = conditions[name];
        if (typeof value === 'string') headers[name] = value;
      }
    }
    return fetchPage({
      url: addressOf(request.url),
      method: request.method,
      headers,
      ...(request.body === undefined ? {} : { body: request.body }),
      signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(timeoutMs)]),
      maxBytes: MAX_BODY_BYTES,
    });
  }

  async #confirmed(
    kept: KeptPage,
    request: OriginRequest,
    { status, headers }: PageAnswer,
  ): Promise<OriginResponse | undefined> {
    const { policy, modified } = kept.policy.revalidatedPolicy(toHttp(request), {
      status,
      headers: keptHeaders(headers),
    });
    if (modified) {
      this.#store.forget(kept.id);
      return undefined;
    }
    const merged = { ...kept.headers, ...keptHeaders(headers) };
    try {
      this.#store.refresh(kept.id, policyToText(policy), merged);
    } catch (error) {
      this.#options.log.warn('a kept page could not be refreshed', { error });
    }
    return this.#show({ ...kept, headers: merged, policy }, request);
  }

  #keep(request: OriginRequest, answer: PageAnswer): void {
    if (request.method !== 'GET' || forbidsStoring(answer) || answer.status === 304) return;
    const policy: CachePolicy = policyOf(request, answer);
    const variant = variantOf(request, answer);
    if (!policy.storable() || variant === null) return;
    const page = {
      url: addressOf(request.url),
      variant,
      policy: policyToText(policy),
      status: answer.status,
      headers: keptHeaders(answer.headers),
      body: answer.body,
    };
    this.#write(this.#store.keep([page], this.#clock.now()));
  }

  #write(work: Promise<void>): void {
    const write = work
      .catch((error: unknown) => {
        this.#options.log.warn('pages could not be kept', { error });
      })
      .finally(() => this.#writes.delete(write));
    this.#writes.add(write);
  }

  async #show(kept: KeptPage, { method }: OriginRequest): Promise<OriginResponse | undefined> {
    const body = await this.#store.body(kept, this.#clock.now());
    if (body === undefined) return undefined;
    const age = Math.max(0, Math.round(kept.policy.age()));
    const ttl = Math.round(freshFor(kept.policy));
    return {
      status: kept.status,
      headers: {
        ...kept.headers,
        age: String(age),
        'content-length': String(body.length),
        // RFC 9211: says that and how old it is to whoever looks.
        'cache-status': `vestibule; hit${ttl < 0 ? '; fwd=stale' : ''}; ttl=${ttl}`,
      },
      body: method === 'HEAD' ? null : body,
    };
  }
}

/** Whether the answer becomes a page or a frame: then the server is always asked first. */
function isDocument({ headers }: OriginRequest): boolean {
  const destination = headers.get('sec-fetch-dest');
  if (destination !== undefined) return ['document', 'iframe', 'frame'].includes(destination);
  return headers.get('accept')?.includes('text/html') === true;
}

function live({ method }: OriginRequest, answer: PageAnswer): PageResponse {
  return {
    status: answer.status,
    headers: { ...keptHeaders(answer.headers), 'content-length': String(answer.body.length) },
    body: method === 'HEAD' ? null : answer.body,
    cookies: cookiesOf(answer),
  };
}

function cookiesOf({ headers }: PageAnswer): readonly string[] {
  const lines = headers['set-cookie'];
  return lines === undefined ? [] : typeof lines === 'string' ? [lines] : lines;
}

function failure(status: number): OriginResponse {
  return { status, headers: { 'content-length': '0', 'cache-control': 'no-store' }, body: null };
}
