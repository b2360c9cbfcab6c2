/**
 * The shell on Debian's Chromium: one window for the UI, driven over the DevTools pipe. The UI and
 * display origins exist only as intercepted requests. When the browser dies it is started again;
 * sessions of main do not notice, web sessions end as crashed.
 */
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventName, EventPayload } from '../../../preload/contract/contract.ts';
import { backoff } from '../../base/backoff.ts';
import { KioskError } from '../../base/errors.ts';
import { Emitter } from '../../base/events.ts';
import { serve } from '../policy.ts';
import type {
  PagesOptions,
  Shell,
  ShellEvents,
  ShellOptions,
  View,
  ViewOptions,
} from '../shell.ts';
import type { DevtoolsPipe, EventParams } from './connection.ts';
import { fail, fulfil, type Paused, proceed, toOriginRequest } from './interception.ts';
import {
  type ChromiumOptions,
  type RunningChromium,
  readDeveloperPort,
  startChromium,
} from './launch.ts';
import { PagesRules } from './pages-rules.ts';
import { readScripts, type Scripts } from './scripts.ts';
import { UiPage } from './ui-page.ts';
import { ViewPage, type ViewRules } from './view-page.ts';
import { WebRules } from './web-rules.ts';

export interface ChromiumShellOptions extends ShellOptions, ChromiumOptions {
  /** A browser that the entry started before it loaded this file; else one is started now. */
  readonly started?: RunningChromium;
}

/** Deaths in a row, none of which let the UI load, after which the screen is given up. */
const GIVE_UP_AFTER = 6;
/** Loads in a row that may fail before the browser itself is started again. */
const LOAD_TRIES = 3;
/** A page that lived this long starts its crash count anew, in milliseconds. */
const STABLE_MS = 60_000;
/** How long pages of the campus may keep their main thread busy, in milliseconds. */
const PAGES_PATIENCE_MS = 30_000;

/**
 * Makes the shell; its window is there, and empty until `open`.
 * @throws KioskError `PROGRAM_MISSING`, `PROGRAM_FAILED`, `BRIDGE_CLOSED` when the browser ends
 */
export async function createChromiumShell(options: ChromiumShellOptions): Promise<Shell> {
  const scriptsRead = readScripts(options.preloadFolder);
  scriptsRead.catch(() => {});
  const running = options.started ?? (await startChromium(options));
  const shell = new ChromiumShell(options, await scriptsRead);
  await shell.begin(running);
  return shell;
}

class ChromiumShell implements Shell {
  readonly kind = 'chromium';
  readonly #options: ChromiumShellOptions;
  readonly #scripts: Scripts;
  readonly #handshake = randomUUID();
  readonly #emitter: Emitter<ShellEvents>;
  readonly #views = new Map<string, ViewPage>();
  readonly #pages = new Set<PagesRules>();
  #version = '';
  #developerPort: number | null = null;
  #running: RunningChromium | undefined;
  #ui: { readonly page: UiPage; readonly sessionId: string } | undefined;
  #wantsUi = false;
  #closing = false;
  #losses = 0;
  #lastLoss = 0;
  #recovering = false;
  #restarting = false;
  /** The sessions of views' own pages, to notice a window that the person closed. */
  readonly #viewSessions = new Map<string, ViewPage>();

  constructor(options: ChromiumShellOptions, scripts: Scripts) {
    this.#options = options;
    this.#scripts = scripts;
    this.#emitter = new Emitter((error) => options.log.error('a shell listener failed', { error }));
  }

  get version(): string {
    return this.#version;
  }

  get developerPort(): number | null {
    return this.#developerPort;
  }

  on<N extends keyof ShellEvents>(
    event: N,
    listener: (payload: ShellEvents[N]) => void,
  ): () => void {
    return this.#emitter.on(event, listener);
  }

  /** Takes over a browser: interception first, then whatever pages it has and will have. */
  async begin(running: RunningChromium): Promise<void> {
    this.#running = running;
    const { kiosk, uiOrigin, displayOrigin, developer, log } = this.#options;
    const { browser } = running.pipe;
    void running.child.exited.then(({ code, stderrTail }) => {
      if (this.#running !== running || this.#closing || this.#restarting) return;
      log.error('Chromium ended', { exit: code, tail: stderrTail.slice(-1000) });
      void this.#restart(code);
    });
    browser.on('Fetch.requestPaused', (paused) => void this.#answer(running, paused));
    const firstPage = new Promise<void>((resolve) => {
      browser.on('Target.attachedToTarget', (event) => {
        this.#attached(running, event);
        if (this.#ui) resolve();
      });
    });
    browser.on('Target.detachedFromTarget', ({ sessionId }) => this.#detached(running, sessionId));
    browser.post('Fetch.enable', {
      patterns: [
        { urlPattern: `${uiOrigin}/*` },
        { urlPattern: `${displayOrigin}/*` },
        { urlPattern: '*', resourceType: 'Document' },
      ],
    });
    // The display frame opens a websocket of main on loopback. Nothing else may, see docs/adr/0002.
    browser.post('Browser.setPermission', {
      permission: { name: 'loopback-network' },
      setting: 'granted',
      origin: uiOrigin,
      embeddedOrigin: displayOrigin,
    });
    browser.post('Browser.setDownloadBehavior', { behavior: 'deny' });
    browser.post('Target.setAutoAttach', {
      autoAttach: true,
      waitForDebuggerOnStart: true,
      flatten: true,
      filter: [{ type: 'page' }, { exclude: true }],
    });
    if (kiosk) {
      browser.post('Target.createTarget', {
        url: `${uiOrigin}/`,
        newWindow: true,
        windowState: 'fullscreen',
      });
    }
    const { product } = await browser.send('Browser.getVersion');
    this.#version = product.replace('Chrome/', 'Chromium ');
    await Promise.race([firstPage, running.pipe.closed]);
    if (!this.#ui) throw new KioskError('BRIDGE_CLOSED', 'Chromium ended before it had a window.');
    this.#developerPort = developer ? await readDeveloperPort(running.profile) : null;
  }

  async open(): Promise<void> {
    this.#wantsUi = true;
    await this.#load();
  }

  async reload(): Promise<void> {
    this.#wantsUi = true;
    const page = this.#page();
    if (await page.responds()) {
      await this.#load();
      return;
    }
    this.#options.log.warn('the UI hangs: its process is ended');
    page.kill();
  }

  emit<N extends EventName>(event: N, payload: EventPayload<N>): void {
    const message = JSON.stringify({ event, payload });
    this.#ui?.page.deliver(message);
    for (const pages of this.#pages) pages.deliver(message);
  }

  async openView(options: ViewOptions): Promise<View> {
    const { uiOrigin, displayOrigin, log } = this.#options;
    const { pipe } = this.#browser();
    const rules = new WebRules({
      ...options,
      pipe,
      script: this.#scripts.view,
      closedOrigins: [uiOrigin, displayOrigin],
      log,
      onChord: this.#chord,
    });
    const view = this.#view(options.id, pipe, rules);
    await view.open(options.url);
    return view;
  }

  async openPages(options: PagesOptions): Promise<View> {
    const { log, onCall } = this.#options;
    const { pipe } = this.#browser();
    const rules = new PagesRules({
      ...options,
      pipe,
      scripts: this.#scripts,
      handshake: this.#handshake,
      log,
      onCall,
      onChord: this.#chord,
    });
    const view = this.#view(options.id, pipe, rules);
    this.#pages.add(rules);
    void view.closed.then(() => this.#pages.delete(rules));
    await view.openBehind(options.start, PAGES_PATIENCE_MS);
    return view;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const child = this.#running?.child;
    for (const view of this.#views.values()) view.lost();
    // Chromium ends by itself, and in order, when asked; the launcher kills one that does not.
    this.#running?.pipe.browser.post('Browser.close');
    await child?.stop();
  }

  async #load(): Promise<void> {
    const page = this.#page();
    await page.load();
    // A page that died took the keyboard's focus with it. A web session that is shown keeps it.
    if (![...this.#views.values()].some((view) => view.shown)) await page.raise();
  }

  readonly #chord = (): void => this.#emitter.emit('returnChord', {});

  #browser(): RunningChromium {
    if (!this.#running || this.#closing) {
      throw new KioskError('BRIDGE_CLOSED', 'There is no browser.');
    }
    return this.#running;
  }

  #view(id: string, pipe: DevtoolsPipe, rules: ViewRules): ViewPage {
    const { dataFolder, log } = this.#options;
    const raiseUi = (): Promise<void> => this.#page().raise();
    const view = new ViewPage({ id, rules, pipe, dataFolder, log, raiseUi });
    this.#views.set(id, view);
    void view.closed.then(() => this.#views.delete(id));
    return view;
  }

  #page(): UiPage {
    if (!this.#ui) throw new KioskError('BRIDGE_CLOSED', 'The browser is being started again.');
    return this.#ui.page;
  }

  /** The whole browser's requests of both origins, and every document of any page. */
  async #answer({ pipe }: RunningChromium, paused: Paused): Promise<void> {
    const { uiOrigin, displayOrigin, log } = this.#options;
    const page = paused.frameId === this.#ui?.page.targetId ? this.#ui?.page : undefined;
    const request = toOriginRequest(paused);
    const { origin } = request.url;
    if (origin === uiOrigin || (origin === displayOrigin && !page)) {
      const response = await serve(this.#options, request, (error) =>
        log.error('a request of the UI could not be served', { error }),
      );
      if (paused.resourceType === 'Document') await page?.prepared.catch(() => {});
      fulfil(pipe.browser, paused, response);
    } else if (page && paused.resourceType === 'Document') {
      log.warn('the UI was kept from leaving its origin', { origin });
      fail(pipe.browser, paused, 'Aborted');
    } else proceed(pipe.browser, paused);
  }

  #attached(
    running: RunningChromium,
    { sessionId, targetInfo }: EventParams<'Target.attachedToTarget'>,
  ): void {
    const { pipe } = running;
    const session = pipe.session(sessionId);
    const { targetId, browserContextId } = targetInfo;
    const view = [...this.#views.values()].find((each) => each.contextId === browserContextId);
    if (view) {
      if (view.attach(session, targetId)) this.#viewSessions.set(sessionId, view);
    } else if (!this.#ui) {
      this.#ui = {
        sessionId,
        page: new UiPage({
          ...this.#options,
          pipe,
          session,
          targetId,
          scripts: this.#scripts,
          handshake: this.#handshake,
          onItsWay: this.#options.kiosk,
          onChord: this.#chord,
          onLost: (reason) => void this.#recover(reason),
        }),
      };
    } else {
      this.#options.log.warn('a window that nobody asked for was closed');
      pipe.browser.post('Target.closeTarget', { targetId });
    }
  }

  #detached(running: RunningChromium, sessionId: string): void {
    this.#viewSessions.get(sessionId)?.detached();
    this.#viewSessions.delete(sessionId);
    if (this.#ui?.sessionId === sessionId) {
      // The UI's window was closed; the browser's end, which `begin` waits for, tells the rest.
      this.#ui = undefined;
      if (!this.#closing) void running.child.stop();
    }
  }

  /** Loads the page again after it died, at once the first time, later and later after that. */
  async #recover(reason: string): Promise<void> {
    if (this.#closing || this.#recovering || !this.#ui) return;
    this.#recovering = true;
    try {
      this.#options.log.error('the UI was lost', { reason, code: 'UI_CRASHED' });
      this.#emitter.emit('crashed', { reason });
      for (let tries = 0; this.#wantsUi && tries < LOAD_TRIES; tries++) {
        await this.#pause();
        if (this.#closing || !this.#ui) return;
        try {
          await this.#load();
          return;
        } catch (error) {
          this.#options.log.error('the UI could not be loaded again', { error });
        }
      }
      // A browser that cannot load a page is beyond repair from here: start it afresh.
      if (this.#wantsUi && !this.#closing) await this.#running?.child.stop();
    } finally {
      this.#recovering = false;
    }
  }

  async #restart(exit: number | null): Promise<void> {
    this.#ui = undefined;
    for (const view of this.#views.values()) view.lost();
    if (!this.#options.kiosk && exit === 0) {
      this.#emitter.emit('closed', {});
      return;
    }
    this.#restarting = true;
    this.#emitter.emit('crashed', { reason: 'the browser ended' });
    await this.#startAgain().finally(() => {
      this.#restarting = false;
    });
  }

  async #startAgain(): Promise<void> {
    for (;;) {
      await this.#pause();
      if (this.#closing) return;
      if (this.#losses >= GIVE_UP_AFTER) {
        this.#emitter.emit('closed', {});
        return;
      }
      try {
        if (this.#losses === 3 && this.#running) {
          this.#options.log.warn('Chromium keeps ending: its profile is made anew');
          rmSync(this.#running.profile, { recursive: true, force: true });
        }
        const running = await startChromium(this.#options);
        if (this.#closing) {
          await running.child.stop();
          return;
        }
        await this.begin(running);
        if (this.#wantsUi) await this.#load();
        return;
      } catch (error) {
        this.#options.log.error('Chromium could not be started again', { error });
        this.#ui = undefined;
        await this.#running?.child.kill();
      }
    }
  }

  /** Counts a loss, and waits: not at all after a stable time, else by backoff. */
  async #pause(): Promise<void> {
    const now = performance.now();
    this.#losses = now - this.#lastLoss > STABLE_MS ? 1 : this.#losses + 1;
    this.#lastLoss = now;
    if (this.#losses > 1) await sleep(backoff(this.#losses, { base: 250, cap: 10_000 }));
  }
}
