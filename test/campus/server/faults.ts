/** What can be wrong with a campus, applied to the answers whose path matches. */
import { Transform } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';

export type Fault = {
  /** Path of the URL; default: all. */
  readonly path?: RegExp;
  /** How many answers are hit; default: all. */
  readonly times?: number;
} & (
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'redirect'; readonly to: string }
  /** The connection stays open and nothing comes. */
  | { readonly kind: 'hang' }
  | { readonly kind: 'drip'; readonly bytesPerSecond: number }
  /** The connection is cut after so many bytes of the body. */
  | { readonly kind: 'die'; readonly afterBytes: number }
  /** The request is served, and the connection is cut before its answer. */
  | { readonly kind: 'lose-answer' }
  /** A shorter body under an honest length. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  | { readonly kind: 'replace'; readonly body: string | Buffer }
  /** A body of so many zeros, produced as it is read. */
  | { readonly kind: 'huge'; readonly bytes: number; readonly announced: boolean }
);

/** Counts what was really handed to sockets, for tests of "cut off, not downloaded". */
export interface FaultState {
  fault: Fault | null;
  hits: number;
  hugeBytesSent: number;
}

export function installFaults(app: FastifyInstance, state: FaultState): void {
  const applies = (path: string): Fault | null => {
    const { fault } = state;
    if (fault === null || !(fault.path ?? /^/).test(path)) return null;
    return state.hits < (fault.times ?? Number.POSITIVE_INFINITY) ? fault : null;
  };
  app.addHook('onRequest', async (request, reply) => {
    const fault = applies(new URL(request.url, 'http://campus').pathname);
    if (fault === null) return;
    switch (fault.kind) {
      case 'status':
        state.hits++;
        return reply.code(fault.status).send(`fault ${fault.status}`);
      case 'redirect':
        state.hits++;
        return reply.redirect(fault.to, 302);
      case 'hang':
        state.hits++;
        reply.hijack();
        return;
      case 'replace':
        state.hits++;
        return reply.send(fault.body);
      case 'huge': {
        state.hits++;
        if (fault.announced) reply.header('content-length', fault.bytes);
        return reply.send(zeros(fault.bytes, state));
      }
      default:
        // The others change the body of the real answer.
        request.headers['x-fault'] = fault.kind;
    }
  });
  app.addHook('onSend', async (request, reply, payload) => {
    const fault = applies(new URL(request.url, 'http://campus').pathname);
    if (fault === null || request.headers['x-fault'] !== fault.kind) return payload;
    state.hits++;
    if (fault.kind === 'lose-answer') reply.raw.socket?.destroy();
    return damage(fault, reply, payload);
  });
}

function damage(fault: Fault, reply: FastifyReply, payload: unknown): unknown {
  const body = isStream(payload) ? payload : null;
  if (body === null) return payload;
  switch (fault.kind) {
    case 'drip':
      return body.pipe(drip(fault.bytesPerSecond));
    case 'die':
      return body.pipe(
        limit(fault.afterBytes, () => {
          // What was written shall arrive before the end does.
          setTimeout(() => reply.raw.socket?.destroy(), 50);
        }),
      );
    case 'truncate': {
      reply.header('content-length', fault.bytes);
      const shorter = limit(fault.bytes, () => shorter.push(null));
      return body.pipe(shorter);
    }
    default:
      return payload;
  }
}

function isStream(payload: unknown): payload is NodeJS.ReadableStream {
  return typeof payload === 'object' && payload !== null && 'pipe' in payload;
}

function limit(bytes: number, onReached: () => void): Transform {
  let left = bytes;
  let over = false;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (over) return done();
      this.push(chunk.subarray(0, left));
      left -= chunk.length;
      if (left <= 0) {
        over = true;
        onReached();
      }
      done();
    },
    flush(done) {
      if (!over) done();
    },
  });
}

function drip(bytesPerSecond: number): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const step = Math.max(1, Math.round(bytesPerSecond / 10));
      const send = async (): Promise<void> => {
        for (let at = 0; at < chunk.length && !this.destroyed; at += step) {
          this.push(chunk.subarray(at, at + step));
          await pause(100);
        }
      };
      send().then(
        () => done(),
        (error: Error) => done(error),
      );
    },
  });
}

function zeros(bytes: number, state: FaultState): Transform {
  const chunk = Buffer.alloc(64 * 1024, 0x20);
  const source = new Transform({ transform: (data, _encoding, done) => done(null, data) });
  const pump = (): void => {
    while (!source.destroyed) {
      if (state.hugeBytesSent >= bytes) {
        source.end();
        return;
      }
      state.hugeBytesSent += chunk.length;
      if (!source.write(chunk)) {
        source.once('drain', pump);
        return;
      }
    }
  };
  state.hugeBytesSent = 0;
  pump();
  return source;
}
