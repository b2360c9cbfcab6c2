/**
 * The root helper: the only code of Vestibule that runs as root. It listens on a Unix socket that
 * systemd makes (deploy units: `ListenStream=/run/vestibule/helper.sock`, `SocketUser=root`,
 * `SocketGroup=kiosk`, `SocketMode=0660`), so the kernel checks who may connect: connect(2) needs
 * write permission on the socket. Node cannot read SO_PEERCRED; the owner and mode of the socket
 * are therefore checked before the first connection is accepted, and again at each connection.
 */
import { stat } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { KioskError, toWireError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import { LineSplitter } from './lines.ts';
import { HelperRequest, MAX_LINE, VERBS, type Verb, type VerbArguments } from './protocol.ts';

/** What each verb does; a missing one does not compile. */
type Executors = { readonly [V in Verb]: (args: VerbArguments<V>) => Promise<void> };

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

const MAX_CONNECTIONS = 4;
/** Requests that come closer together wait for each other: the verbs are not meant to overlap. */
const IDLE_MS = 30_000;

/** @throws KioskError `HELPER_REFUSED` where others than owner and group may connect */
export async function serveHelper(options: HelperServiceOptions): Promise<HelperService> {
  const { socket: path, log } = options;
  let turn: Promise<unknown> = Promise.resolve();
  const server = createServer((socket) => {
    void accept(path, socket, log).then((accepted) => {
      if (!accepted) return;
      serve(socket, log, (line) => {
        const reply = turn.then(() => answer(line, options));
        turn = reply;
        return reply;
      });
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

function serve(socket: Socket, log: Logger, handle: (line: string) => Promise<string>): void {
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  const splitter = new LineSplitter(MAX_LINE, (line) => {
    void handle(line).then((reply) => {
      if (socket.writable) socket.write(`${reply}\n`);
    });
  });
  socket.on('data', (chunk: Buffer) => {
    if (splitter.push(chunk)) return;
    log.warn('A request was too long.');
    socket.destroy();
  });
}

async function answer(line: string, options: HelperServiceOptions): Promise<string> {
  let id = 0;
  try {
    const request = HelperRequest.parse(JSON.parse(line));
    id = request.id;
    if (!isVerb(request.verb)) {
      throw new KioskError('HELPER_REFUSED', 'The root helper has no such verb.');
    }
    options.log.info('Asked.', { verb: request.verb, arguments: request.arguments });
    await execute(options.executors, request.verb, request.arguments);
    return JSON.stringify({ id, error: null });
  } catch (error) {
    options.log.warn('Refused or failed.', { error });
    const refusal =
      error instanceof KioskError
        ? error
        : new KioskError('HELPER_REFUSED', 'The request was not understood.');
    const { code, message } = toWireError(refusal);
    return JSON.stringify({ id, error: { code, message } });
  }
}

async function execute<V extends Verb>(
  executors: Executors,
  verb: V,
  args: unknown,
): Promise<void> {
  const checked = VERBS[verb].safeParse(args);
  if (!checked.success) {
    throw new KioskError('HELPER_REFUSED', `The arguments of ${verb} are wrong.`, {
      cause: checked.error,
    });
  }
  await executors[verb](checked.data);
}

function isVerb(verb: string): verb is Verb {
  return Object.hasOwn(VERBS, verb);
}
