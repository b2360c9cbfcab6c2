/** Pages of existing servers, kept for offline use: made by `createPageCache` (pages.ts). */
import type { OriginRequest, OriginResponse } from './api.ts';

/**
 * Performs one HTTP exchange without following redirects; rejects when the network does not
 * answer. The body comes decoded, without its `Content-Encoding`.
 */
export type FetchPage = (request: {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of a form that is sent. */
  readonly body?: Uint8Array;
  readonly signal: AbortSignal;
  /** Bytes of the body that are accepted. */
  readonly maxBytes: number;
}) => Promise<{
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: Uint8Array;
}>;

/** An answer for the page, with its cookies, of which there may be several. */
export interface PageResponse extends OriginResponse {
  /** `Set-Cookie` lines of a live answer; a kept copy has none. */
  readonly cookies: readonly string[];
}

export interface SaveOptions {
  /** Whose pages these are: a catalogue entry's id. Each collection is replaced whole. */
  readonly collection: string;
  /** Hosts whose resources may be fetched too (`*.example.org` allowed); default: the pages' own. */
  readonly hosts?: readonly string[];
  readonly signal: AbortSignal;
}

export interface SaveResult {
  readonly savedAt: number;
  /** Pages and resources kept. */
  readonly kept: number;
  /** What could not be kept, and why: `no-store`, `HTTP 404`, … */
  readonly skipped: readonly { readonly url: string; readonly reason: string }[];
}

export interface PageCache {
  /**
   * Network first: the server's answer, kept if RFC 9111 allows a shared cache to; where the
   * network or the server fails (a status of 500 and above), the kept copy with its `Age`, else
   * the server's failure or 504. Styles, scripts and pictures that are still fresh are not asked
   * for again. Methods other than GET and HEAD are the network's alone; one that succeeds makes
   * the kept copy of its address invalid (RFC 9111, 4.4).
   */
  handle(request: OriginRequest): Promise<PageResponse>;
  /** The kept copy, without asking the network; undefined where there is none that may be shown. */
  lookup(request: OriginRequest): Promise<OriginResponse | undefined>;
  /**
   * Fetches pages and what they are made of. The collection is replaced only if every listed page
   * could be had.
   * @throws KioskError the first page's failure; what was saved before stays
   */
  save(urls: readonly string[], options: SaveOptions): Promise<SaveResult>;
  /** When the collection was last saved whole; null: never. */
  savedAt(collection: string): number | null;
  /** Forgets the collections that are not listed (their entries left the catalogue). */
  keepOnly(collections: readonly string[]): void;
  close(): Promise<void>;
}
