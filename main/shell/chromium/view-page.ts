/**
 * A window over the UI in a browser context of its own (storage in memory, gone with it). What its
 * pages may do is said by its rules: those of a web session (web-rules.ts), or of pages of the
 * campus (pages-rules.ts). Popups are folded into the one window.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import type { View } from '../shell.ts';
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';
import { DEAD_PROXY } from './flags.ts';
import { fail } from './interception.ts';
import { navigate, responds } from './page.ts';

/** What the pages of one view may do. */
export interface ViewRules {
  /** Hosts that are reached around the dead proxy. */
  readonly hosts: readonly string[];
  readonly downloads: boolean;
  /** Called with the view's page before it runs anything; resolves when its scripts are there. */
  prepare(session: DevtoolsSession, targetId: string): Promise<unknown>;
  /** Whether an address may be loaded, e.g. one that a popup asks for. */
  allowed(url: string): boolean;
}

export interface ViewPageOptions {
  readonly id: string;
  readonly rules: ViewRules;
  readonly pipe: DevtoolsPipe;
  /** Downloads go below it, and with the view. */
  readonly dataFolder: string;
  readonly log: Logger;
  /** Puts the UI's window on top. */
  raiseUi(): Promise<void>;
}

export class ViewPage implements View {
  readonly id: string;
  readonly closed: Promise<{ readonly crashed: boolean }>;
  readonly #options: ViewPageOptions;
  readonly #downloads: string;
  #contextId = '';
  #page: DevtoolsSession | undefined;
  #attached: (prepared: Promise<unknown>) => void = () => {};
  #settle: (end: { readonly crashed: boolean }) => void = () => {};
  #shown = false;
  #over = false;
  #watch: NodeJS.Timeout | undefined;

  constructor(options: ViewPageOptions) {
    this.id = options.id;
    this.#options = options;
    this.#downloads = join(options.dataFolder, 'downloads', options.id);
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  /** It was given the screen, and has not been told to leave it. */
  get shown(): boolean {
    return this.#shown && !this.#over;
  }

  get contextId(): string {
    return this.#contextId;
  }

  /**
   * Makes the context and the window, on top, and starts to load the page.
   * @throws KioskError `BRIDGE_CLOSED`, `INTERNAL`; nothing is left behind
   */
  async open(url: string): Promise<void> {
    // A new window opens on top.
    this.#shown = true;
    await this.#create();
    // Its failure is the page's to show: the network may come back, or a saved copy answers.
    this.#page?.post('Page.navigate', { url });
  }

  /**
   * Makes the context and the window, behind the UI, and resolves once its document is accepted.
   * From then on a page that does not answer for `patience` milliseconds is ended as crashed.
   * @throws KioskError `TIMEOUT`, `UI_CRASHED`, `BRIDGE_CLOSED`, `INTERNAL`; nothing is left behind
   */
  async openBehind(url: string, patience: number): Promise<void> {
    await this.#create();
    try {
      await this.#options.raiseUi();
      if (!this.#page) throw new KioskError('BRIDGE_CLOSED', 'The window was closed.');
      await navigate(this.#page, url);
    } catch (error) {
      await this.#end(false);
      throw error;
    }
    this.#watchOver(patience);
  }

  /** A page of this context appeared: the view's own first (true), popups after it. */
  attach(session: DevtoolsSession, targetId: string): boolean {
    if (this.#page) {
      this.#fold(session, targetId);
      return false;
    }
    this.#page = session;
    session.post('Inspector.enable');
    session.post('Page.enable');
    const prepared = this.#options.rules.prepare(session, targetId);
    session.on('Inspector.targetCrashed', () => void this.#end(true));
    session.post('Runtime.runIfWaitingForDebugger');
    this.#attached(prepared);
    return true;
  }

  /** The page is gone without our doing: the person closed its window. */
  detached(): void {
    void this.#end(false);
  }

  async show(): Promise<void> {
    if (this.#over || !this.#page) throw new KioskError('SESSION_UNKNOWN', 'The view is closed.');
    this.#shown = true;
    await this.#page.send('Page.bringToFront');
  }

  async hide(): Promise<void> {
    this.#shown = false;
    if (!this.#over) await this.#options.raiseUi();
  }

  async close(): Promise<void> {
    await this.#end(false);
  }

  /** The browser died, and the view with it. */
  lost(): void {
    this.#finish(true);
  }

  async #create(): Promise<void> {
    const { pipe, rules } = this.#options;
    const { browserContextId } = await pipe.browser.send('Target.createBrowserContext', {
      disposeOnDetach: true,
      proxyServer: DEAD_PROXY,
      // `<-loopback>`: this computer's own ports are not around the proxy either.
      proxyBypassList: ['<-loopback>', ...rules.hosts].join(';'),
    });
    this.#contextId = browserContextId;
    if (rules.downloads) mkdirSync(this.#downloads, { recursive: true, mode: 0o700 });
    pipe.browser.post('Browser.setDownloadBehavior', {
      browserContextId,
      ...(rules.downloads
        ? { behavior: 'allow', downloadPath: this.#downloads }
        : { behavior: 'deny' }),
    });
    const prepared = new Promise<unknown>((resolve) => {
      this.#attached = resolve;
    });
    try {
      await pipe.browser.send('Target.createTarget', {
        url: 'about:blank',
        browserContextId,
        newWindow: true,
        windowState: 'fullscreen',
      });
      await prepared;
    } catch (error) {
      await this.#end(false);
      throw error;
    }
  }

  async #end(crashed: boolean): Promise<void> {
    if (this.#over) {
      await this.closed;
      return;
    }
    this.#over = true;
    // Closes its windows and wipes cookies, storage and caches, which were never on disk.
    await this.#options.pipe.browser
      .send('Target.disposeBrowserContext', { browserContextId: this.#contextId })
      .catch((error: unknown) =>
        this.#options.log.debug('the view was gone before it was closed', { error }),
      );
    this.#finish(crashed);
  }

  #finish(crashed: boolean): void {
    this.#over = true;
    clearInterval(this.#watch);
    rmSync(this.#downloads, { recursive: true, force: true });
    this.#settle({ crashed });
  }

  #watchOver(patience: number): void {
    let asking = false;
    this.#watch = setInterval(async () => {
      if (asking || !this.#page) return;
      asking = true;
      const alive = await responds(this.#page, patience);
      asking = false;
      if (alive || this.#over) return;
      this.#options.log.error('a page stopped answering', { view: this.id });
      await this.#end(true);
    }, patience);
  }

  /** A popup is loaded in the view's own window instead; one that asks for nothing is refused. */
  #fold(popup: DevtoolsSession, targetId: string): void {
    popup.on('Fetch.requestPaused', (paused) => {
      fail(popup, paused, 'Aborted');
      if (this.#options.rules.allowed(paused.request.url)) {
        this.#page?.post('Page.navigate', { url: paused.request.url });
      }
      this.#options.pipe.browser.post('Target.closeTarget', { targetId });
    });
    popup.post('Fetch.enable', { patterns: [{ urlPattern: '*' }] });
    popup.post('Runtime.runIfWaitingForDebugger');
  }
}
