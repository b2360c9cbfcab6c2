/**
 * Serves versions of this kiosk to other kiosks of its room: read-only, addressed by their
 * contents, each chunk compared with its hash before a byte of it leaves. Whoever asks needs to
 * know the root, which the campus's manifest names, and to be in the room's network.
 */
import { createHash } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type FileHandle, open } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isAbort } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import type { ImageManifest } from '../manifest.ts';
import type { Pace } from '../pace.ts';
import { encodePeerPacket, parsePeerPacket } from './peer-packets.ts';

/** A version that may be served; in use until it is released. */
export interface ServedVersion {
  readonly path: string;
  readonly manifest: ImageManifest;
  release(): void;
}

export interface PeerServerOptions {
  /** UDP and TCP. */
  readonly port: number;
  /** Whether a kiosk at this address is served: an IPv4 address. */
  readonly allows: (address: string) => boolean;
  /** True where a version with this root is whole, verified and undamaged. */
  readonly has: (root: string) => boolean;
  /** Undefined where there is none any more. */
  readonly open: (root: string) => Promise<ServedVersion | undefined>;
  /** A chunk of it is not what it should be. */
  readonly damaged: (root: string) => void;
  /** The ceiling of what is sent, over all who ask. */
  readonly pace: Pace;
  readonly log: Logger;
}

/** Answers under way at once; a kiosk that asks for more is told to ask elsewhere. */
const MAX_ANSWERS = 8;
const IDLE_MS = 30_000;

export class PeerServer {
  readonly #options: PeerServerOptions;
  readonly #http: Server;
  readonly #udp: Socket;
  readonly #closing = new AbortController();
  #answers = 0;

  private constructor(options: PeerServerOptions) {
    this.#options = options;
    this.#http = createServer((request, response) => {
      this.#answer(request, response).catch((error: unknown) => {
        response.destroy();
        if (!isAbort(error)) options.log.warn('a peer could not be served', { error });
      });
    });
    this.#http.setTimeout(IDLE_MS);
    this.#udp = createSocket({ type: 'udp4', reuseAddr: true });
    this.#udp.on('message', (packet, sender) => this.#offer(packet, sender));
    this.#udp.on('error', (error) => options.log.warn('peers are not answered', { error }));
  }

  /** @throws the system's error where the port is taken */
  static async start(options: PeerServerOptions): Promise<PeerServer> {
    const server = new PeerServer(options);
    try {
      server.#http.listen(options.port, '0.0.0.0');
      await once(server.#http, 'listening');
      server.#udp.bind(options.port);
      await once(server.#udp, 'listening');
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
    await new Promise<void>((resolve) => {
      this.#udp.once('close', resolve);
      this.#udp.close();
    });
  }

  #offer(packet: Buffer, { address, port }: RemoteInfo): void {
    const ask = parsePeerPacket(packet);
    const { allows, has } = this.#options;
    if (ask?.type !== 'ask' || this.#answers >= MAX_ANSWERS) return;
    if (!allows(address) || !has(ask.root)) return;
    const offer = encodePeerPacket({ ...ask, type: 'offer', port: this.port });
    this.#udp.send(offer, port, address, () => {});
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const address = (request.socket.remoteAddress ?? '').replace(/^::ffff:/, '');
    const root = /^\/([0-9a-f]{64})$/.exec(request.url ?? '')?.[1];
    const refuse = (status: number): void => void response.writeHead(status).end();
    if (!this.#options.allows(address)) return refuse(403);
    if (request.method !== 'GET') return refuse(405);
    if (root === undefined || !this.#options.has(root)) return refuse(404);
    if (this.#answers >= MAX_ANSWERS) return refuse(503);
    this.#answers++;
    let version: ServedVersion | undefined;
    try {
      version = await this.#options.open(root);
      if (version) await this.#send(version, request, response);
      else refuse(404);
    } finally {
      this.#answers--;
      version?.release();
    }
  }

  async #send(
    { path, manifest }: ServedVersion,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const range = parseRange(request.headers.range, manifest.size);
    if (!range) {
      response.writeHead(416, { 'content-range': `bytes */${manifest.size}` }).end();
      return;
    }
    const { start, end } = range;
    const file = await open(path, 'r');
    const gone = new AbortController();
    response.once('close', () => gone.abort());
    const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
    try {
      response.writeHead(206, {
        'content-type': 'application/octet-stream',
        'content-length': end - start,
        'content-range': `bytes ${start}-${end - 1}/${manifest.size}`,
        etag: `"${manifest.root}"`,
      });
      for (let at = start; at < end; ) {
        const index = Math.floor(at / manifest.chunkSize);
        const first = index * manifest.chunkSize;
        const chunk = await readChunk(file, manifest, index);
        if (!chunk) {
          this.#options.damaged(manifest.root);
          response.destroy();
          return;
        }
        const part = chunk.subarray(at - first, Math.min(chunk.length, end - first));
        await this.#options.pace.take(part.length, signal);
        at += part.length;
        if (!response.write(part)) await once(response, 'drain', { signal });
      }
      response.end();
    } finally {
      await file.close();
    }
  }
}

/** Undefined where it is not what the manifest says. */
async function readChunk(
  file: FileHandle,
  manifest: ImageManifest,
  index: number,
): Promise<Buffer | undefined> {
  const chunk = Buffer.allocUnsafe(manifest.chunkLength(index));
  try {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, index * manifest.chunkSize);
    if (bytesRead !== chunk.length) return undefined;
  } catch {
    return undefined;
  }
  const hash = createHash('sha256').update(chunk).digest();
  return hash.equals(manifest.hash(index)) ? chunk : undefined;
}

/** `bytes=0-499` (RFC 9110, 14.1.2); `end` is exclusive. Other forms are not answered. */
function parseRange(
  header: string | undefined,
  size: number,
): { readonly start: number; readonly end: number } | undefined {
  const match = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header ?? '');
  const start = Number(match?.[1]);
  const end = Math.min(size, Number(match?.[2]) + 1);
  return match && start < end ? { start, end } : undefined;
}
