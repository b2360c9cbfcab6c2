/** What the scripts in pages are told: the contract without its schemas, and who may use it. */
import {
  CALLS,
  type CallName,
  EVENTS,
  type EventName,
  MAX_MESSAGE_LENGTH,
} from '../../preload/contract/contract.ts';
import { RETURN_CHORD } from './shell.ts';

export interface BridgeConfig {
  /** Whose top frame gets `window.kiosk`. */
  readonly origins: readonly string[];
  /** The event that carries the port between the two worlds; a fresh name per run. */
  readonly handshake: string;
  /** The strip over pages of the campus; null over the UI. */
  readonly strip: { readonly title: string; readonly backLabel: string } | null;
}

interface ContractNames {
  readonly calls: readonly CallName[];
  readonly events: readonly EventName[];
  readonly maxMessageLength: number;
}

/** What the scripts of a page make `window.kiosk` from. */
export function contractNames(): ContractNames {
  return {
    // `Object.keys` of a closed table: exactly its names.
    calls: Object.keys(CALLS) as CallName[],
    events: Object.keys(EVENTS) as EventName[],
    maxMessageLength: MAX_MESSAGE_LENGTH,
  };
}

/** The configuration of the scripts of the UI's page and of the campus's pages (preload/config.ts). */
export function bridgeConfig({ origins, handshake, strip }: BridgeConfig): BridgeConfig & {
  readonly names: ContractNames;
  readonly chordCode: string;
} {
  return { origins, handshake, strip, names: contractNames(), chordCode: RETURN_CHORD.code };
}
