/**
 * A web session: a browser context of its own (storage in memory, gone with it), a window of its
 * own over the UI, no bridge. Its hosts are held at three depths: the context's proxy, which
 * answers nobody but lets the allowed hosts around it (so subresources, workers and websockets
 * cost nothing to check); interception of documents, which shows why; and the popups, which are
 * folded into the one window.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import { hostAllowed, refusalPage } from '../policy.ts';
import { RETURN_CHORD, type View, type ViewOptions } from '../shell.ts';
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';
import { DEAD_PROXY } from './flags.ts';
import { onFrames } from './frames.ts';
import { fail, fulfil, type Paused, proceed, toOriginRequest } from './interception.ts';
import { CHORD_BINDING, configured, inject } from './scripts.ts';

export interface ViewPageOptions extends ViewOptions {
  readonly pipe: DevtoolsPipe;
  /** The text of chromium-view.js. */
  readonly script: string;
  /** The UI's and the display's: no web session gets anything of them. */
  readonly closedOrigins: readonly string[];
  /** Downloads go below it, and with the view. */
  readonly dataFolder: string;
  readonly log: Logger;
  onChord(): void;
  /** Puts the UI's window on top. */
  raiseUi(): Promise<void>;
}

/** Replaces `window.print` in the page's own world, in every frame. */
const NO_PRINT = "Object.defineProperty(window,'print',{value(){}})";

export class ViewPage implements View {
  readonly id: string;
  readonly closed: Promise<{ readonly crashed: boolean }>;
  readonly #options: ViewPageOptions;
  readonly #downloads: string;
  readonly #source: string;
  #contextId = '';
  #page: DevtoolsSession | undefined;
  #attached: (prepared: Promise<void>) => void = () => {};
  #settle: (end: { readonly crashed: boolean }) => void = () => {};
  /** A new window opens on top. */
  #shown = true;
  #over = false;

  constructor(options: ViewPageOptions) {
    this.id = options.id;
    this.#options = options;
    this.#downloads = join(options.dataFolder, 'downloads', options.id);
    this.#source = configured(options.script, {
      chordCode: RETURN_CHORD.code,
      title: options.title,
      backLabel: options.backLabel,
      uploads: options.uploads,
    });
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
   * Makes the context and the window and starts to load the page.
   * @throws KioskError `BRIDGE_CLOSED`, `INTERNAL`; nothing is left behind
   */
  async open(): Promise<void> {
    const { pipe, hosts, url, downloads } = this.#options;
    const { browserContextId } = await pipe.browser.send('Target.createBrowserContext', {
      disposeOnDetach: true,
      proxyServer: DEAD_PROXY,
      // `<-loopback>`: this computer's own ports are not around the proxy either.
      proxyBypassList: ['<-loopback>', ...hosts].join(';'),
    });
    this.#contextId = browserContextId;
    if (downloads) mkdirSync(this.#downloads, { recursive: true, mode: 0o700 });
    pipe.browser.post('Browser.setDownloadBehavior', {
      browserContextId,
      ...(downloads ? { behavior: 'allow', downloadPath: this.#downloads } : { behavior: 'deny' }),
    });
    const prepared = new Promise<void>((resolve) => {
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
      // Its failure is the page's to show: the network may come back, or `offline` answers.
      this.#page?.post('Page.navigate', { url });
    } catch (error) {
      await this.#end(false);
      throw error;
    }
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
    const prepared = this.#prepare(session);
    onFrames(this.#options.pipe, session, (frame) => {
      this.#prepare(frame).catch(() => {});
    });
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
    rmSync(this.#downloads, { recursive: true, force: true });
    this.#settle({ crashed });
  }

  /** The rules of one document tree: the page's, or a frame's in a process of its own. */
  #prepare(session: DevtoolsSession): Promise<void> {
    const { uploads, print, offline, onChord, closedOrigins } = this.#options;
    session.on('Runtime.bindingCalled', onChord);
    session.on('Fetch.requestPaused', (paused) => void this.#judge(session, paused));
    session.post('Fetch.enable', {
      patterns: [
        { urlPattern: '*', resourceType: 'Document', requestStage: 'Request' },
        // Answered for the UI by the interception of the whole browser, which comes after this one.
        ...closedOrigins.map((origin) => ({ urlPattern: `${origin}/*` })),
        ...(offline ? [{ urlPattern: '*', requestStage: 'Response' } as const] : []),
      ],
    });
    if (!uploads) {
      session.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true });
    }
    if (!print) session.post('Page.addScriptToEvaluateOnNewDocument', { source: NO_PRINT });
    return inject(session, this.#source, [CHORD_BINDING]);
  }

  async #judge(session: DevtoolsSession, paused: Paused): Promise<void> {
    const { title, refusedText, offline, log } = this.#options;
    const answered = paused.responseErrorReason ?? paused.responseStatusCode;
    if (!this.#allowed(paused.request.url) && paused.resourceType !== 'Document') {
      fail(session, paused, 'BlockedByClient');
    } else if (!this.#allowed(paused.request.url)) {
      log.info('a web session was kept from a host', { view: this.id });
      fulfil(session, paused, refusalPage(title, refusedText));
    } else if (answered === undefined || paused.responseErrorReason === undefined) {
      proceed(session, paused);
    } else {
      const saved = await offline?.(toOriginRequest(paused)).catch((error: unknown) => {
        log.warn('a saved page could not be read', { view: this.id, error });
        return undefined;
      });
      if (saved) fulfil(session, paused, saved);
      else fail(session, paused, paused.responseErrorReason);
    }
  }

  #allowed(url: string): boolean {
    const { protocol, hostname } = new URL(url);
    // Other schemes that reach here (blob:, data:) carry what the page already has.
    return !/^(https?|wss?|ftp):$/.test(protocol) || hostAllowed(hostname, this.#options.hosts);
  }

  /** A popup is loaded in the view's own window instead; one that asks for nothing is refused. */
  #fold(popup: DevtoolsSession, targetId: string): void {
    popup.on('Fetch.requestPaused', (paused) => {
      fail(popup, paused, 'Aborted');
      if (this.#allowed(paused.request.url)) {
        this.#page?.post('Page.navigate', { url: paused.request.url });
      }
      this.#options.pipe.browser.post('Target.closeTarget', { targetId });
    });
    popup.post('Fetch.enable', { patterns: [{ urlPattern: '*' }] });
    popup.post('Runtime.runIfWaitingForDebugger');
  }
}
