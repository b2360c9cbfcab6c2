/**
 * The engine port: how the session manager starts something that a person can use, whatever it
 * is. One engine per kind and implementation; `main/app.ts` hands them to the manager.
 */
import type { ErrorCode, WireError } from '../../preload/contract/errors.ts';
import type { Person, SessionKind, SessionQuestion } from '../../preload/contract/model.ts';
import type { ManifestEntry } from '../base/manifest.ts';

/** What was answered. Who vouched for a certificate has been checked. */
export type SessionReply =
  | {
      readonly type: 'credentials';
      readonly user: string;
      readonly domain: string;
      readonly secret: string;
    }
  | { readonly type: 'certificate' };

/**
 * Asks at the screen, in the kiosk's own UI; also while the session runs. One question at a time.
 * @throws the session's abort reason when it ends first
 */
export type Ask = <T extends SessionQuestion['type']>(
  question: Extract<SessionQuestion, { type: T }>,
) => Promise<Extract<SessionReply, { type: T }>>;

export interface StartRequest<E extends ManifestEntry = ManifestEntry> {
  /** Unique on this kiosk, safe as a file name. */
  readonly sessionId: string;
  /** The same for all sessions of one click; machines of a group share a private network. */
  readonly groupId: string;
  readonly entry: E;
  /** For a vm entry: which of `entry.machines`. Else 0. */
  readonly machineIndex: number;
  readonly person: Person;
  /** Aborted when the person stops the session while it is still being prepared. */
  readonly signal: AbortSignal;
  /** Called when all it needs is at hand and the program is being started. */
  launching(): void;
  /** 0 to 1, while preparing. */
  progress(fraction: number): void;
  /** Something asked for is missing; the session goes on without it. */
  notice(error: WireError): void;
  readonly ask: Ask;
}

/** How a session ended. `error` undefined: it ended by itself or was asked to. */
export interface SessionEnd {
  readonly error?: { readonly code: ErrorCode; readonly message: string };
}

/** Where the picture of a running session comes from. */
export type Surface =
  /** Drawn in a frame of the page by spice-html5, through the bridge to this unix socket. */
  | { readonly type: 'spice-socket'; readonly path: string; readonly password: string }
  /** Drawn in a frame of the page; each call gives a fresh one-time address for it. */
  | { readonly type: 'frame'; readonly protocol: 'spice' | 'rdp'; open(): Promise<string> }
  /** Laid over the page by the shell (`view`), or a window of its own (`native`). */
  | { readonly type: 'view' | 'native'; show(): Promise<void>; hide(): Promise<void> };

export interface RunningSession {
  readonly surface: Surface;
  /** Settles once, when the session is over and everything it held is released. */
  readonly ended: Promise<SessionEnd>;
  /** Asks politely (ACPI power button, logout); resolves when asked, not when ended. */
  stop(): Promise<void>;
  /** Ends it without asking; `ended` settles soon after. */
  kill(): Promise<void>;
}

/** What an adopted session was, remembered by the engine across a restart of main. */
export interface AdoptedSession {
  readonly sessionId: string;
  readonly groupId: string;
  readonly entryId: string;
  readonly title: ManifestEntry['title'];
  readonly machine: string | null;
  readonly personId: string;
  readonly startedAt: number;
  readonly running: RunningSession;
}

export interface Engine<E extends ManifestEntry = ManifestEntry> {
  readonly kind: SessionKind;
  readonly surface: 'frame' | 'view' | 'native';
  /**
   * Prepares and launches; resolves when the session runs.
   * @throws KioskError with the reason; nothing is left behind
   */
  start(request: StartRequest<E>): Promise<RunningSession>;
  /** Finds what still runs after a restart of main. */
  adopt?(): Promise<AdoptedSession[]>;
}
