/**
 * A page over the UI's window under Electron, in a partition of its own that is wiped: a web session
 * (web-session.ts), or pages of the campus (pages-session.ts).
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserWindow, Session, WebContents, WebContentsView } from 'electron';
import type { View } from '../shell.ts';
import { hardenPage } from './hardening.ts';

export interface ElectronViewOptions {
  readonly id: string;
  readonly electron: typeof import('electron');
  readonly window: BrowserWindow;
  /** Prepared by {@link webSession} or {@link pagesSession}. */
  readonly session: Session;
  readonly preload: string;
  /** What the preload reads (preload/electron-config.ts). */
  readonly argument: string;
  /** Goes with the view. */
  readonly downloads: string;
  /** Whether the page may be led to an address, or open it in a window (which is this one). */
  allowed(url: URL): boolean;
  onChord(): void;
}

/** Where a view's downloads go until its end. */
export function downloadsOf(dataFolder: string, id: string): string {
  return join(dataFolder, 'downloads', id);
}

export class ElectronView implements View {
  readonly id: string;
  readonly closed: Promise<{ readonly crashed: boolean }>;
  readonly #options: ElectronViewOptions;
  readonly #view: WebContentsView;
  #settle: (end: { readonly crashed: boolean }) => void = () => {};
  #over = false;

  constructor(options: ElectronViewOptions) {
    this.id = options.id;
    this.#options = options;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.#view = new options.electron.WebContentsView({
      webPreferences: {
        session: options.session,
        preload: options.preload,
        additionalArguments: [options.argument],
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        devTools: false,
        spellcheck: false,
      },
    });
    const { webContents } = this.#view;
    hardenPage(webContents, {
      mayNavigate: (url) => options.allowed(url),
      onPopup: (url) => {
        if (options.allowed(url)) void webContents.loadURL(url.href).catch(() => {});
      },
      onChord: options.onChord,
    });
    webContents.on('render-process-gone', () => void this.#end(true));
    // Electron says so after a while of silence; the process is ended so that the above follows.
    webContents.on('unresponsive', () => webContents.forcefullyCrashRenderer());
    options.window.contentView.addChildView(this.#view);
    this.#fit();
    options.window.on('resize', this.#fit);
  }

  get webContents(): WebContents {
    return this.#view.webContents;
  }

  /** True when a document of this view sent the message. */
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
    const { window, session, downloads } = this.#options;
    if (!window.isDestroyed()) {
      window.off('resize', this.#fit);
      window.contentView.removeChildView(this.#view);
      window.webContents.focus();
    }
    this.#view.webContents.close();
    await session.clearStorageData();
    await session.clearCache();
    rmSync(downloads, { recursive: true, force: true });
    this.#settle({ crashed });
  }

  readonly #fit = (): void => {
    const [width = 0, height = 0] = this.#options.window.getContentSize();
    this.#view.setBounds({ x: 0, y: 0, width, height });
  };
}
