/**
 * A DevTools connection over the pipe that `--remote-debugging-pipe` opens: JSON messages, each
 * ended by a NUL byte (Chromium, content/browser/devtools/devtools_pipe_handler.cc). There is no
 * TCP port, so no other program of this computer can speak to the browser.
 */
import type { Readable, Writable } from 'node:stream';
import type { ProtocolMapping } from 'devtools-protocol/types/protocol-mapping.js';
import { KioskError } from '../../base/errors.ts';

export type Command = keyof ProtocolMapping.Commands;
export type CommandParams<C extends Command> = ProtocolMapping.Commands[C]['paramsType'];
export type CommandResult<C extends Command> = ProtocolMapping.Commands[C]['returnType'];
export type DevtoolsEvent = keyof ProtocolMapping.Events;
export type EventParams<E extends DevtoolsEvent> = ProtocolMapping.Events[E] extends [infer P]
  ? P
  : undefined;

/** One DevTools session: the browser itself, or a page, frame or worker that it was attached to. */
export interface DevtoolsSession {
  /**
   * @throws KioskError `BRIDGE_CLOSED` once the session or the browser is gone, `INTERNAL` with
   * the browser's words when it refuses
   */
  send<C extends Command>(command: C, ...params: CommandParams<C>): Promise<CommandResult<C>>;
  /** {@link send} whose failure nobody waits for: it matters only if the page is still there. */
  post<C extends Command>(command: C, ...params: CommandParams<C>): void;
  /** Returns the function that stops listening. */
  on<E extends DevtoolsEvent>(event: E, listener: (params: EventParams<E>) => void): () => void;
}

interface Incoming {
  readonly id?: number;
  readonly sessionId?: string;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message: string };
}

interface Waiting {
  readonly command: string;
  readonly sessionId: string;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** The browser's own session has no id on the wire. */
const BROWSER = '';

export class DevtoolsPipe {
  readonly browser: DevtoolsSession;
  /** Settles when the pipe is closed, and with it every call that was under way. */
  readonly closed: Promise<void>;
  readonly #output: Writable;
  readonly #waiting = new Map<number, Waiting>();
  readonly #sessions = new Map<string, Session>();
  readonly #onError: (error: unknown) => void;
  #lastId = 0;
  #open = true;
  #close: () => void = () => {};

  /**
   * @param output the browser's file descriptor 3
   * @param input its file descriptor 4
   * @param onError hears of listeners that throw
   */
  constructor(output: Writable, input: Readable, onError: (error: unknown) => void) {
    this.#output = output;
    this.#onError = onError;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    this.browser = this.session(BROWSER);
    let parts: Buffer[] = [];
    input.on('data', (chunk: Buffer) => {
      let start = 0;
      for (let end = chunk.indexOf(0); end !== -1; end = chunk.indexOf(0, start)) {
        parts.push(chunk.subarray(start, end));
        const text = Buffer.concat(parts).toString('utf8');
        parts = [];
        start = end + 1;
        this.#receive(JSON.parse(text));
      }
      if (start < chunk.length) parts.push(chunk.subarray(start));
    });
    input.on('close', () => this.#closed());
    input.on('end', () => this.#closed());
    input.on('error', () => this.#closed());
    output.on('error', () => this.#closed());
  }

  /** The session of that id, as `Target.attachedToTarget` named it. */
  session(id: string): DevtoolsSession {
    let session = this.#sessions.get(id);
    if (!session) {
      session = new Session(this, id, this.#onError);
      this.#sessions.set(id, session);
    }
    return session;
  }

  request(sessionId: string, command: string, params: unknown): Promise<unknown> {
    if (!this.#open || !this.#sessions.has(sessionId)) return Promise.reject(gone(command));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { command, sessionId, resolve, reject });
      const message = { id, method: command, params };
      this.#output.write(
        `${JSON.stringify(sessionId === BROWSER ? message : { ...message, sessionId })}\0`,
      );
    });
  }

  #receive(message: Incoming): void {
    if (message.id !== undefined) {
      const call = this.#waiting.get(message.id);
      if (!call) return;
      this.#waiting.delete(message.id);
      if (message.error) {
        call.reject(new KioskError('INTERNAL', `${call.command}: ${message.error.message}`));
      } else call.resolve(message.result);
      return;
    }
    if (message.method === undefined) return;
    this.#sessions.get(message.sessionId ?? BROWSER)?.receive(message.method, message.params);
    if (message.method === 'Target.detachedFromTarget') {
      const { sessionId } = message.params as EventParams<'Target.detachedFromTarget'>;
      this.#sessions.delete(sessionId);
      this.#rejectAll((call) => call.sessionId === sessionId);
    }
  }

  #closed(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#rejectAll(() => true);
    this.#close();
  }

  #rejectAll(which: (call: Waiting) => boolean): void {
    for (const [id, call] of this.#waiting) {
      if (!which(call)) continue;
      this.#waiting.delete(id);
      call.reject(gone(call.command));
    }
  }
}

class Session implements DevtoolsSession {
  readonly #pipe: DevtoolsPipe;
  readonly #id: string;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Map<string, Set<(params: unknown) => void>>();

  constructor(pipe: DevtoolsPipe, id: string, onError: (error: unknown) => void) {
    this.#pipe = pipe;
    this.#id = id;
    this.#onError = onError;
  }

  send<C extends Command>(command: C, ...params: CommandParams<C>): Promise<CommandResult<C>> {
    // The protocol's own types say what each command answers; the browser is the authority.
    return this.#pipe.request(this.#id, command, params[0] ?? {}) as Promise<CommandResult<C>>;
  }

  post<C extends Command>(command: C, ...params: CommandParams<C>): void {
    this.send(command, ...params).catch((error: unknown) => {
      if (!(error instanceof KioskError && error.code === 'BRIDGE_CLOSED')) this.#onError(error);
    });
  }

  on<E extends DevtoolsEvent>(event: E, listener: (params: EventParams<E>) => void): () => void {
    const set = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, set);
    const untyped = listener as (params: unknown) => void;
    set.add(untyped);
    return () => {
      set.delete(untyped);
    };
  }

  receive(event: string, params: unknown): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) {
      try {
        listener(params);
      } catch (error) {
        this.#onError(error);
      }
    }
  }
}

function gone(command: string): KioskError {
  return new KioskError('BRIDGE_CLOSED', `${command}: the browser or its page is gone.`);
}
