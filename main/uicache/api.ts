/** The UI cache as the rest of the kiosk sees it: made by `createUiCache` (uicache.ts). */
import type { KioskError } from '../base/errors.ts';
import type { BundleFile, UiBundle } from '../base/manifest.ts';

/** What a page asks of the UI's origin; the same shape as the shell port's. */
export interface OriginRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: ReadonlyMap<string, string>;
  /** Of a form that is sent; absent: there is none. */
  readonly body?: Uint8Array;
}
export interface OriginResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
}

/**
 * Brings one file of a bundle from the campus, unverified: the cache checks size and hash. A small
 * file may come whole, a large one (above {@link WHOLE_FILE_BYTES}) should come in pieces.
 * Rejects with a KioskError (`CAMPUS_*`, `CANCELLED`).
 */
export type FetchFile = (
  file: BundleFile,
  bundle: UiBundle,
  options: { readonly signal: AbortSignal },
) => Promise<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file up to this size may be held in memory whole. */
export const WHOLE_FILE_BYTES = 1024 * 1024;

/** Something that the campus's administrator should hear of. */
export interface UiCacheReport {
  readonly kind: 'ui.failed' | 'ui.rolled-back' | 'ui.repaired' | 'ui.activated' | 'ui.rebuilt';
  readonly level: 'info' | 'warning' | 'error';
  /** The bundle's version, where it is about one. */
  readonly version?: string;
  readonly error?: KioskError;
}

export type UiCacheState = 'empty' | 'fetching' | 'staged' | 'active' | 'refreshing';

export interface UiCacheStatus {
  readonly state: UiCacheState;
  /**
   * Where the page comes from: `live` the version that the campus publishes now, `cached` one that
   * it cannot confirm at present or that is being replaced, `fallback` the built-in UI.
   */
  readonly source: 'live' | 'cached' | 'fallback';
  /** The bundle's version; `built-in` for the fallback. */
  readonly version: string;
  /** While a version arrives: 0 to 1 of its bytes. */
  readonly progress: number | null;
  /** The last failure, until something succeeds. */
  readonly error: KioskError | null;
}

export type UiCacheEvents = {
  /** Any part of the status changed. */
  status: UiCacheStatus;
  /**
   * Loading the page again would show something else: a version waits to be tried, one was rolled
   * back, withdrawn or repaired. The old page goes on being served until then, so the shell may
   * choose the moment (at once when nobody is signed in).
   */
  reload: { readonly reason: 'staged' | 'rolled-back' | 'withdrawn' | 'damaged' | 'repaired' };
};

export interface UiCache {
  /**
   * Takes the UI of an accepted manifest; undefined: this campus has none, show the built-in one.
   * Resolves when the version is staged (or was there already, which costs no request). A second
   * call with the same content joins the first, one with other content replaces it. After a
   * failure the cache goes on trying by itself, sooner when {@link setOnline} says so.
   *
   * @throws KioskError `CAMPUS_*`, `UI_FILE_MISMATCH`, `UI_RENDER_FAILED` (this content was rolled
   * back before), `DISK_FULL`, `DISK_READ_ONLY`, `CANCELLED`; what is active stays
   */
  apply(bundle: UiBundle | undefined): Promise<void>;
  /** Answers every request of the UI's origin. Never rejects. */
  serve(request: OriginRequest): Promise<OriginResponse>;
  /** The page says that it has painted: the version being tried becomes the active one, durably. */
  rendered(): void;
  /** The page crashed, hung or stayed blank: the version being tried is rolled back. */
  renderFailed(reason: string): void;
  /** Whether the campus answers now. Coming back retries what had failed. */
  setOnline(online: boolean): void;
  /** The load that the document served last belongs to, as its `Server-Timing` header names it. */
  readonly load: string;
  status(): UiCacheStatus;
  on<N extends keyof UiCacheEvents>(
    event: N,
    listener: (payload: UiCacheEvents[N]) => void,
  ): () => void;
  /** Stops fetching, makes durable what came, and releases the folder. */
  close(): Promise<void>;
}
