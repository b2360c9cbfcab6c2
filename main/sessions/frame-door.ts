/**
 * Where display frames come in: WebSockets on the loopback interface, admitted by one-time tokens.
 * Who finds the port gets nothing: a connection needs the display's origin and a token that was
 * never used.
 */
import { once } from 'node:events';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import type { Logger } from '../log/logger.ts';
import { TokenStore } from './tokens.ts';

/** The frame connects at once; what is not used in this time was lost on the way. */
const TOKEN_LIFETIME_MS = 30_000;
const MAX_CONNECTIONS = 256;

export interface FrameDoorOptions<Grant> {
  readonly log: Logger;
  /** Origin of the frame's page; the only one that may open a WebSocket. */
  readonly displayOrigin: string;
  /** Origin of the page around the frame. */
  readonly uiOrigin: string;
  /** The chord that the frame reports instead of typing it, e.g. `Ctrl+Alt+Home`. */
  readonly returnChord: string;
  /** The frame's page is `/NAME.html`, its WebSockets `/NAME/TOKEN`. */
  readonly name: 'spice' | 'rdp';
  /** The WebSocket subprotocol that a frame must offer; absent: none. */
  readonly subprotocol?: string;
  /** Bytes of one message from the page. */
  readonly maxMessage: number;
  readonly onOpen: (socket: WebSocket, grant: Grant) => void;
}

interface Listening {
  readonly server: Server;
  readonly sockets: WebSocketServer;
}

export class FrameDoor<Grant> {
  readonly tokens = new TokenStore<Grant>();
  readonly #options: FrameDoorOptions<Grant>;
  readonly #path: RegExp;
  #listening: Promise<Listening> | undefined;
  #refused = 0;

  constructor(options: FrameDoorOptions<Grant>) {
    this.#options = options;
    this.#path = new RegExp(`^/${options.name}/([\\w-]{43})$`);
  }

  /**
   * An address for a frame, with a fresh token that is good for one connection.
   * @param off what the frame is not to do
   */
  async address(grant: Grant, off: readonly ('clipboard' | 'resize')[] = []): Promise<string> {
    this.#listening ??= this.#listen();
    const { port } = (await this.#listening).server.address() as AddressInfo;
    const token = this.tokens.issue(grant, TOKEN_LIFETIME_MS);
    const url = new URL(`/${this.#options.name}.html`, this.#options.displayOrigin);
    // A fragment never leaves the browser: no request, log or referrer holds the token.
    url.hash = new URLSearchParams({
      bridge: `127.0.0.1:${port}`,
      token,
      parent: this.#options.uiOrigin,
      chord: this.#options.returnChord,
      ...Object.fromEntries(off.map((option) => [option, 'off'])),
    }).toString();
    return url.href;
  }

  /** Closes the port and everything that is connected. */
  async end(): Promise<void> {
    this.tokens.revoke(() => true);
    const listening = await this.#listening;
    if (listening === undefined) return;
    const { server, sockets } = listening;
    for (const socket of sockets.clients) socket.terminate();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  }

  /** The server is loaded with the first display: the kiosk's first picture does not wait for it. */
  async #listen(): Promise<Listening> {
    const [{ createServer }, { WebSocketServer }] = await Promise.all([
      import('node:http'),
      import('ws'),
    ]);
    const { maxMessage, subprotocol } = this.#options;
    const sockets = new WebSocketServer({
      noServer: true,
      perMessageDeflate: false,
      maxPayload: maxMessage,
      handleProtocols: (offered) =>
        subprotocol !== undefined && offered.has(subprotocol) ? subprotocol : false,
    });
    const server = createServer((_request, response) => {
      response.writeHead(404).end();
    });
    server.maxConnections = MAX_CONNECTIONS;
    server.headersTimeout = 5_000;
    server.on('upgrade', (request, socket, head) => this.#admit(sockets, request, socket, head));
    server.listen({ host: '127.0.0.1', port: 0 });
    await once(server, 'listening');
    return { server, sockets };
  }

  #admit(sockets: WebSocketServer, request: IncomingMessage, stream: Duplex, head: Buffer): void {
    stream.on('error', () => {});
    const { port } = request.socket.address() as AddressInfo;
    const { displayOrigin, subprotocol, log, onOpen } = this.#options;
    const offered = String(request.headers['sec-websocket-protocol'] ?? '');
    // The host is checked against DNS rebinding; the token last, so that a stranger spends none.
    const token = this.#path.exec(request.url ?? '')?.[1];
    const expected =
      token !== undefined &&
      request.headers.host === `127.0.0.1:${port}` &&
      request.headers.origin === displayOrigin &&
      (subprotocol === undefined || offered.includes(subprotocol));
    const grant = expected ? this.tokens.spend(token) : undefined;
    if (grant === undefined) {
      this.#refused++;
      log.warn('a display connection was refused', {
        code: 'DISPLAY_TOKEN_REFUSED',
        origin: request.headers.origin ?? null,
        refused: this.#refused,
      });
      stream.end('HTTP/1.1 401 Unauthorized\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, stream, head, (socket) => {
      socket.on('error', () => {});
      onOpen(socket, grant);
    });
  }
}
