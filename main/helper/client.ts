/** Main's side of the root helper: one connection a call; hanging up ends the call's work. */
import { connect, type Socket } from 'node:net';
import { errno, KioskError } from '../base/errors.ts';
import { LineSplitter } from './lines.ts';
import {
  HELPER_SOCKET,
  type HelperProgress,
  HelperReply,
  MAX_REPLY,
  VERBS,
  type Verb,
  type VerbArguments,
  type VerbResult,
} from './protocol.ts';

export interface HelperClientOptions {
  /** Default {@link HELPER_SOCKET}. */
  readonly socket?: string;
  /** How long the helper may be silent. Default 10 000 ms; a long verb speaks up more often. */
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly onProgress?: (progress: HelperProgress) => void;
  readonly signal?: AbortSignal;
  /** Instead of the client's. */
  readonly timeoutMs?: number;
}

export interface HelperClient {
  /** Whether somebody listens and lets us connect. Never rejects. */
  reachable(): Promise<boolean>;
  /**
   * @throws KioskError `HELPER_ABSENT` where nobody listens or we may not connect, `TIMEOUT`,
   * `HELPER_REFUSED`, or the code that the helper gave
   */
  call<V extends Verb>(
    verb: V,
    args: VerbArguments<V>,
    options?: CallOptions,
  ): Promise<VerbResult<V>>;
}

/** Each call has a connection of its own; nothing is held between calls. */
export function createHelperClient(options: HelperClientOptions = {}): HelperClient {
  const { socket: path = HELPER_SOCKET, timeoutMs = 10_000 } = options;
  return {
    reachable: () => canConnect(path),
    async call<V extends Verb>(verb: V, args: VerbArguments<V>, call: CallOptions = {}) {
      const request = { id: 1, verb, arguments: args };
      const answer = await exchange(path, { timeoutMs, ...call }, request);
      const result = VERBS[verb].result.safeParse(answer);
      if (!result.success) throw nonsense(result.error);
      // The schema that was just applied is the verb's own.
      return result.data as VerbResult<V>;
    },
  };
}

function canConnect(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** @returns the helper's result, not yet checked */
async function exchange(
  path: string,
  { timeoutMs, onProgress, signal }: CallOptions & { readonly timeoutMs: number },
  request: unknown,
): Promise<unknown> {
  signal?.throwIfAborted();
  const socket = connect(path);
  let abort = (): void => {};
  try {
    return await new Promise((resolve, reject) => {
      abort = () => reject(signal?.reason);
      signal?.addEventListener('abort', abort, { once: true });
      // Any byte in either direction starts the time anew.
      socket.setTimeout(timeoutMs, () =>
        reject(new KioskError('TIMEOUT', 'The root helper does not answer.')),
      );
      socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
      socket.once('error', (error) => reject(unreachable(error)));
      socket.once('close', () =>
        reject(new KioskError('HELPER_REFUSED', 'The root helper closed the connection.')),
      );
      listen(
        socket,
        (line) => {
          const reply = HelperReply.parse(JSON.parse(line));
          if ('progress' in reply) onProgress?.(reply.progress);
          else if (reply.error === null) resolve(reply.result ?? null);
          else {
            const { code, message, details } = reply.error;
            reject(new KioskError(code, message, details === undefined ? {} : { details }));
          }
        },
        reject,
      );
    });
  } finally {
    signal?.removeEventListener('abort', abort);
    socket.on('error', () => {});
    socket.destroy();
  }
}

function listen(
  socket: Socket,
  onLine: (line: string) => void,
  reject: (error: unknown) => void,
): void {
  const splitter = new LineSplitter(MAX_REPLY, (line) => {
    try {
      onLine(line);
    } catch (error) {
      reject(nonsense(error));
    }
  });
  socket.on('data', (chunk: Buffer) => {
    if (!splitter.push(chunk)) socket.destroy();
  });
}

function nonsense(cause: unknown): KioskError {
  return new KioskError('HELPER_REFUSED', 'The root helper answered nonsense.', { cause });
}

function unreachable(error: Error): KioskError {
  const code = errno(error);
  const absent = code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'EACCES';
  return new KioskError(
    absent ? 'HELPER_ABSENT' : 'HELPER_REFUSED',
    absent ? 'The root helper is not there for us.' : 'The root helper broke the connection.',
    { cause: error },
  );
}
