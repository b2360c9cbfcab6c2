/**
 * One frame's connection: the WebSocket of the page and the TLS stream to the server. Binary
 * messages are RDP. A text message is the page's word about how many bytes it has worked through:
 * a browser takes in whatever arrives, so that without it a fast server would be seconds ahead of
 * the picture.
 */
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { KioskError } from '../../../base/errors.ts';
import { parseConnectionConfirm, TPKT_HEADER_BYTES } from '../x224.ts';
import type { RdpConnection } from './connect.ts';
import { mendDeactivation } from './deactivate.ts';
import { placeholderCertificate } from './placeholder.ts';
import { buildResponse, parseRequest, requestLength } from './rdcleanpath.ts';
import { ClientRewriter, type Rewrites } from './rewrite.ts';

/** Bytes that the page may have before it; as much as a picture of 1920×1080 in RemoteFX. */
const WINDOW_BYTES = 1024 * 1024;
/** What the page's library may send before the bridge has answered: its request. */
const REQUEST_MS = 15_000;
/** MCS disconnect provider ultimatum, both reasons (T.125): a server that ends a session says so. */
const FAREWELLS = [
  Buffer.from('0300000902f0802180', 'hex'),
  Buffer.from('0300000902f0802080', 'hex'),
];
const FAREWELL_BYTES = 9;
const NEGOTIATED_TLS = 1;

export type RelayEnd =
  | 'page'
  /** The server ended the session in good order: logged off, or ended by an administrator. */
  | 'ended'
  /** The line to the server broke. */
  | 'lost';

export interface RelayOptions {
  readonly socket: WebSocket;
  readonly connect: (signal: AbortSignal) => Promise<RdpConnection>;
  /** Asked for when the connection stands; the bridge zeroes its password. */
  readonly rewrites: (connection: RdpConnection) => Rewrites;
  readonly onConnected: () => void;
  readonly signal: AbortSignal;
}

/**
 * Relays until a side ends it, and says which. The stream to the server is closed then; the
 * WebSocket is left to the caller, who closes it with the reason. RDCleanPath has errors of its
 * own, but fewer of them, and a page's library that reads one hangs up before it hears the reason.
 * @throws KioskError what `connect` throws; `DISPLAY_UNAVAILABLE` where the page says nothing
 *   sensible; the signal's reason
 */
export async function relay(options: RelayOptions): Promise<RelayEnd> {
  const { socket, signal } = options;
  const inbox = new Inbox(socket);
  await readRequest(inbox, signal);
  const gone = new AbortController();
  socket.once('close', () => gone.abort(new KioskError('CANCELLED', 'The page went away.')));
  let connection: RdpConnection;
  try {
    connection = await options.connect(AbortSignal.any([signal, gone.signal]));
  } catch (error) {
    if (gone.signal.aborted) return 'page';
    throw error;
  }
  const { stream } = connection;
  try {
    options.onConnected();
    socket.send(
      buildResponse({
        confirm: withoutNla(connection.confirm),
        chain: [placeholderCertificate()],
        address: '127.0.0.1:3389',
      }),
    );
    const rewrites = options.rewrites(connection);
    try {
      await sendStart(inbox, stream, new ClientRewriter(rewrites), signal);
    } finally {
      rewrites.password?.fill(0);
    }
    return await exchange(inbox, stream, signal);
  } catch (error) {
    if (gone.signal.aborted) return 'page';
    throw error;
  } finally {
    stream.destroy();
  }
}

/** What the page sent, in order; the page is stopped while nobody takes it. */
class Inbox {
  readonly socket: WebSocket;
  #waiting: Buffer[] = [];
  #taker: ((bytes: Buffer) => void) | undefined;
  #piped = false;
  /** Bytes that the page says it has worked through. */
  onTaken: (count: number) => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer, binary) => {
      if (!binary) {
        const count = Number(data.toString('latin1'));
        if (Number.isSafeInteger(count) && count > 0) this.onTaken(count);
      } else if (this.#taker) {
        const taker = this.#taker;
        // One message each: two may come in the same turn.
        if (!this.#piped) this.#taker = undefined;
        taker(data);
      } else {
        this.#waiting.push(data);
        socket.pause();
      }
    });
  }

  /** The next bytes. */
  async next(signal: AbortSignal): Promise<Buffer> {
    const ready = this.#waiting.shift();
    if (ready !== undefined) return ready;
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const abort = (): void => reject(signal.reason);
    const closed = (): void => reject(new KioskError('CANCELLED', 'The page went away.'));
    signal.addEventListener('abort', abort, { once: true });
    this.socket.once('close', closed);
    this.#taker = resolve;
    this.socket.resume();
    if (signal.aborted) abort();
    if (this.socket.readyState >= this.socket.CLOSING) closed();
    try {
      return await promise;
    } finally {
      this.#taker = undefined;
      signal.removeEventListener('abort', abort);
      this.socket.off('close', closed);
    }
  }

  /** From now on everything goes here. */
  pipe(taker: (bytes: Buffer) => void): void {
    this.#piped = true;
    this.#taker = taker;
    for (const bytes of this.#waiting.splice(0)) taker(bytes);
    this.socket.resume();
  }
}

async function readRequest(inbox: Inbox, signal: AbortSignal): Promise<void> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_MS)]);
  let bytes = Buffer.alloc(0);
  try {
    for (;;) {
      const length = requestLength(bytes);
      if (length !== undefined && bytes.length >= length) {
        if (bytes.length > length) throw new Error('more than a request');
        // Where to go is the bridge's own knowledge: the request only has to be one.
        parseRequest(bytes);
        return;
      }
      bytes = Buffer.concat([bytes, await inbox.next(limited)]);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KioskError) throw error;
    throw new KioskError('DISPLAY_UNAVAILABLE', "The page's request cannot be read.", {
      cause: error,
    });
  }
}

/** Up to and including the client's information, which is where the password goes in. */
async function sendStart(
  inbox: Inbox,
  stream: Duplex,
  rewriter: ClientRewriter,
  signal: AbortSignal,
): Promise<void> {
  const answers = new AbortController();
  const forward = (chunk: Buffer): void => inbox.socket.send(chunk);
  const broken = (): void =>
    answers.abort(new KioskError('REMOTE_LOST', 'The server hung up at the start.'));
  stream.on('data', forward);
  stream.once('close', broken);
  // Reading the sign-in piece by piece has left it standing.
  stream.resume();
  try {
    const limited = AbortSignal.any([signal, answers.signal]);
    while (!rewriter.done) {
      const bytes = rewriter.push(await inbox.next(limited));
      if (bytes.length > 0) stream.write(bytes);
    }
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KioskError) throw error;
    throw new KioskError('DISPLAY_UNAVAILABLE', 'The page does not speak RDP.', { cause: error });
  } finally {
    stream.off('data', forward);
    stream.off('close', broken);
    stream.pause();
  }
}

async function exchange(inbox: Inbox, stream: Duplex, signal: AbortSignal): Promise<RelayEnd> {
  const { socket } = inbox;
  const over = Promise.withResolvers<RelayEnd>();
  const abort = (): void => over.reject(signal.reason);
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();

  let last: Buffer = Buffer.alloc(0);
  let ahead = 0;
  stream.on('data', (chunk: Buffer) => {
    last = chunk.length >= FAREWELL_BYTES ? chunk : Buffer.concat([last, chunk]);
    socket.send(mendDeactivation(chunk));
    ahead += chunk.length;
    if (ahead > WINDOW_BYTES) stream.pause();
  });
  inbox.onTaken = (count) => {
    ahead = Math.max(0, ahead - count);
    if (ahead <= WINDOW_BYTES / 2) stream.resume();
  };
  const endOr = (otherwise: RelayEnd): void => {
    const tail = last.subarray(-FAREWELL_BYTES);
    over.resolve(FAREWELLS.some((farewell) => farewell.equals(tail)) ? 'ended' : otherwise);
  };
  stream.once('end', () => endOr('lost'));
  stream.once('close', () => endOr('lost'));
  // The page hangs up too when it reads the server's farewell, and may be the first.
  socket.once('close', () => endOr('page'));
  if (socket.readyState >= socket.CLOSING) over.resolve('page');
  inbox.pipe((bytes) => {
    if (stream.write(bytes)) return;
    socket.pause();
    void once(stream, 'drain').then(
      () => socket.resume(),
      () => {},
    );
  });
  stream.resume();
  try {
    return await over.promise;
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The page's library is to believe that TLS was chosen: the sign-in is done. */
function withoutNla(confirm: Buffer): Buffer {
  const changed = Buffer.from(confirm);
  const negotiated = parseConnectionConfirm(changed.subarray(TPKT_HEADER_BYTES));
  if (negotiated.type === 'chosen' && negotiated.protocol === 'nla') {
    // The negotiation is the last part of the confirm, its protocol the last part of that.
    changed.writeUInt32LE(NEGOTIATED_TLS, changed.length - 4);
  }
  return changed;
}
