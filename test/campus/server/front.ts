/**
 * The door of the campus: owns the port, so that the campus can be cut off and come back on the
 * same address while everything behind it stays.
 */
import type { Server as HttpServer } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Server, type Socket } from 'node:net';
import { createServer as createTls } from 'node:tls';

export interface Certificate {
  /** PEM. */
  readonly key: string;
  readonly cert: string;
}

export class Front {
  readonly #behind: HttpServer;
  readonly #host: string;
  readonly #tls: Certificate | undefined;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port: number;

  constructor(options: {
    readonly behind: HttpServer;
    readonly host: string;
    readonly port: number;
    readonly tls: Certificate | undefined;
  }) {
    this.#behind = options.behind;
    this.#host = options.host;
    this.#port = options.port;
    this.#tls = options.tls;
  }

  get port(): number {
    return this.#port;
  }

  async open(): Promise<void> {
    if (this.#server !== null) return;
    const accept = (socket: Socket): void => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      this.#behind.emit('connection', socket);
    };
    const server = this.#tls ? createTls(this.#tls, accept) : createTcp(accept);
    server.on('tlsClientError', () => {});
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(this.#port, this.#host, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  /** Refuses new connections and cuts those that exist. */
  async close(): Promise<void> {
    const server = this.#server;
    if (server === null) return;
    this.#server = null;
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
