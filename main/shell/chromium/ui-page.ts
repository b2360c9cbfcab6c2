/** The UI's page: it has the bridge, and it stays on the UI's origin. */
import type { IncomingCall } from '../shell.ts';
import { Bridge } from './bridge.ts';
import type { DevtoolsPipe, DevtoolsSession } from './connection.ts';
import { arrives, navigate, responds } from './page.ts';
import type { Scripts } from './scripts.ts';

export interface UiPageOptions {
  readonly pipe: DevtoolsPipe;
  readonly session: DevtoolsSession;
  readonly targetId: string;
  readonly uiOrigin: string;
  readonly scripts: Scripts;
  /** The name of the event between the two worlds. */
  readonly handshake: string;
  /** The window was made with the UI's address: the first load is under way already. */
  readonly onItsWay: boolean;
  onCall(call: IncomingCall): void;
  onChord(): void;
  /** The page died, or left the UI's origin by a way that is not a request. */
  onLost(reason: string): void;
}

export class UiPage {
  readonly #options: UiPageOptions;
  readonly #session: DevtoolsSession;
  readonly #bridge: Bridge;
  #arrived = false;
  readonly #arrival = Promise.withResolvers<true>();
  #onItsWay: boolean;

  constructor(options: UiPageOptions) {
    this.#options = options;
    this.#session = options.session;
    this.#onItsWay = options.onItsWay;
    this.#listen();
    this.#session.post('Inspector.enable');
    this.#session.post('Page.enable');
    this.#bridge = new Bridge({
      ...options,
      origins: [options.uiOrigin],
      strip: null,
      prepare: (session) =>
        session.post('Page.setInterceptFileChooserDialog', { enabled: true, cancel: true }),
    });
    this.#session.post('Runtime.runIfWaitingForDebugger');
  }

  /** See {@link Bridge.prepared}. */
  get prepared(): Promise<unknown> {
    return this.#bridge.prepared;
  }

  /** Also the id of the page's main frame. */
  get targetId(): string {
    return this.#options.targetId;
  }

  /**
   * Navigates to the UI's entry page; resolves once Chromium has accepted the document. Whether it
   * can be used, the page itself says (`ui.rendered`).
   * @throws KioskError `TIMEOUT`, `UI_CRASHED`, `BRIDGE_CLOSED`
   */
  load(): Promise<void> {
    if (this.#onItsWay) {
      this.#onItsWay = false;
      return arrives(this.#arrival.promise);
    }
    return navigate(this.#session, `${this.#options.uiOrigin}/`);
  }

  /** True when the page's main thread answers. A page in an endless loop does not. */
  responds(): Promise<boolean> {
    return responds(this.#session);
  }

  /**
   * Ends the page's process, which works on a hung one; `onLost` follows. The command interrupts
   * the renderer's input/output thread, so that it does not wait for the page's own.
   */
  kill(): void {
    // Its answer is that the page is gone.
    this.#session.send('Page.crash').catch(() => {});
  }

  raise(): Promise<void> {
    return this.#session.send('Page.bringToFront');
  }

  /** Hands a message to the page; without a document that listens it is dropped. */
  deliver(message: string): void {
    this.#bridge.deliver(message);
  }

  #listen(): void {
    const { uiOrigin } = this.#options;
    const session = this.#session;
    session.on('Page.frameNavigated', ({ frame }) => {
      if (frame.parentId !== undefined) return;
      if (new URL(frame.url).origin === uiOrigin) {
        this.#arrived = true;
        this.#arrival.resolve(true);
      }
      // Before that it is the browser's own first page.
      else if (this.#arrived) this.#options.onLost('left its origin');
    });
    session.on('Page.javascriptDialogOpening', ({ type }) => {
      // A page that asks "leave?" must not hold up a reload; other dialogs have no place here.
      session.post('Page.handleJavaScriptDialog', { accept: type === 'beforeunload' });
    });
    session.on('Inspector.targetCrashed', () => this.#options.onLost('crashed'));
  }
}
