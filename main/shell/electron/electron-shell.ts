/**
 * The shell on Electron: a kiosk window on the primary display, a blank cover on every other, the
 * two origins served by `protocol.handle` in a session of their own. It follows the same port and
 * the same conformance suite as Chromium.
 */
import { join } from 'node:path';
import type { BrowserWindow, IpcMainEvent } from 'electron';
import { CALL_CHANNEL, CHORD_CHANNEL, EVENT_CHANNEL } from '../../../preload/contract/channels.ts';
import type { EventName, EventPayload } from '../../../preload/contract/contract.ts';
import { KioskError } from '../../base/errors.ts';
import { Emitter } from '../../base/events.ts';
import type { Logger } from '../../log/logger.ts';
import { bridgeConfig } from '../names.ts';
import {
  type PagesOptions,
  RETURN_CHORD,
  type Shell,
  type ShellEvents,
  type ShellOptions,
  type View,
  type ViewOptions,
} from '../shell.ts';
import { downloadsOf, ElectronView, type ElectronViewOptions } from './electron-view.ts';
import { denyPermissions, hardenPage } from './hardening.ts';
import { serveOrigins } from './origin-handler.ts';
import { pagesSession } from './pages-session.ts';
import { webSession } from './web-session.ts';

export interface ElectronShellOptions extends ShellOptions {
  readonly log: Logger;
}

/** A crash is followed by a reload after so many milliseconds, so that a loop leaves room. */
const RELOAD_PAUSE_MS = 500;

/**
 * Makes the shell inside Electron's main process, after `prepareElectron`; its windows are there,
 * and empty until `open`.
 */
export async function createElectronShell(options: ElectronShellOptions): Promise<Shell> {
  const electron = await import('electron');
  await electron.app.whenReady();
  return new ElectronShell(electron, options);
}

class ElectronShell implements Shell {
  readonly kind = 'electron';
  readonly version: string;
  readonly developerPort = null;
  readonly #electron: typeof import('electron');
  readonly #options: ElectronShellOptions;
  readonly #emitter: Emitter<ShellEvents>;
  readonly #window: BrowserWindow;
  readonly #views = new Set<ElectronView>();
  /** Those of them that are pages of the campus. */
  readonly #pages = new Set<ElectronView>();
  readonly #powerBlock: number;
  #covers: BrowserWindow[] = [];
  #closing = false;

  constructor(electron: typeof import('electron'), options: ElectronShellOptions) {
    this.#electron = electron;
    this.#options = options;
    this.version = `Electron ${process.versions.electron ?? ''}`.trim();
    this.#emitter = new Emitter((error) => options.log.error('a shell listener failed', { error }));
    this.#powerBlock = electron.powerSaveBlocker.start('prevent-display-sleep');
    electron.Menu.setApplicationMenu(null);
    this.#window = this.#createWindow();
    this.#cover();
    electron.screen.on('display-added', this.#cover);
    electron.screen.on('display-removed', this.#cover);
    electron.ipcMain.on(CALL_CHANNEL, this.#call);
    electron.ipcMain.on(CHORD_CHANNEL, this.#strip);
    // Native windows (remote viewers) have the focus where no page of ours sees a key.
    electron.globalShortcut.register(RETURN_CHORD.accelerator, this.#chord);
  }

  on<N extends keyof ShellEvents>(
    event: N,
    listener: (payload: ShellEvents[N]) => void,
  ): () => void {
    return this.#emitter.on(event, listener);
  }

  async open(): Promise<void> {
    await this.#window.loadURL(`${this.#options.uiOrigin}/`);
  }

  async reload(): Promise<void> {
    // A hung renderer would not commit the navigation; a fresh process always does.
    if (!(await this.#responds())) this.#window.webContents.forcefullyCrashRenderer();
    else await this.open();
  }

  emit<N extends EventName>(event: N, payload: EventPayload<N>): void {
    if (this.#window.isDestroyed()) return;
    const message = JSON.stringify({ event, payload });
    this.#window.webContents.send(EVENT_CHANNEL, message);
    for (const { webContents } of this.#pages) webContents.send(EVENT_CHANNEL, message);
  }

  async openView(options: ViewOptions): Promise<View> {
    const downloads = downloadsOf(this.#options.dataFolder, options.id);
    const { title, backLabel, uploads } = options;
    const config = { chordCode: RETURN_CHORD.code, title, backLabel, uploads };
    const view = this.#view({
      id: options.id,
      session: webSession(this.#electron, options, downloads),
      preload: 'electron-view.cjs',
      argument: argument('view', config),
      allowed: ({ protocol }) => /^https?:$/.test(protocol),
    });
    // Its failure is the page's to show.
    void view.webContents.loadURL(options.url).catch(() => {});
    return view;
  }

  async openPages(options: PagesOptions): Promise<View> {
    const { privileged, title, backLabel } = options;
    const config = bridgeConfig({
      origins: privileged,
      handshake: '',
      strip: { title, backLabel },
    });
    const view = this.#view({
      id: options.id,
      session: pagesSession(this.#electron, options),
      preload: 'electron.cjs',
      argument: argument('ui', config),
      allowed: ({ origin }) => options.origins.includes(origin),
    });
    await view.hide();
    this.#pages.add(view);
    void view.closed.then(() => this.#pages.delete(view));
    try {
      await view.webContents.loadURL(options.start);
    } catch (error) {
      await view.close();
      throw new KioskError('UI_CRASHED', 'The pages did not load.', { cause: error });
    }
    return view;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const { ipcMain, screen, globalShortcut, powerSaveBlocker } = this.#electron;
    await Promise.all([...this.#views].map((view) => view.close()));
    ipcMain.off(CALL_CHANNEL, this.#call);
    ipcMain.off(CHORD_CHANNEL, this.#strip);
    screen.off('display-added', this.#cover);
    screen.off('display-removed', this.#cover);
    globalShortcut.unregisterAll();
    powerSaveBlocker.stop(this.#powerBlock);
    for (const window of [...this.#covers, this.#window]) window.destroy();
  }

  #view(
    options: Pick<ElectronViewOptions, 'id' | 'session' | 'preload' | 'argument' | 'allowed'>,
  ): ElectronView {
    if (this.#closing) throw new KioskError('BRIDGE_CLOSED', 'The shell is ending.');
    const view = new ElectronView({
      ...options,
      preload: join(this.#options.preloadFolder, options.preload),
      electron: this.#electron,
      window: this.#window,
      downloads: downloadsOf(this.#options.dataFolder, options.id),
      onChord: this.#chord,
    });
    this.#views.add(view);
    void view.closed.then(() => this.#views.delete(view));
    return view;
  }

  #createWindow(): BrowserWindow {
    const { electron, options } = { electron: this.#electron, options: this.#options };
    const { uiOrigin, displayOrigin, kiosk, developer, log } = options;
    const session = electron.session.fromPartition('persist:ui');
    denyPermissions(session, displayOrigin);
    session.on('will-download', (event) => event.preventDefault());
    serveOrigins(session, options, (error) =>
      log.error('a request of the UI could not be served', { error }),
    );
    const config = bridgeConfig({ origins: [uiOrigin], handshake: '', strip: null });
    const window = new electron.BrowserWindow({
      kiosk,
      fullscreen: kiosk,
      frame: !kiosk,
      width: 1280,
      height: 800,
      backgroundColor: '#0f172a',
      webPreferences: {
        session,
        preload: join(options.preloadFolder, 'electron.cjs'),
        additionalArguments: [argument('ui', config)],
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        webSecurity: true,
        devTools: developer,
        spellcheck: false,
        navigateOnDragDrop: false,
      },
    });
    const { webContents } = window;
    hardenPage(webContents, {
      mayNavigate: (url) => url.origin === uiOrigin,
      onPopup: (url) => log.warn('the UI was kept from opening a window', { origin: url.origin }),
      onChord: this.#chord,
    });
    webContents.on('render-process-gone', (_event, { reason }) => this.#lost(reason));
    webContents.on('did-navigate', (_event, url) => {
      // about:blank is not a request that a navigation rule sees.
      if (new URL(url).origin !== uiOrigin) this.#lost('left its origin');
    });
    window.on('closed', () => {
      if (!this.#closing) this.#emitter.emit('closed', {});
    });
    return window;
  }

  /** Blank windows on every display but the primary one: nothing of a desktop shows through. */
  readonly #cover = (): void => {
    for (const cover of this.#covers.splice(0)) cover.destroy();
    if (!this.#options.kiosk) return;
    const { screen, BrowserWindow } = this.#electron;
    const primary = screen.getPrimaryDisplay().id;
    this.#covers = screen
      .getAllDisplays()
      .filter(({ id }) => id !== primary)
      .map(
        ({ bounds }) =>
          new BrowserWindow({
            ...bounds,
            kiosk: true,
            frame: false,
            focusable: false,
            skipTaskbar: true,
            backgroundColor: '#0f172a',
            webPreferences: { sandbox: true, devTools: false },
          }),
      );
  };

  readonly #chord = (): void => this.#emitter.emit('returnChord', {});

  /** The strip of a web session: only from the top frame of a view of ours. */
  readonly #strip = (event: IpcMainEvent): void => {
    const frame = event.senderFrame;
    if (frame === null || frame.parent !== null) return;
    if ([...this.#views].some((view) => view.owns(event.sender.id))) this.#chord();
  };

  readonly #call = (event: IpcMainEvent, message: unknown, load: unknown): void => {
    const frame = event.senderFrame;
    // A frame that is gone already, or a web session, which has no bridge, is not even refused.
    if (frame === null || typeof message !== 'string' || this.#window.isDestroyed()) return;
    const pages = [...this.#pages].some((view) => view.owns(event.sender.id));
    if (event.sender !== this.#window.webContents && !pages) return;
    this.#options.onCall({
      caller: {
        origin: frame.origin,
        topFrame: frame === event.sender.mainFrame,
        load: typeof load === 'string' && load !== '' ? load : null,
      },
      message,
      reply: (text) => {
        if (!frame.isDestroyed()) frame.send(EVENT_CHANNEL, text);
      },
    });
  };

  #lost(reason: string): void {
    if (this.#closing) return;
    this.#options.log.error('the UI was lost', { reason, code: 'UI_CRASHED' });
    this.#emitter.emit('crashed', { reason });
    setTimeout(() => {
      if (this.#closing || this.#window.isDestroyed()) return;
      this.open().catch((error: unknown) =>
        this.#options.log.error('the UI could not be loaded again', { error }),
      );
    }, RELOAD_PAUSE_MS);
  }

  async #responds(): Promise<boolean> {
    const { webContents } = this.#window;
    if (webContents.isCrashed()) return false;
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), 3_000);
    });
    const answer = webContents.executeJavaScriptInIsolatedWorld(999, [{ code: '1' }]);
    try {
      return await Promise.race([answer.then(() => true), silence]);
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** How main tells a preload what it is for (preload/electron-config.ts). */
function argument(kind: 'ui' | 'view', config: object): string {
  return `--vestibule-${kind}=${encodeURIComponent(JSON.stringify(config))}`;
}
