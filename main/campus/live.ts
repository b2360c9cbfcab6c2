/**
 * What this kiosk is doing now, for the campus that shows its rooms live: the latest state only,
 * at most once in two seconds, and never kept. Reports (outbox.ts) are what must not get lost.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type { Json } from '../../preload/contract/errors.ts';
import { KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import { saysAbsent } from './faults.ts';
import type { CampusHttp } from './http.ts';

export interface LiveStateOptions {
  readonly http: Pick<CampusHttp, 'post'>;
  /** The endpoint; undefined while the campus has none or cannot be reached: nothing is sent. */
  readonly endpoint: () => string | undefined;
  /** Sent with each state. */
  readonly about: () => { readonly kiosk: string; readonly [key: string]: Json };
  readonly log: Logger;
  /** Milliseconds between two states. Default 2 000. */
  readonly everyMs?: number;
}

/** A campus that lacks the service is asked again after this time: it may get one. */
const ABSENT_MS = 5 * 60_000;

export class LiveState {
  readonly #options: LiveStateOptions;
  readonly #closing = new AbortController();
  #next: { readonly [key: string]: Json } | undefined;
  #sent = '';
  #sending: Promise<void> | undefined;

  constructor(options: LiveStateOptions) {
    this.#options = options;
  }

  /** Says the state; a newer one replaces what was not sent yet. */
  set(state: { readonly [key: string]: Json }): void {
    this.#next = state;
    if (this.#closing.signal.aborted) return;
    this.#sending ??= this.#sendAll().finally(() => {
      this.#sending = undefined;
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sending;
  }

  async #sendAll(): Promise<void> {
    const { signal } = this.#closing;
    while (this.#next && !signal.aborted) {
      const state = this.#next;
      this.#next = undefined;
      const wait = await this.#send(state);
      await pause(wait, undefined, { signal, ref: false }).catch(() => {});
    }
  }

  /** @returns how long to be silent, in milliseconds */
  async #send(state: { readonly [key: string]: Json }): Promise<number> {
    const { http, endpoint, about, log, everyMs = 2_000 } = this.#options;
    const url = endpoint();
    const json = { ...about(), ...state };
    const text = JSON.stringify(json);
    if (url === undefined || text === this.#sent) return everyMs;
    try {
      const { signal } = this.#closing;
      await http.post(url, { json, accept: [200, 202, 204], maxBytes: 64 * 1024, signal });
      this.#sent = text;
      return everyMs;
    } catch (error) {
      if (this.#closing.signal.aborted) return 0;
      const code = error instanceof KioskError ? error.code : 'INTERNAL';
      log.debug('the campus does not take live states', { code });
      if (saysAbsent(error)) return ABSENT_MS;
      // Said again unless something newer comes: the last state of a transfer should arrive.
      this.#next ??= state;
      return everyMs * 5;
    }
  }
}
