/**
 * Watches that the page lives: it must paint after it was loaded, and then give a sign of life at
 * intervals. A page that does not is reloaded; a UI version that never painted is given up first.
 */
import { HEARTBEAT_MS } from '../../preload/contract/contract.ts';
import type { Logger } from '../log/logger.ts';

export interface PageWatchOptions {
  /** The UI version being tried did not paint, or died before it did. */
  readonly renderFailed: (reason: string) => void;
  readonly rendered: () => void;
  /** The load that the UI's document served last belongs to (`Caller.load`). */
  readonly load: () => string | null;
  readonly reload: () => Promise<void>;
  readonly log: Logger;
  /** Milliseconds from a load to the first paint. Default 45 000: software rendering on a slow disk. */
  readonly paintMs?: number;
  /** Milliseconds of silence that count as a hang. Default six heartbeats. */
  readonly silenceMs?: number;
}

export class PageWatch {
  readonly #options: PageWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #painted = false;
  #closed = false;

  constructor(options: PageWatchOptions) {
    this.#options = options;
  }

  /** The shell loads the page, for whatever reason. */
  loading(): void {
    this.#painted = false;
    this.#wait(this.#options.paintMs ?? 45_000, 'the page stayed blank');
  }

  /**
   * `ui.rendered` arrived. Of another load it says nothing about the page that is awaited: an old
   * page's last call, or a page of the campus that has the bridge too.
   */
  rendered(load: string | null): void {
    if (load !== this.#options.load()) return;
    if (!this.#painted) this.#options.log.info('the page can be used');
    this.#painted = true;
    this.#options.rendered();
    this.heartbeat(load);
  }

  /** `ui.heartbeat` arrived. Before the first paint it proves nothing: a blank page can tick. */
  heartbeat(load: string | null): void {
    if (this.#painted && load === this.#options.load()) {
      this.#wait(this.#options.silenceMs ?? 6 * HEARTBEAT_MS, 'the page stopped answering');
    }
  }

  /** The shell says that the page's process died; it is loading the page again by itself. */
  crashed(reason: string): void {
    if (!this.#painted) this.#options.renderFailed(reason);
    this.loading();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(milliseconds: number, reason: string): void {
    clearTimeout(this.#timer);
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#options.log.error('the page is loaded again', {
        code: this.#painted ? 'UI_CRASHED' : 'UI_RENDER_FAILED',
        reason,
      });
      if (!this.#painted) this.#options.renderFailed(reason);
      this.loading();
      this.#options.reload().catch((error: unknown) => {
        this.#options.log.error('the page could not be loaded', { error });
      });
    }, milliseconds);
  }
}
