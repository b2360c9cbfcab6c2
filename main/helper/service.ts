/**
 * The root helper: the only code of Vestibule that runs as root. It listens on a Unix socket that
 * systemd makes (deploy units: `ListenStream=/run/vestibule/helper.sock`, `SocketUser=root`,
 * `SocketGroup=kiosk`, `SocketMode=0660`), so the kernel checks who may connect: connect(2) needs
 * write permission on the socket. Node cannot read SO_PEERCRED; the owner and mode of the socket
 * are therefore checked before the first connection is accepted, and again at each connection.
 */
import { stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { isAbort, KioskError, toWireError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import { LineSplitter } from './lines.ts';
import {
  HEARTBEAT_MS,
  type HelperProgress,
  HelperRequest,
  MAX_LINE,
  VERBS,
  type Verb,
  type VerbArguments,
  type VerbResult,
} from './protocol.ts';

export interface VerbContext {
  /** Aborted when the client hangs up. */
  readonly signal: AbortSignal;
  /** Tells the client how far the work is. */
  readonly progress: (step: string | null, fraction: number) => void;
}

/** What each verb does; a missing one does not compile. */
export type Executors = {
  readonly [V in Verb]: (args: VerbArguments<V>, context: VerbContext) => Promise<VerbResult<V>>;
};

export interface HelperServiceOptions {
  /** The socket's path: listened on, or (with `descriptor`) only checked. */
  readonly socket: string;
  /** A listening socket that systemd handed over (sd_listen_fds(3): 3). */
  readonly descriptor?: number;
  readonly executors: Executors;
  readonly log: Logger;
}

export interface HelperService {
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 8;
const IDLE_MS = 30_000;

/** @throws KioskError `HELPER_REFUSED` where others than owner and group may connect */
export async function serveHelper(options: HelperServiceOptions): Promise<HelperService> {
  const { socket: path, log } = options;
  const lanes = new Map<string, Promise<unknown>>();
  /** Requests that come closer together wait for each other: verbs of a lane never overlap. */
  const inTurn: InTurn = (lane, work) => {
    const turn = (lanes.get(lane) ?? Promise.resolve()).then(work, work);
    lanes.set(lane, turn);
    return turn;
  };
  const server = createServer((socket) => {
    void accept(path, socket, log).then((accepted) => {
      if (accepted) serve(socket, options, inTurn);
    });
  });
  server.maxConnections = MAX_CONNECTIONS;
  const mask = process.umask(0o117);
  try {
    await listening(server, options);
  } finally {
    process.umask(mask);
  }
  try {
    await requireClosedMode(path);
  } catch (error) {
    server.close();
    throw error;
  }
  return {
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

function listening(server: Server, { socket, descriptor }: HelperServiceOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(descriptor === undefined ? { path: socket } : { fd: descriptor }, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
}

/** Someone may have changed the mode since: then nobody is served. */
async function accept(path: string, socket: Socket, log: Logger): Promise<boolean> {
  socket.on('error', () => {});
  try {
    await requireClosedMode(path);
    return true;
  } catch (error) {
    log.error('A connection was refused.', { error });
    socket.destroy();
    return false;
  }
}

async function requireClosedMode(path: string): Promise<void> {
  const { mode, uid } = await stat(path);
  if ((mode & 0o007) !== 0 || uid !== process.getuid?.()) {
    throw new KioskError('HELPER_REFUSED', `${path} is open to others: mode ${mode.toString(8)}.`);
  }
}

type InTurn = <T>(lane: string, work: () => Promise<T>) => Promise<T>;

function serve(socket: Socket, options: HelperServiceOptions, inTurn: InTurn): void {
  const gone = new AbortController();
  socket.once('close', () =>
    gone.abort(new KioskError('CANCELLED', 'The client of the root helper has hung up.')),
  );
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  const say = (message: unknown): void => {
    if (socket.writable) socket.write(`${JSON.stringify(message)}\n`);
  };
  const splitter = new LineSplitter(MAX_LINE, (line) => {
    void answer(line, options, inTurn, gone.signal, say);
  });
  socket.on('data', (chunk: Buffer) => {
    if (splitter.push(chunk)) return;
    options.log.warn('A request was too long.');
    socket.destroy();
  });
}

/** Never rejects. */
async function answer(
  line: string,
  options: HelperServiceOptions,
  inTurn: InTurn,
  signal: AbortSignal,
  say: (message: unknown) => void,
): Promise<void> {
  let id = 0;
  let last: HelperProgress = { step: null, fraction: 0 };
  const tell = (): void => say({ id, progress: last });
  let heartbeat: NodeJS.Timeout | undefined;
  try {
    const request = HelperRequest.parse(JSON.parse(line));
    id = request.id;
    const { verb } = request;
    if (!isVerb(verb)) {
      throw new KioskError('HELPER_REFUSED', 'The root helper has no such verb.');
    }
    // Also while it waits for its turn: the client knows that it was heard.
    heartbeat = setInterval(tell, HEARTBEAT_MS);
    const progress = (step: string | null, fraction: number): void => {
      last = { step, fraction: Math.min(1, Math.max(0, fraction)) };
      tell();
    };
    const result = await inTurn(VERBS[verb].lane, async () => {
      signal.throwIfAborted();
      options.log.info('Asked.', { verb, arguments: request.arguments });
      return await execute(options.executors, verb, request.arguments, { signal, progress });
    });
    say({ id, error: null, result });
  } catch (error) {
    options.log.warn('Refused or failed.', { error });
    say({ id, error: toWireError(refusal(error)) });
  } finally {
    clearInterval(heartbeat);
  }
}

/** What a client is told of anything thrown. */
function refusal(error: unknown): KioskError {
  if (error instanceof KioskError) return error;
  return isAbort(error)
    ? new KioskError('TIMEOUT', 'A program of the work took too long.', { cause: error })
    : new KioskError('HELPER_REFUSED', 'The request was not understood, or its work failed.');
}

async function execute<V extends Verb>(
  executors: Executors,
  verb: V,
  args: unknown,
  context: VerbContext,
): Promise<VerbResult<V>> {
  const checked = VERBS[verb].params.safeParse(args);
  if (!checked.success) {
    throw new KioskError('HELPER_REFUSED', `The arguments of ${verb} are wrong.`, {
      cause: checked.error,
    });
  }
  // The schema that was just applied is the verb's own.
  return await executors[verb](checked.data as VerbArguments<V>, context);
}

function isVerb(verb: string): verb is Verb {
  return Object.hasOwn(VERBS, verb);
}
