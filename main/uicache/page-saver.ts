/**
 * Keeps the saved pages of web sessions fresh: after each look at the catalogue, and again when
 * they have grown old, while the campus answers. One collection at a time; a failure keeps what
 * was saved before and is tried again later.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import { isAbort } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { PageCache } from './pages-api.ts';

/** A web session's pages: its entry in the catalogue. */
export interface SavedPages {
  readonly entryId: string;
  readonly urls: readonly string[];
  readonly hosts?: readonly string[];
}

export interface PageSaverOptions {
  readonly pages: Pick<PageCache, 'save' | 'savedAt' | 'keepOnly'>;
  /** What the catalogue lists now; undefined: there is no catalogue yet. */
  readonly wanted: () => readonly SavedPages[] | undefined;
  readonly online: () => boolean;
  /** Something was saved: its age on the tile has changed. */
  readonly onSaved: () => void;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Pages older than this are fetched again. Default one hour. */
  readonly maxAgeMs?: number;
  /** After a failure. Default one minute. */
  readonly retryMs?: number;
}

const HOUR_MS = 60 * 60_000;

export class PageSaver {
  readonly #options: PageSaverOptions;
  readonly #closing = new AbortController();
  #running: Promise<void> | undefined;
  #again = false;
  #timer: NodeJS.Timeout | undefined;
  /** What each collection was saved from: another list is another collection. */
  readonly #lists = new Map<string, string>();

  constructor(options: PageSaverOptions) {
    this.#options = options;
  }

  /** The catalogue or the link changed. Calls while one is under way are answered by one more. */
  readonly look = (): void => {
    if (this.#closing.signal.aborted) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    clearTimeout(this.#timer);
    this.#running = this.#save().finally(() => {
      this.#running = undefined;
      if (this.#again) {
        this.#again = false;
        this.look();
      }
    });
  };

  async close(): Promise<void> {
    this.#closing.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  async #save(): Promise<void> {
    const { pages, wanted, online, onSaved, log, clock = systemClock } = this.#options;
    const { maxAgeMs = HOUR_MS, retryMs = 60_000 } = this.#options;
    const list = wanted();
    if (list === undefined) return;
    pages.keepOnly(list.map(({ entryId }) => entryId));
    let pause = maxAgeMs;
    for (const { entryId, urls, hosts } of list) {
      if (!online() || this.#closing.signal.aborted) return;
      const key = JSON.stringify([urls, hosts]);
      const savedAt = pages.savedAt(entryId);
      const known = this.#lists.get(entryId);
      const fresh = savedAt !== null && clock.now() - savedAt < maxAgeMs;
      if (fresh && (known === undefined || known === key)) {
        this.#lists.set(entryId, key);
        continue;
      }
      try {
        await pages.save(urls, {
          collection: entryId,
          signal: this.#closing.signal,
          ...(hosts === undefined ? {} : { hosts }),
        });
        this.#lists.set(entryId, key);
        onSaved();
      } catch (error) {
        if (isAbort(error) || this.#closing.signal.aborted) return;
        log.warn('pages could not be saved for offline use', { entry: entryId, error });
        pause = Math.min(pause, retryMs);
      }
    }
    this.#timer = setTimeout(this.look, pause);
    this.#timer.unref();
  }
}
