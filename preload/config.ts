/** What main tells the injected scripts; a constant in front of each of them. */
import type { ContractNames } from './client.ts';

/** For the UI's page and its frames. */
export interface InjectedConfig {
  readonly uiOrigin: string;
  readonly names: ContractNames;
  readonly chordCode: string;
  /** The event that carries the port between the two worlds; a fresh name per run. */
  readonly handshake: string;
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
  readonly vestibuleCall: (message: string) => void;
  readonly vestibuleChord: (nothing: string) => void;
}
