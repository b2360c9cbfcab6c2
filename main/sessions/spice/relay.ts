/**
 * One channel: a WebSocket of the page and the stream to the server. The bridge reads the
 * login that both exchange and writes the ticket itself; after that bytes pass unread, each side
 * as fast as the other takes them.
 */

import type { Duplex } from 'node:stream';
import { createWebSocketStream, type WebSocket } from 'ws';
import { KioskError } from '../../base/errors.ts';
import { readExactly } from '../read.ts';
import type { SpiceConnection } from './connection.ts';
import { dial } from './dial.ts';
import {
  buildTicket,
  CHANNEL,
  LINK_ERROR,
  LINK_HEADER_BYTES,
  type LinkMessage,
  linkBodyLength,
  linkFailure,
  parseLinkMessage,
  parseLinkReply,
  RESULT_BYTES,
  TICKET_BYTES,
} from './link.ts';
import { Pacer } from './pacer.ts';

/** Bytes that may wait in either direction before the faster side is stopped. */
const BUFFER_BYTES = 512 * 1024;
const HANDSHAKE_MS = 15_000;

export interface RelayOptions {
  readonly socket: WebSocket;
  readonly connection: SpiceConnection;
  /** Ends the channel at any time. */
  readonly signal: AbortSignal;
  /** Whether this channel may be opened with this token. */
  readonly permits: (link: LinkMessage) => boolean;
  /** The server accepted the login. */
  readonly onAccepted: () => void;
}

/**
 * Relays one channel until a side closes it, and answers which. The stream to the server is
 * closed then; the WebSocket is left to the caller, who knows the reason to close it with.
 *
 * @throws KioskError what {@link dial} and the login throw; `REMOTE_LOST` where an open channel
 * breaks; `CANCELLED` by the signal
 */
export async function relay(options: RelayOptions): Promise<'page' | 'server'> {
  const { socket, connection, signal, permits, onAccepted } = options;
  // Attached before anything is awaited: the page speaks first.
  const page = createWebSocketStream(socket, {
    readableHighWaterMark: BUFFER_BYTES,
    writableHighWaterMark: BUFFER_BYTES,
  });
  page.on('error', () => {});
  const deadline = AbortSignal.timeout(HANDSHAKE_MS);
  const starting = AbortSignal.any([signal, deadline]);
  let server: Duplex | undefined;
  try {
    server = await dial(connection.endpoint, starting);
    server.on('error', () => {});
    const { channelType } = await logIn(page, server, connection.password, permits, starting);
    onAccepted();
    return await exchange(page, server, channelType === CHANNEL.display, signal);
  } catch (error) {
    if (signal.aborted) throw new KioskError('CANCELLED', 'The display was closed.');
    if (deadline.aborted && !(error instanceof KioskError)) {
      throw new KioskError('REMOTE_REFUSED', 'The SPICE server does not answer.', {
        cause: error,
      });
    }
    throw error;
  } finally {
    server?.unpipe();
    server?.destroy();
    page.unpipe();
    // Nobody reads what is left, and the page's close frame lies behind it.
    page.resume();
  }
}

function exchange(
  page: Duplex,
  server: Duplex,
  paced: boolean,
  signal: AbortSignal,
): Promise<'page' | 'server'> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    page.once('end', () => resolve('page'));
    page.once('close', () => resolve('page'));
    server.once('end', () => resolve('server'));
    server.once('close', () => resolve('server'));
    server.once('error', (error) =>
      reject(
        new KioskError('REMOTE_LOST', 'The connection to the SPICE server broke.', {
          cause: error,
        }),
      ),
    );
    if (paced) {
      pace(page, server, reject);
      return;
    }
    // Stops the faster side while the other one's buffer is full.
    page.pipe(server);
    server.pipe(page, { end: false });
  });
}

/** As `pipe` does it, with the bridge's own acknowledgements. */
function pace(page: Duplex, server: Duplex, fail: (error: unknown) => void): void {
  const pacer = new Pacer();
  let full = false;
  const go = (): void => {
    if (!full && !pacer.isBehind(performance.now())) server.resume();
  };
  server.on('data', (chunk: Buffer) => {
    const now = performance.now();
    const answers = pacer.fromServer(chunk, now);
    if (answers.length > 0) server.write(answers);
    full = !page.write(chunk);
    if (full || pacer.isBehind(now)) server.pause();
  });
  page.on('drain', () => {
    full = false;
    go();
  });
  page.on('data', (chunk: Buffer) => {
    try {
      const bytes = pacer.fromPage(chunk);
      if (bytes.length > 0 && !server.write(bytes)) {
        page.pause();
        server.once('drain', () => page.resume());
      }
      go();
    } catch (error) {
      fail(error);
    }
  });
  server.resume();
  page.resume();
}

async function logIn(
  page: Duplex,
  server: Duplex,
  password: string,
  permits: (link: LinkMessage) => boolean,
  signal: AbortSignal,
): Promise<LinkMessage> {
  const asked = await readLink(page, signal).catch((error: unknown) => {
    throw rethrown(error, signal, 'CANCELLED', 'The page went away.');
  });
  const link = parseLinkMessage(asked.body);
  if (!permits(link)) {
    throw new KioskError('DISPLAY_TOKEN_REFUSED', 'The token is not for this channel.');
  }
  server.write(Buffer.concat([asked.header, asked.body]));

  try {
    const reply = await readLink(server, signal);
    const { error, key } = parseLinkReply(reply.body);
    if (error !== LINK_ERROR.ok) throw linkFailure(error);
    server.write(buildTicket(key, password));
    page.write(Buffer.concat([reply.header, reply.body]));

    // The page's own ticket holds nothing: it is taken and dropped.
    const result = await readExactly(server, RESULT_BYTES, signal);
    if (result.readUInt32LE(0) !== LINK_ERROR.ok) throw linkFailure(result.readUInt32LE(0));
    await readExactly(page, TICKET_BYTES, signal);
    page.write(result);
    return link;
  } catch (error) {
    throw rethrown(error, signal, 'REMOTE_REFUSED', 'The SPICE server hung up during the login.');
  }
}

async function readLink(
  stream: Duplex,
  signal: AbortSignal,
): Promise<{ readonly header: Buffer; readonly body: Buffer }> {
  const header = await readExactly(stream, LINK_HEADER_BYTES, signal);
  return { header, body: await readExactly(stream, linkBodyLength(header), signal) };
}

function rethrown(
  error: unknown,
  signal: AbortSignal,
  code: 'CANCELLED' | 'REMOTE_REFUSED',
  message: string,
): unknown {
  if (error instanceof KioskError || signal.aborted) return error;
  return new KioskError(code, message, { cause: error });
}
