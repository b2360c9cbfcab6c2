/**
 * Server-sent events (HTML Living Standard, 9.2): the campus says that something changed, and the
 * kiosk then looks at the signed source. An event is only ever a hint, so it needs no trust.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { backoff } from '../base/backoff.ts';
import { isAbort, KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { Answer } from './exchange.ts';
import { httpError, isTransient } from './faults.ts';

export interface ServerEvent {
  readonly event: string;
  readonly data: string;
  /** Of this or an earlier event; empty: none was given. */
  readonly lastEventId: string;
}

/** A line, and the data of one event: no campus event comes near it. */
const MAX_EVENT_LENGTH = 64 * 1024;

/** @throws KioskError `CAMPUS_BAD_RESPONSE` for an event without end */
export async function* parseEvents(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<ServerEvent> {
  const decoder = new TextDecoder('utf-8');
  let buffer = '';
  let event = '';
  let data: string[] = [];
  let length = 0;
  let lastEventId = '';
  for await (const chunk of chunks) {
    buffer += decoder.decode(chunk, { stream: true });
    for (;;) {
      const end = /\r\n|\n|\r(?=[\s\S])/.exec(buffer);
      if (end === null) break;
      const line = buffer.slice(0, end.index);
      buffer = buffer.slice(end.index + end[0].length);
      if (line === '') {
        if (data.length > 0)
          yield { event: event || 'message', data: data.join('\n'), lastEventId };
        event = '';
        data = [];
        length = 0;
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') event = value;
      else if (field === 'id' && !value.includes('\0')) lastEventId = value;
      else if (field === 'data') {
        data.push(value);
        length += value.length;
      }
    }
    if (buffer.length + length > MAX_EVENT_LENGTH)
      throw new KioskError('CAMPUS_BAD_RESPONSE', 'The campus sends an event without end.');
  }
}

export interface ListenerOptions {
  /** Opens the stream; throws as `Exchanger.open`. */
  readonly open: (url: string, lastEventId: string, signal: AbortSignal) => Promise<Answer>;
  readonly onEvent: (event: ServerEvent) => void;
  /** The stream broke: the campus may be gone, so the link looks before its time. */
  readonly onBroken: () => void;
  readonly random: () => number;
  readonly log: Logger;
  /** Longest pause before the stream is opened again. */
  readonly backoffCapMs: number;
}

/** A campus without this service is asked again this often: it may get one. */
const ABSENT_MS = 5 * 60_000;

/** Keeps one stream open while there is an endpoint. */
export class EventListener {
  readonly #options: ListenerOptions;
  #url: string | undefined;
  #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /** Listens there from now on; undefined: nowhere. */
  listen(url: string | undefined): void {
    if (url === this.#url) return;
    this.#url = url;
    this.#stopping.abort();
    this.#stopping = new AbortController();
    if (url === undefined) return;
    const { signal } = this.#stopping;
    this.#running = Promise.all([this.#running, this.#keepOpen(url, signal)]).then(() => {});
  }

  async stop(): Promise<void> {
    this.listen(undefined);
    await this.#running;
  }

  async #keepOpen(url: string, signal: AbortSignal): Promise<void> {
    const { random, log, backoffCapMs } = this.#options;
    let lastEventId = '';
    let failures = 0;
    while (!signal.aborted) {
      let wait: number;
      let connected = false;
      try {
        const answer = await this.#options.open(url, lastEventId, signal);
        if (
          answer.status !== 200 ||
          !/^text\/event-stream\b/.test(answer.headers['content-type'] ?? '')
        ) {
          answer.discard();
          throw httpError(answer.url, answer.status);
        }
        failures = 0;
        connected = true;
        for await (const event of parseEvents(answer.body)) {
          lastEventId = event.lastEventId;
          this.#options.onEvent(event);
        }
        wait = backoff(0, { base: 1_000, cap: backoffCapMs, random });
      } catch (error) {
        if (signal.aborted || isAbort(error)) break;
        const absent = error instanceof KioskError && !isTransient(error);
        if (absent) log.info('the campus pushes no events', { code: error.code });
        wait = absent ? ABSENT_MS : backoff(failures++, { base: 1_000, cap: backoffCapMs, random });
      }
      if (connected) this.#options.onBroken();
      await pause(wait, undefined, { signal }).catch(() => {});
    }
  }
}
