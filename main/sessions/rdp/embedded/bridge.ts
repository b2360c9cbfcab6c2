/**
 * The way from a display frame to an RDP server: one WebSocket a frame, admitted by a one-time
 * token that is bound to the session. The bridge knows the server, the certificate and the
 * password; the page knows none of them.
 */
import type { WebSocket } from 'ws';
import { KioskError } from '../../../base/errors.ts';
import type { Logger } from '../../../log/logger.ts';
import { FrameDoor } from '../../frame-door.ts';
import type { RdpConnection } from './connect.ts';
import { relay } from './relay.ts';
import type { Rewrites } from './rewrite.ts';

/** The page sends input, clipboard texts, and a handful of start messages. */
const MAX_PAGE_MESSAGE = 4 * 1024 * 1024;
/** Close code of the bridge's own ends; the reason is an error code, or empty for an orderly end. */
const CLOSE_CODE = 4000;

export interface RdpBridgeOptions {
  readonly log: Logger;
  readonly displayOrigin: string;
  readonly uiOrigin: string;
  readonly returnChord: string;
}

/** What one frame's address leads to. */
export interface RdpGrant {
  readonly sessionId: string;
  /** What the campus does not want of the frame. */
  readonly off: readonly ('clipboard' | 'resize')[];
  readonly connect: (signal: AbortSignal) => Promise<RdpConnection>;
  readonly rewrites: (connection: RdpConnection) => Rewrites;
  /** The server took the sign-in, and the page is being answered. */
  connected(): void;
  /** Null: the server ended the session in good order. */
  over(error: KioskError | null): void;
}

export interface RdpBridge {
  /** A fresh one-time frame address. */
  address(grant: RdpGrant): Promise<string>;
  /** Ends every connection of the session's frames and forgets its tokens. */
  close(sessionId: string): void;
  /** Closes the port and everything that is connected. */
  end(): Promise<void>;
}

export function createRdpBridge(options: RdpBridgeOptions): RdpBridge {
  const running = new Map<string, AbortController>();
  const door = new FrameDoor<RdpGrant>({
    ...options,
    name: 'rdp',
    maxMessage: MAX_PAGE_MESSAGE,
    onOpen: (socket, grant) => void run(socket, grant),
  });

  async function run(socket: WebSocket, grant: RdpGrant): Promise<void> {
    const { sessionId } = grant;
    const over = new AbortController();
    // A reloaded frame takes over from the one before.
    running.get(sessionId)?.abort();
    running.set(sessionId, over);
    let failure: KioskError | null | undefined;
    try {
      const end = await relay({
        socket,
        connect: grant.connect,
        rewrites: grant.rewrites,
        onConnected: () => grant.connected(),
        signal: over.signal,
      });
      if (end === 'ended') failure = null;
      if (end === 'lost') failure = new KioskError('REMOTE_LOST', 'The line to the server broke.');
    } catch (error) {
      if (!over.signal.aborted) failure = asLoss(error);
    }
    if (running.get(sessionId) === over) running.delete(sessionId);
    socket.close(CLOSE_CODE, failure?.code ?? '');
    if (failure === undefined) return;
    options.log.info('an RDP picture ended', {
      ...(failure === null ? {} : { code: failure.code }),
      session: sessionId,
      reason: failure?.message ?? 'The server ended the session.',
    });
    grant.over(failure);
  }

  return {
    address: (grant) => door.address(grant, grant.off),
    close(sessionId) {
      door.tokens.revoke((grant) => grant.sessionId === sessionId);
      running.get(sessionId)?.abort();
    },
    async end() {
      for (const over of running.values()) over.abort();
      await door.end();
    },
  };
}

/** Undefined where the page itself went away: another frame may come. */
function asLoss(error: unknown): KioskError | undefined {
  if (!(error instanceof KioskError)) {
    return new KioskError('REMOTE_LOST', 'The connection broke.', { cause: error });
  }
  return error.code === 'CANCELLED' ? undefined : error;
}
