/** What main tells the injected scripts; a constant in front of each of them. */
import type { ContractNames } from './client.ts';

/** For the UI's page and its frames, and for pages of the campus in front of it. */
export interface InjectedConfig {
  /** Whose top frame gets `window.kiosk`. */
  readonly origins: readonly string[];
  readonly names: ContractNames;
  readonly chordCode: string;
  /** The event that carries the port between the two worlds; a fresh name per run. */
  readonly handshake: string;
  /** The strip over pages of the campus; null over the UI. */
  readonly strip: { readonly title: string; readonly backLabel: string } | null;
}

/** For a web session's page and its frames. */
export interface ViewConfig {
  readonly chordCode: string;
  readonly title: string;
  readonly backLabel: string;
  readonly uploads: boolean;
}

/** The functions that the DevTools bindings put into the isolated world. */
export interface Bindings {
  /** The load of the document (see load.ts), a line end, the message. */
  readonly vestibuleCall: (loadAndMessage: string) => void;
  readonly vestibuleChord: (nothing: string) => void;
}
