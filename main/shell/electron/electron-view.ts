/** A web session under Electron: a view over the UI's window, in a partition that is wiped. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserWindow, Session, WebContentsView } from 'electron';
import { hostAllowed, refusalPage } from '../policy.ts';
import { RETURN_CHORD, type View, type ViewOptions } from '../shell.ts';
import { denyPermissions, hardenPage } from './hardening.ts';
import { toOriginRequest, toResponse } from './origin-handler.ts';

export interface ElectronViewOptions extends ViewOptions {
  readonly electron: typeof import('electron');
  readonly window: BrowserWindow;
  readonly preloadFolder: string;
  readonly dataFolder: string;
  onChord(): void;
}

export class ElectronView implements View {
  readonly id: string;
  readonly closed: Promise<{ readonly crashed: boolean }>;
  readonly #options: ElectronViewOptions;
  readonly #session: Session;
  readonly #view: WebContentsView;
  readonly #downloads: string;
  #settle: (end: { readonly crashed: boolean }) => void = () => {};
  #over = false;

  constructor(options: ElectronViewOptions) {
    this.id = options.id;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#downloads = join(options.dataFolder, 'downloads', options.id);
    // Without the `persist:` prefix a partition lives in memory.
    this.#session = options.electron.session.fromPartition(`view-${options.id}`);
    this.#restrict();
    const config = {
      chordCode: RETURN_CHORD.code,
      title: options.title,
      backLabel: options.backLabel,
      uploads: options.uploads,
    };
    this.#view = new options.electron.WebContentsView({
      webPreferences: {
        session: this.#session,
        preload: join(options.preloadFolder, 'electron-view.cjs'),
        additionalArguments: [`--vestibule-view=${encodeURIComponent(JSON.stringify(config))}`],
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        devTools: false,
        spellcheck: false,
      },
    });
    const { webContents } = this.#view;
    hardenPage(webContents, {
      mayNavigate: (url) => /^https?:$/.test(url.protocol),
      onPopup: (url) => {
        if (/^https?:$/.test(url.protocol)) void webContents.loadURL(url.href).catch(() => {});
      },
      onChord: options.onChord,
    });
    webContents.on('render-process-gone', () => void this.#end(true));
    options.window.contentView.addChildView(this.#view);
    this.#fit();
    options.window.on('resize', this.#fit);
    // Its failure is the page's to show.
    void webContents.loadURL(options.url).catch(() => {});
  }

  /** True when the strip of this view sent the message. */
  owns(webContentsId: number): boolean {
    return !this.#over && this.#view.webContents.id === webContentsId;
  }

  async show(): Promise<void> {
    // Adding it again puts it on top.
    this.#options.window.contentView.addChildView(this.#view);
    this.#view.setVisible(true);
    this.#view.webContents.focus();
  }

  async hide(): Promise<void> {
    this.#view.setVisible(false);
    this.#options.window.webContents.focus();
  }

  async close(): Promise<void> {
    await this.#end(false);
  }

  async #end(crashed: boolean): Promise<void> {
    if (this.#over) {
      await this.closed;
      return;
    }
    this.#over = true;
    const { window } = this.#options;
    if (!window.isDestroyed()) {
      window.off('resize', this.#fit);
      window.contentView.removeChildView(this.#view);
      window.webContents.focus();
    }
    this.#view.webContents.close();
    await this.#session.clearStorageData();
    await this.#session.clearCache();
    rmSync(this.#downloads, { recursive: true, force: true });
    this.#settle({ crashed });
  }

  readonly #fit = (): void => {
    const [width = 0, height = 0] = this.#options.window.getContentSize();
    this.#view.setBounds({ x: 0, y: 0, width, height });
  };

  #restrict(): void {
    const { hosts, title, refusedText, downloads, offline } = this.#options;
    denyPermissions(this.#session, null);
    if (downloads) {
      mkdirSync(this.#downloads, { recursive: true, mode: 0o700 });
      this.#session.setDownloadPath(this.#downloads);
    } else this.#session.on('will-download', (event) => event.preventDefault());
    // Websockets pass by `protocol.handle`; this sees every scheme.
    this.#session.webRequest.onBeforeRequest((details, done) => {
      const { protocol, hostname } = new URL(details.url);
      const document = details.resourceType === 'mainFrame' || details.resourceType === 'subFrame';
      const network = /^(https?|wss?|ftp):$/.test(protocol);
      // Documents go on to the handler below, which shows why they are refused.
      done({ cancel: network && !document && !hostAllowed(hostname, hosts) });
    });
    for (const scheme of ['http', 'https']) {
      this.#session.protocol.handle(scheme, async (request) => {
        if (!hostAllowed(new URL(request.url).hostname, hosts)) {
          return toResponse(refusalPage(title, refusedText));
        }
        try {
          return await this.#session.fetch(request, { bypassCustomProtocolHandlers: true });
        } catch (error) {
          const saved = await offline?.(toOriginRequest(request));
          if (saved) return toResponse(saved);
          throw error;
        }
      });
    }
  }
}
