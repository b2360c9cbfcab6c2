/**
 * `window.kiosk` over any transport. Runs in the page's own world (Chromium) or behind the
 * context bridge (Electron), before any script of the page, so it trusts no global later on.
 *
 * It imports types only: the names come from main, so that neither zod nor the schemas are
 * loaded into every document.
 */
import type { CallName, EventName, KioskApi } from './contract/contract.ts';
import type { ErrorCode, Json, WireError } from './contract/errors.ts';
import type { PageMessage } from './contract/wire.ts';

/** How messages travel; strings only, so that both worlds agree on what was said. */
export interface Transport {
  send(message: string): void;
  /** Called once, before the first `send`. */
  onMessage(receive: (message: string) => void): void;
}

/** The contract's names and limits, from `CALLS`, `EVENTS` and `MAX_MESSAGE_LENGTH`. */
export interface ContractNames {
  readonly calls: readonly CallName[];
  readonly events: readonly EventName[];
  readonly maxMessageLength: number;
}

/** What a call rejects with. `code` is stable; `message` is for logs. */
export class KioskCallError extends Error {
  readonly code: ErrorCode;
  readonly details: { [key: string]: Json } | undefined;

  constructor(error: WireError) {
    super(error.message);
    this.name = 'KioskCallError';
    this.code = error.code;
    this.details = error.details;
  }
}

interface Waiting {
  resolve(result: Json): void;
  reject(error: unknown): void;
}

/**
 * Builds the frozen `window.kiosk`.
 *
 * @param toError what a refused call rejects with; the context bridge copies errors without their
 * own properties, so Electron passes one that survives it
 */
export function createKiosk(
  transport: Transport,
  names: ContractNames,
  toError: (error: WireError) => unknown = (error) => new KioskCallError(error),
): KioskApi {
  // The page may replace these globals; what a document gets is what was there first.
  const { stringify, parse } = JSON;
  const waiting = new Map<number, Waiting>();
  const listeners = new Map<string, Set<(payload: Json) => void>>(
    names.events.map((name) => [name, new Set()]),
  );
  // 0 is main's answer to a message whose id it could not read.
  let lastId = 0;

  transport.onMessage((text) => {
    const message: PageMessage = parse(text);
    if ('event' in message) {
      if (message.event === 'state.changed') firstState = undefined;
      for (const listener of [...(listeners.get(message.event) ?? [])]) {
        try {
          listener(message.payload);
        } catch (error) {
          reportError(error);
        }
      }
      return;
    }
    const call = waiting.get(message.id);
    if (!call) return;
    waiting.delete(message.id);
    if ('error' in message) call.reject(toError(message.error));
    else call.resolve(message.result);
  });

  function call(method: CallName, params: unknown): Promise<Json> {
    return new Promise((resolve, reject) => {
      const id = ++lastId;
      const message = stringify({ id, method, params: params ?? {} });
      if (message.length > names.maxMessageLength) {
        const error: WireError = {
          code: 'BRIDGE_MESSAGE_TOO_LARGE',
          message: 'The message is too large.',
        };
        throw toError(error);
      }
      waiting.set(id, { resolve, reject });
      transport.send(message);
    });
  }

  function on(event: string, listener: (payload: Json) => void): () => void {
    const set = listeners.get(event);
    if (!set) throw new TypeError(`There is no event "${event}".`);
    if (typeof listener !== 'function') throw new TypeError('The listener is not a function.');
    set.add(listener);
    return () => {
      set.delete(listener);
    };
  }

  // Every UI asks for the state as soon as its scripts have arrived. Asked now, the answer is there
  // by then; a change in between makes it stale.
  let firstState: Promise<Json> | undefined = call('state.get', {});
  firstState.catch(() => {});
  function state(): Promise<Json> {
    const answer = firstState ?? call('state.get', {});
    firstState = undefined;
    return answer;
  }

  const api: Record<string, unknown> = { version: 1, on };
  const scopes: Record<string, Record<string, unknown>> = {};
  for (const name of names.calls) {
    const [scope = '', member = ''] = name.split('.');
    scopes[scope] ??= {};
    scopes[scope][member] = name === 'state.get' ? state : (params?: unknown) => call(name, params);
  }
  for (const [scope, members] of Object.entries(scopes)) api[scope] = Object.freeze(members);
  // Built from the names of the same contract that the type is derived from.
  return Object.freeze(api) as unknown as KioskApi;
}
