/**
 * Small files over few kept-alive connections. A UI bundle is thousands of small requests, where
 * the general campus client (redirects, failover, retries, rate checks, typed errors) spends more
 * time than the network. Here only the ordinary answer is understood; whatever is unusual in any
 * way is handed to that client, which then does it again and says what is wrong.
 */
import type { BundleFile, UiBundle } from '../base/manifest.ts';
import { type FetchFile, WHOLE_FILE_BYTES } from './api.ts';
import { collect } from './collect.ts';
import { Pipeline, type PipelineOptions, type Request } from './pipeline.ts';

/** Requests under way on a connection that has shown that its server keeps it. */
const DEPTH = 8;
/** Requests of the general client at once. */
const OTHERWISE = 8;

export interface FastLaneOptions {
  /** Base URL of the campus server that answers now; null: none does. Read at each request. */
  readonly server: () => string | null;
  /** PEM of the campus's own authority; absent: Node's list. */
  readonly ca?: string | readonly string[] | undefined;
  readonly userAgent: string;
  /** To connect, to the first byte of an answer, and of silence in it. Default 5 000 ms. */
  readonly patienceMs?: number;
  /** Per server. Default 4. */
  readonly connections?: number;
  /** The general client: all failures are its own. */
  readonly otherwise: FetchFile;
}

export interface FastLane {
  readonly fetchFile: FetchFile;
  close(): Promise<void>;
}

export function createFastLane(options: FastLaneOptions): FastLane {
  const { server, ca, userAgent, patienceMs = 5_000, connections = 4, otherwise } = options;
  const slab = new Slab();
  const gate = new Gate(OTHERWISE);
  const servers = new Map<string, Server>();

  function serverOf(url: URL): Server {
    const known = servers.get(url.origin);
    if (known) return known;
    // A campus has a few servers; those of before are let go.
    for (const other of servers.values()) other.retire();
    const pems = ca === undefined ? undefined : [ca].flat();
    const made = new Server(
      { origin: new URL(url.origin), ca: pems, userAgent, patienceMs },
      connections,
    );
    servers.set(url.origin, made);
    return made;
  }

  function ordinary(url: URL, size: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const asked = serverOf(url);
    return new Promise((resolve) => {
      const done = (content: Buffer | null): void => {
        signal.removeEventListener('abort', abort);
        resolve(content);
      };
      const request = { path: url.pathname, content: slab.take(size), done, again: false };
      const abort = (): void => {
        asked.cancel(request);
        done(null);
      };
      signal.addEventListener('abort', abort, { once: true });
      asked.ask(request);
    });
  }

  async function fetchFile(
    file: BundleFile,
    bundle: UiBundle,
    request: { readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    const url = addressOf(file, bundle, server());
    request.signal.throwIfAborted();
    const content = url && (await ordinary(url, file.size, request.signal));
    if (content) return content;
    return gate.pass(() => {
      request.signal.throwIfAborted();
      return collect(otherwise(file, bundle, request), file.size);
    });
  }

  return {
    fetchFile: (file, bundle, request) =>
      file.size > WHOLE_FILE_BYTES
        ? otherwise(file, bundle, request)
        : fetchFile(file, bundle, request),
    close: async () => {
      for (const one of servers.values()) one.close();
    },
  };
}

/** The connections to one server, and what waits for one of them. */
class Server {
  readonly #options: PipelineOptions;
  readonly #connections: number;
  readonly #pipelines = new Set<Pipeline>();
  readonly #queue: Request[] = [];
  #depth = DEPTH;
  #scheduled = false;
  #closed = false;

  constructor(options: PipelineOptions, connections: number) {
    this.#options = options;
    this.#connections = connections;
  }

  ask(request: Request): void {
    if (this.#closed) {
      request.done(null);
      return;
    }
    this.#queue.push(request);
    this.#schedule();
  }

  cancel(request: Request): void {
    const at = this.#queue.indexOf(request);
    if (at >= 0) this.#queue.splice(at, 1);
    else for (const pipeline of [...this.#pipelines]) pipeline.cancel(request);
  }

  /** Ends the connections that nothing is awaited on. */
  retire(): void {
    for (const pipeline of [...this.#pipelines]) if (pipeline.load === 0) pipeline.close();
  }

  close(): void {
    this.#closed = true;
    for (const pipeline of [...this.#pipelines]) pipeline.close();
    for (const request of this.#queue.splice(0)) request.done(null);
  }

  /** Once for all requests of this turn, so that they leave in one packet. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#dispatch();
    });
  }

  #dispatch(): void {
    let free = 0;
    for (const pipeline of this.#pipelines) free += this.#room(pipeline);
    for (; free < this.#queue.length && this.#pipelines.size < this.#connections; free++) {
      this.#open();
    }
    const byLoad = [...this.#pipelines].sort((a, b) => a.load - b.load);
    for (const [at, pipeline] of byLoad.entries()) {
      const share = Math.ceil(this.#queue.length / (byLoad.length - at));
      const requests = this.#queue.splice(0, Math.min(this.#room(pipeline), share));
      if (requests.length > 0) pipeline.ask(requests);
    }
  }

  #room({ proven, load }: Pipeline): number {
    return Math.max(0, (proven ? this.#depth : 1) - load);
  }

  #open(): void {
    const pipeline = new Pipeline(this.#options, {
      ready: () => this.#schedule(),
      ended: (unanswered, announced) => {
        this.#pipelines.delete(pipeline);
        // Perhaps it does not like to be asked ahead.
        if (unanswered.length > 1 && !announced) this.#depth = Math.max(1, this.#depth / 2);
        this.#queue.unshift(...unanswered);
        if (this.#closed) this.close();
        else if (this.#queue.length > 0) this.#schedule();
      },
    });
    this.#pipelines.add(pipeline);
  }
}

/** Lets so many through at once. */
class Gate {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(width: number) {
    this.#free = width;
  }

  async pass<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}

/**
 * Room for many small files in few allocations: one each made the garbage collector take a tenth
 * of the time of a transfer. A slab lives until the last of its files is written.
 */
class Slab {
  #rest = Buffer.alloc(0);

  take(size: number): Buffer {
    if (this.#rest.length < size) this.#rest = Buffer.allocUnsafeSlow(2 * WHOLE_FILE_BYTES);
    const room = this.#rest.subarray(0, size);
    this.#rest = this.#rest.subarray(size);
    return room;
  }
}

/** Each file lives at `base + path`, and a relative base beside the manifest. */
function addressOf(file: BundleFile, { base }: UiBundle, server: string | null): URL | null {
  const beside = server === null || server.endsWith('/') ? server : `${server}/`;
  return URL.parse(base + file.path, beside ?? undefined);
}
