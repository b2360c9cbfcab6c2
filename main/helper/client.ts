/** Main's side of the root helper: one connection a call. */
import { connect, type Socket } from 'node:net';
import { errno, KioskError } from '../base/errors.ts';
import { LineSplitter } from './lines.ts';
import { HELPER_SOCKET, HelperReply, MAX_LINE, type Verb, type VerbArguments } from './protocol.ts';

export interface HelperClientOptions {
  /** Default {@link HELPER_SOCKET}. */
  readonly socket?: string;
  /** Default 10 000 ms. */
  readonly timeoutMs?: number;
}

export interface HelperClient {
  /** Whether somebody listens and lets us connect. Never rejects. */
  reachable(): Promise<boolean>;
  /**
   * @throws KioskError `HELPER_ABSENT` where nobody listens or we may not connect, `TIMEOUT`,
   * `HELPER_REFUSED`, or the code that the helper gave
   */
  call<V extends Verb>(verb: V, args: VerbArguments<V>): Promise<void>;
}

export function createHelperClient(options: HelperClientOptions = {}): HelperClient {
  const { socket: path = HELPER_SOCKET, timeoutMs = 10_000 } = options;
  return {
    reachable: () => canConnect(path),
    async call(verb, args) {
      const reply = await exchange(path, timeoutMs, { id: 1, verb, arguments: args });
      if (reply.error) throw new KioskError(reply.error.code, reply.error.message);
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

async function exchange(path: string, timeoutMs: number, request: unknown): Promise<HelperReply> {
  const socket = connect(path);
  let timer: NodeJS.Timeout | undefined;
  try {
    return await new Promise((resolve, reject) => {
      timer = setTimeout(
        () => reject(new KioskError('TIMEOUT', 'The root helper does not answer.')),
        timeoutMs,
      );
      socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`));
      socket.once('error', (error) => reject(unreachable(error)));
      socket.once('close', () =>
        reject(new KioskError('HELPER_REFUSED', 'The root helper closed the connection.')),
      );
      listen(socket, resolve, reject);
    });
  } finally {
    clearTimeout(timer);
    socket.on('error', () => {});
    socket.destroy();
  }
}

function listen(
  socket: Socket,
  resolve: (reply: HelperReply) => void,
  reject: (error: unknown) => void,
): void {
  const splitter = new LineSplitter(MAX_LINE, (line) => {
    try {
      resolve(HelperReply.parse(JSON.parse(line)));
    } catch (error) {
      reject(
        new KioskError('HELPER_REFUSED', 'The root helper answered nonsense.', { cause: error }),
      );
    }
  });
  socket.on('data', (chunk: Buffer) => {
    if (!splitter.push(chunk)) socket.destroy();
  });
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
