/**
 * A boot server for development and tests: a folder over HTTP with ranges, as nginx serves it,
 * that can be broken on purpose. A room has a real web server: README, "Boot a room".
 */
import { once } from 'node:events';
import { open, stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { join, posix } from 'node:path';

/** What happens to the file with this name. */
export interface FileFault {
  /** Answer with this status. */
  readonly status?: number;
  /** Serve this file instead. */
  readonly file?: string;
  /** As if the file ended there. */
  readonly length?: number;
  /** The byte at this offset arrives inverted. */
  readonly flipAt?: number;
  /** The connection breaks after so many bytes of one answer. */
  readonly cutAfter?: number;
  /** Bytes a second. */
  readonly rate?: number;
}

export interface BootServer {
  readonly port: number;
  /** `path from-offset`, in order. */
  readonly requests: readonly string[];
  setFault(name: string, fault: FileFault | null): void;
  /** Refuses connections and breaks those that are open, until `resume`. */
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

const PART = 256 * 1024;

/** Serves `folder` as `http://127.0.0.1:<port>/vestibule/`. */
export async function startBootServer(folder: string, port = 0): Promise<BootServer> {
  const faults = new Map<string, FileFault>();
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    answer(request, response, folder, faults, requests).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const listen = async (at: number): Promise<number> => {
    server.listen(at, '127.0.0.1');
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  };
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  const used = await listen(port);
  return {
    port: used,
    requests,
    setFault(name, fault) {
      if (fault === null) faults.delete(name);
      else faults.set(name, fault);
    },
    pause: close,
    async resume() {
      await listen(used);
    },
    stop: close,
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  folder: string,
  faults: ReadonlyMap<string, FileFault>,
  requests: string[],
): Promise<void> {
  const path = decodeURIComponent(new URL(request.url ?? '/', 'http://server').pathname);
  const name = posix.normalize(path).replace(/^\/vestibule\//, '');
  const fault = faults.get(name) ?? {};
  const offset = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
  requests.push(`${name} ${offset}`);
  if (fault.status !== undefined) {
    response.writeHead(fault.status).end();
    return;
  }
  const file = fault.file ?? join(folder, name);
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile() || name.startsWith('/')) {
    response.writeHead(404).end();
    return;
  }
  const size = Math.min(found.size, fault.length ?? found.size);
  if (request.headers.range !== undefined && offset >= size) {
    response.writeHead(416, { 'content-range': `bytes */${size}` }).end();
    return;
  }
  const range = offset > 0 ? { 'content-range': `bytes ${offset}-${size - 1}/${size}` } : {};
  response.writeHead(offset > 0 ? 206 : 200, {
    'content-length': size - offset,
    'accept-ranges': 'bytes',
    ...range,
  });
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  await send(response, file, offset, size, fault);
}

async function send(
  response: ServerResponse,
  file: string,
  from: number,
  size: number,
  fault: FileFault,
): Promise<void> {
  const handle = await open(file);
  try {
    let at = from;
    while (at < size && !response.destroyed) {
      const part = Buffer.alloc(Math.min(PART, size - at));
      await handle.read(part, 0, part.length, at);
      const { flipAt = -1, cutAfter, rate } = fault;
      if (flipAt >= at && flipAt < at + part.length) part[flipAt - at] = ~(part[flipAt - at] ?? 0);
      if (cutAfter !== undefined && at - from >= cutAfter) {
        response.destroy();
        return;
      }
      if (!response.write(part)) await drained(response);
      if (rate !== undefined)
        await new Promise((resolve) => setTimeout(resolve, (part.length / rate) * 1000));
      at += part.length;
    }
    response.end();
  } finally {
    await handle.close();
  }
}

/** Until more may be written, or nobody listens any more. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
