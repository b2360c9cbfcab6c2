/**
 * The way from a display frame to a SPICE server: WebSockets on the loopback interface, admitted
 * by one-time tokens. Who finds the port gets nothing: a connection needs the display's origin
 * and a token that was never used. A frame's address admits one main channel; the tokens of its
 * further channels travel inside that connection and die with it.
 */
import type { WebSocket } from 'ws';
import type { SessionDisplay } from '../../../preload/contract/model.ts';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import type { Surface } from '../engine.ts';
import { FrameDoor } from '../frame-door.ts';
import type { SpiceConnection } from './connection.ts';
import { CHANNEL, type LinkMessage } from './link.ts';
import { relay } from './relay.ts';

/** Display, inputs, cursor and playback, and as many again for heads of later clients. */
const CHANNEL_TOKENS = 8;
/** Clipboard pieces have 2 KiB, pointer messages some 20 bytes. */
const MAX_PAGE_MESSAGE = 256 * 1024;
/** Close code of the bridge's own ends; the reason is an error code, or empty for an orderly end. */
const CLOSE_CODE = 4000;

const FURTHER_CHANNELS: readonly number[] = [
  CHANNEL.display,
  CHANNEL.inputs,
  CHANNEL.cursor,
  CHANNEL.playback,
];

export interface SpiceBridgeOptions {
  readonly log: Logger;
  /** Origin of the frame's page; the only one that may open a WebSocket. */
  readonly displayOrigin: string;
  /** Origin of the page around the frame. */
  readonly uiOrigin: string;
  /** The chord that the frame reports instead of typing it, e.g. `Ctrl+Alt+Home`. */
  readonly returnChord: string;
}

/** What happens to a session's main channel. */
export interface DisplayEvents {
  connected?(): void;
  /** It is gone for this reason; a later `connected` means that the frame came back. */
  lost?(error: KioskError): void;
}

export interface SpiceBridge {
  /** A machine's picture, for the session manager. */
  open(
    sessionId: string,
    surface: Extract<Surface, { type: 'spice-socket' }>,
  ): Promise<SessionDisplay>;
  /** A fresh one-time frame address for any connection. */
  address(sessionId: string, connection: SpiceConnection, events?: DisplayEvents): Promise<string>;
  /** Ends every connection of the session's frames and forgets its tokens. */
  close(sessionId: string): void;
  /** Closes the port and everything that is connected. */
  end(): Promise<void>;
}

interface MainGrant {
  readonly type: 'main';
  readonly sessionId: string;
  readonly connection: SpiceConnection;
  readonly events: DisplayEvents;
}
interface ChannelGrant {
  readonly type: 'channel';
  readonly display: Display;
}

/** One frame's channels: they live and die with the main one. */
interface Display {
  readonly grant: MainGrant;
  /** Aborted with the failure that ended it, or without one when the kiosk did. */
  readonly over: AbortController;
  /** The first failure of any channel: the frame then closes the others by itself. */
  failure?: KioskError;
}

export function createSpiceBridge(options: SpiceBridgeOptions): SpiceBridge {
  return new Bridge(options);
}

class Bridge implements SpiceBridge {
  readonly #options: SpiceBridgeOptions;
  readonly #door: FrameDoor<MainGrant | ChannelGrant>;
  readonly #displays = new Map<string, Display>();

  constructor(options: SpiceBridgeOptions) {
    this.#options = options;
    this.#door = new FrameDoor<MainGrant | ChannelGrant>({
      ...options,
      name: 'spice',
      subprotocol: 'binary',
      maxMessage: MAX_PAGE_MESSAGE,
      onOpen: (socket, grant) => {
        if (grant.type === 'main') void this.#runMain(socket, grant);
        else void this.#runChannel(socket, grant.display);
      },
    });
  }

  async open(
    sessionId: string,
    surface: Extract<Surface, { type: 'spice-socket' }>,
  ): Promise<SessionDisplay> {
    const frameUrl = await this.address(sessionId, {
      endpoint: { type: 'unix', path: surface.path },
      password: surface.password,
    });
    return { sessionId, protocol: 'spice', frameUrl };
  }

  async address(
    sessionId: string,
    connection: SpiceConnection,
    events: DisplayEvents = {},
  ): Promise<string> {
    return await this.#door.address({ type: 'main', sessionId, connection, events });
  }

  close(sessionId: string): void {
    this.#door.tokens.revoke((grant) =>
      grant.type === 'main'
        ? grant.sessionId === sessionId
        : grant.display.grant.sessionId === sessionId,
    );
    this.#displays.get(sessionId)?.over.abort();
  }

  async end(): Promise<void> {
    for (const display of this.#displays.values()) display.over.abort();
    await this.#door.end();
  }

  async #runMain(socket: WebSocket, grant: MainGrant): Promise<void> {
    const display: Display = { grant, over: new AbortController() };
    // A reloaded frame takes over; the server would end the older client anyway.
    this.#displays.get(grant.sessionId)?.over.abort();
    this.#displays.set(grant.sessionId, display);
    const tokens = Array.from({ length: CHANNEL_TOKENS }, () =>
      this.#door.tokens.issue({ type: 'channel', display }),
    );
    socket.send(JSON.stringify({ channels: tokens }));
    await this.#relay(
      socket,
      display,
      (link) => link.channelType === CHANNEL.main,
      () => grant.events.connected?.(),
    );
    this.#door.tokens.revoke((other) => other.type === 'channel' && other.display === display);
    const { failure } = display;
    display.over.abort(failure);
    if (this.#displays.get(grant.sessionId) === display) this.#displays.delete(grant.sessionId);
    if (failure !== undefined) grant.events.lost?.(failure);
  }

  async #runChannel(socket: WebSocket, display: Display): Promise<void> {
    await this.#relay(
      socket,
      display,
      (link) => FURTHER_CHANNELS.includes(link.channelType) && link.connectionId !== 0,
      () => {},
    );
  }

  async #relay(
    socket: WebSocket,
    display: Display,
    permits: (link: LinkMessage) => boolean,
    onAccepted: () => void,
  ): Promise<void> {
    const { connection, sessionId } = display.grant;
    const { signal } = display.over;
    let failure: KioskError | undefined;
    try {
      const closedBy = await relay({ socket, connection, signal, permits, onAccepted });
      if (closedBy === 'server') {
        // Its machine ended, or another client took the session over.
        failure = new KioskError('REMOTE_LOST', 'The SPICE server closed the connection.');
      }
    } catch (error) {
      failure =
        error instanceof KioskError
          ? error
          : new KioskError('REMOTE_LOST', 'The connection broke.', { cause: error });
      // All channels close with the reason of the first: the frame may hear of any one first.
      if (signal.aborted) failure = signal.reason instanceof KioskError ? signal.reason : undefined;
      else if (failure.code === 'CANCELLED') failure = undefined;
    }
    if (failure !== undefined && display.failure === undefined) {
      display.failure = failure;
      this.#options.log.info('a display channel ended', {
        code: failure.code,
        session: sessionId,
        reason: failure.message,
      });
    }
    socket.close(CLOSE_CODE, failure?.code ?? '');
  }
}
