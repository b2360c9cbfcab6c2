/**
 * Pages of existing servers as the screen that people see first (the manifest's `pages`). They are
 * in front of the UI, never instead of it: where they cannot be had the UI is what people see, and
 * the return chord leads from one to the other.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { UiPages } from './base/manifest.ts';
import type { Logger } from './log/logger.ts';
import { messagePage } from './shell/policy.ts';
import type { OriginRequest, OriginResponse, PagesOptions, View } from './shell/shell.ts';
import type { PageResponse } from './uicache/pages-api.ts';

/** In the person's language. */
export interface PagesTexts extends Pick<PagesOptions, 'title' | 'backLabel' | 'refusedText'> {
  readonly unavailable: string;
  readonly startLabel: string;
}

export interface PagesScreenOptions {
  readonly open: (options: PagesOptions) => Promise<View>;
  /** The page cache: network first, else what was kept. */
  readonly handle: (request: OriginRequest) => Promise<PageResponse>;
  readonly texts: () => PagesTexts;
  /** Nobody works at the UI whom the pages would push aside. */
  readonly mayCover: () => boolean;
  readonly log: Logger;
  /** Milliseconds between two attempts to have the start page. Default 15 000. */
  readonly retryMs?: number;
}

export class PagesScreen {
  readonly #options: PagesScreenOptions;
  #wanted: UiPages | undefined;
  #view: View | undefined;
  /** People want to see the pages, as soon as there are any. */
  #front = true;
  #opening: Promise<void> | undefined;
  #pause = new AbortController();
  #closed = false;
  #count = 0;

  constructor(options: PagesScreenOptions) {
    this.#options = options;
  }

  /** True while the pages cover the UI. */
  get front(): boolean {
    return this.#front && this.#view !== undefined;
  }

  /** Origins whose top frame may call, while their pages are on the screen or behind the UI. */
  get privileged(): readonly string[] {
    return this.#view && this.#wanted ? origins(this.#wanted.privileged) : [];
  }

  /** Takes the pages of an accepted manifest; undefined: this campus has none. */
  apply(pages: UiPages | undefined): void {
    if (JSON.stringify(pages) === JSON.stringify(this.#wanted)) return;
    this.#wanted = pages;
    this.#front = true;
    this.#again();
  }

  /** Somebody left: what the servers know of them goes, and the start page is in front. */
  renew(): void {
    this.#front = true;
    this.#again();
  }

  /** The network may be back. */
  retry(): void {
    this.#pause.abort();
  }

  /**
   * The return chord, or the strip's button: from the pages to the UI and back.
   * @returns false where there are no pages to lead to
   */
  toggle(): boolean {
    if (!this.#view) return false;
    this.#front = !this.#front;
    this.#place(this.#view);
    return true;
  }

  /**
   * A session is shown: the UI that draws it comes to the front.
   * @param covered the session has a window of its own, which is in front already
   */
  yield(covered: boolean): void {
    if (!this.#front) return;
    this.#front = false;
    if (this.#view && !covered) this.#place(this.#view);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#wanted = undefined;
    await this.#view?.close();
    this.#pause.abort();
    await this.#opening;
  }

  /** Ends what is there; the loop then opens what is wanted. */
  #again(): void {
    const view = this.#view;
    this.#view = undefined;
    this.#close(view);
    this.#pause.abort();
    this.#open();
  }

  #open(): void {
    this.#opening ??= this.#loop().finally(() => {
      this.#opening = undefined;
    });
  }

  /** Until the wanted pages are open. One at a time: a wish that changes is seen after each step. */
  async #loop(): Promise<void> {
    while (this.#wanted && !this.#view && !this.#closed) {
      const wanted = this.#wanted;
      this.#pause = new AbortController();
      try {
        const view = await this.#attempt(wanted);
        if (this.#wanted === wanted && !this.#closed) this.#taken(view);
        else this.#close(view);
        continue;
      } catch (error) {
        this.#options.log.warn('the pages of the campus cannot be shown now', { error });
      }
      await sleep(this.#options.retryMs ?? 15_000, undefined, { signal: this.#pause.signal }).catch(
        () => {},
      );
    }
  }

  /** @throws where the start page can neither be had nor was kept, or the shell has no window */
  async #attempt(wanted: UiPages): Promise<View> {
    const url = new URL(wanted.start);
    const headers = new Map([
      ['accept', 'text/html'],
      ['sec-fetch-dest', 'document'],
    ]);
    const { status } = await this.#options.handle({ method: 'GET', url, headers });
    if (isMissing(status)) throw new Error(`the start page answers ${status}`);
    this.#count++;
    return this.#options.open({
      ...this.#options.texts(),
      id: `pages-${this.#count}`,
      start: wanted.start,
      origins: origins(wanted.origins),
      privileged: origins(wanted.privileged),
      serve: (request) => this.#serve(request, wanted),
    });
  }

  #taken(view: View): void {
    this.#view = view;
    void view.closed.then(({ crashed }) => {
      if (this.#view !== view) return;
      this.#view = undefined;
      if (crashed) this.#options.log.error('the pages of the campus crashed');
      this.#open();
    });
    // Who works at the UI by now comes back with the chord, or when they leave.
    this.#front &&= this.#options.mayCover();
    if (this.#front) this.#place(view);
  }

  #place(view: View): void {
    (this.#front ? view.show() : view.hide()).catch((error: unknown) =>
      this.#options.log.warn('the pages could not be shown or hidden', { error }),
    );
  }

  #close(view: View | undefined): void {
    view
      ?.close()
      .catch((error: unknown) => this.#options.log.warn('the pages did not close', { error }));
  }

  async #serve(request: OriginRequest, wanted: UiPages): Promise<OriginResponse> {
    const response = await this.#options.handle(request);
    // Other failures have a page of the server's own.
    if (response.status !== 504 || response.body !== null || !isDocument(request)) return response;
    if (request.url.href === new URL(wanted.start).href) {
      // Not even the start can be had: the UI, which works without a network, until it can.
      this.#again();
    }
    const { title, unavailable, startLabel } = this.#options.texts();
    return messagePage(504, title, unavailable, { url: wanted.start, label: startLabel });
  }
}

function isMissing(status: number): boolean {
  return status >= 500 || status === 404 || status === 410;
}

function isDocument({ headers }: OriginRequest): boolean {
  const destination = headers.get('sec-fetch-dest');
  // Electron's requests come without it; only navigations ask for HTML.
  if (destination === undefined) return headers.get('accept')?.includes('text/html') === true;
  return destination === 'document';
}

function origins(urls: readonly string[]): string[] {
  return [...new Set(urls.map((url) => new URL(url).origin))];
}
