/**
 * The shell port: what puts the UI on the screen. Two adapters, Electron and Chromium over the
 * DevTools pipe, pass one conformance suite (test/shell). Nothing above this file knows which.
 */
import type { EventName, EventPayload } from '../../preload/contract/contract.ts';

/** The key chord that always leads back to the tiles, whatever has the focus. */
export const RETURN_CHORD = {
  /** `KeyboardEvent.code` of the key pressed with Ctrl and Alt. */
  code: 'Home',
  /** As shown to people. */
  label: 'Ctrl+Alt+Home',
  /** As Electron's accelerators spell it. */
  accelerator: 'Ctrl+Alt+Home',
} as const;

/** Answers a request of the UI's or the display's origin: the only way these origins get bytes. */
export interface OriginRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: ReadonlyMap<string, string>;
  /** Of a form that is sent; absent: there is none. */
  readonly body?: Uint8Array;
}
export interface OriginResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  /** `Set-Cookie` lines: the only header that may not be joined to one (RFC 6265, 3). */
  readonly cookies?: readonly string[];
}
export type ServeOrigin = (request: OriginRequest) => Promise<OriginResponse>;

export interface Caller {
  readonly origin: string;
  readonly topFrame: boolean;
  /**
   * Which load of the UI the document belongs to, so that the last words of an old page are not
   * taken for those of the page that replaces it: the description of `vestibule-load` in the
   * `Server-Timing` header of its own response, which the browser keeps with the document and the
   * isolated world reads. Null where the response named none.
   */
  readonly load: string | null;
}

/** A call as it arrives, with what the shell knows of the caller (not what the page claims). */
export interface IncomingCall {
  readonly caller: Caller;
  /** As received: unparsed, of any size. */
  readonly message: string;
  /** Sends the reply; a page that went away in the meantime gets nothing. */
  reply(message: string): void;
}

export interface ViewOptions {
  readonly id: string;
  readonly url: string;
  /** Shown in the strip at the top of the view. */
  readonly title: string;
  /** The strip's button in the person's language, e.g. `Back (Ctrl+Alt+Home)`. */
  readonly backLabel: string;
  /** The sentence in place of a page that the view may not reach, in the person's language. */
  readonly refusedText: string;
  /** Hosts the view may reach, `*.` prefix allowed. */
  readonly hosts: readonly string[];
  readonly downloads: boolean;
  readonly uploads: boolean;
  readonly print: boolean;
  /** Serves saved pages when the network does not answer; undefined: let the network decide. */
  readonly offline?: (request: OriginRequest) => Promise<OriginResponse | undefined>;
}

/** Pages of existing servers in front of the UI, see docs/adr/0012-pages-as-ui.md. */
export interface PagesOptions {
  readonly id: string;
  readonly start: string;
  /** Exact origins whose requests `serve` answers; everything else is refused. */
  readonly origins: readonly string[];
  /** Those of them whose top frame gets `window.kiosk`. */
  readonly privileged: readonly string[];
  /** Shown in the strip at the top. */
  readonly title: string;
  /** The strip's button, which leads to the UI behind, in the person's language. */
  readonly backLabel: string;
  /** The sentence in place of a page of another origin, in the person's language. */
  readonly refusedText: string;
  readonly serve: ServeOrigin;
}

/** A web session's page: no bridge, a storage of its own that is wiped at its end. */
export interface View {
  readonly id: string;
  /** Settles when the view is gone and its storage wiped. */
  readonly closed: Promise<{ readonly crashed: boolean }>;
  show(): Promise<void>;
  hide(): Promise<void>;
  close(): Promise<void>;
}

export type ShellEvents = {
  /** The UI's page died or hung; the shell is loading it again. */
  crashed: { readonly reason: string };
  /** The person pressed the return chord, wherever the focus was. */
  returnChord: Record<string, never>;
  /** The window is gone for good (developer closed it, display server ended). */
  closed: Record<string, never>;
};

export interface ShellOptions {
  /** False for developers: a window instead of the whole screen. */
  readonly kiosk: boolean;
  /** Developer tools; never in production. */
  readonly developer: boolean;
  readonly serveUi: ServeOrigin;
  readonly serveDisplay: ServeOrigin;
  readonly onCall: (call: IncomingCall) => void;
  /** Profile, sockets and caches of this run. */
  readonly dataFolder: string;
  readonly uiOrigin: string;
  readonly displayOrigin: string;
  /** Where scripts/build-preload.ts put the scripts that run in pages. */
  readonly preloadFolder: string;
}

export interface Shell {
  readonly kind: 'electron' | 'chromium';
  /** Program and version, e.g. `Chromium 156.0`. */
  readonly version: string;
  /** TCP port of the DevTools endpoint on loopback; null unless `ShellOptions.developer`. */
  readonly developerPort: number | null;
  /** Shows the UI's entry page; resolves when the browser has accepted its document. */
  open(): Promise<void>;
  /** Loads the UI again (a new version was staged, or a rollback). */
  reload(): Promise<void>;
  emit<N extends EventName>(event: N, payload: EventPayload<N>): void;
  openView(options: ViewOptions): Promise<View>;
  /**
   * Opens pages behind the UI, in a storage of their own that is wiped at their end; resolves when
   * the browser has accepted the start page. The strip and the return chord say `returnChord`.
   * The view ends as crashed when its process dies or no longer answers.
   * @throws KioskError `TIMEOUT`, `UI_CRASHED`, `BRIDGE_CLOSED`; nothing is left behind
   */
  openPages(options: PagesOptions): Promise<View>;
  on<N extends keyof ShellEvents>(
    event: N,
    listener: (payload: ShellEvents[N]) => void,
  ): () => void;
  /** Ends everything that the shell started; resolves when it is gone. */
  close(): Promise<void>;
}
