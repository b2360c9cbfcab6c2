/**
 * Small files over few kept-alive connections. A UI bundle is thousands of small requests, where
 * the general campus client (redirects, failover, retries, rate checks, typed errors) spends more
 * time than the network. Here only the ordinary answer is understood; whatever is unusual in any
 * way is handed to that client, which then does it again and says what is wrong.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import { Agent, type Dispatcher } from 'undici';
import type { BundleFile, UiBundle } from '../base/manifest.ts';
import { type FetchFile, WHOLE_FILE_BYTES } from './api.ts';
import { collect } from './collect.ts';

/** A file that arrives more slowly than this on average goes to the general client. */
const LEAST_BYTES_PER_SECOND = 4096;

export interface FastLaneOptions {
  /** Base URL of the campus server that answers now; null: none does. Read at each request. */
  readonly server: () => string | null;
  /** PEM of the campus's own authority; absent: Node's list. */
  readonly ca?: string | readonly string[] | undefined;
  readonly userAgent: string;
  /** To connect, and to the first byte of an answer. Default 5 000 ms. */
  readonly patienceMs?: number;
  /** Per server. Default 8. */
  readonly connections?: number;
  /** The general client: all failures are its own. */
  readonly otherwise: FetchFile;
}

export interface FastLane {
  readonly fetchFile: FetchFile;
  close(): Promise<void>;
}

export function createFastLane(options: FastLaneOptions): FastLane {
  const { server, ca, userAgent, patienceMs = 5_000, connections = 8, otherwise } = options;
  const headers = { 'user-agent': userAgent };
  const slab = new Slab();
  const agent = new Agent({
    connections,
    pipelining: 1,
    headersTimeout: patienceMs,
    bodyTimeout: patienceMs,
    connect: { timeout: patienceMs, ...(ca === undefined ? {} : { ca: [ca].flat() }) },
  });

  function ordinary(url: URL, size: number, signal: AbortSignal): Promise<Uint8Array | null> {
    return new Promise((resolve) => {
      const deadline = performance.now() + patienceMs + (size / LEAST_BYTES_PER_SECOND) * 1000;
      const receiver = new Receiver(slab.take(size), deadline, (content) => {
        signal.removeEventListener('abort', receiver.abort);
        resolve(content);
      });
      signal.addEventListener('abort', receiver.abort, { once: true });
      agent.dispatch({ origin: url.origin, path: url.pathname, method: 'GET', headers }, receiver);
    });
  }

  async function fetchFile(
    file: BundleFile,
    bundle: UiBundle,
    request: { readonly signal: AbortSignal },
  ): Promise<Uint8Array> {
    const url = addressOf(file, bundle, server());
    const content = url && (await ordinary(url, file.size, request.signal));
    if (content) return content;
    request.signal.throwIfAborted();
    return collect(otherwise(file, bundle, request), file.size);
  }

  return {
    fetchFile: (file, bundle, request) =>
      file.size > WHOLE_FILE_BYTES
        ? otherwise(file, bundle, request)
        : fetchFile(file, bundle, request),
    close: () => agent.destroy(),
  };
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

/** Takes an ordinary answer of exactly the expected size; anything else ends it with null. */
class Receiver implements Dispatcher.DispatchHandler {
  readonly #content: Buffer;
  readonly #deadline: number;
  readonly #done: (content: Uint8Array | null) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #length = 0;
  #aborted = false;

  /** @param content room for exactly what is expected */
  constructor(content: Buffer, deadline: number, done: (content: Uint8Array | null) => void) {
    this.#content = content;
    this.#deadline = deadline;
    this.#done = done;
  }

  readonly abort = (): void => {
    this.#aborted = true;
    this.#controller?.abort(new Error('not an ordinary answer'));
  };

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted) this.abort();
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: IncomingHttpHeaders,
  ): void {
    if (status < 200) return;
    if (status !== 200 || headers['content-encoding'] !== undefined) this.abort();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const length = this.#length + chunk.length;
    if (length > this.#content.length || performance.now() > this.#deadline) {
      this.abort();
      return;
    }
    chunk.copy(this.#content, this.#length);
    this.#length = length;
  }

  onResponseEnd(): void {
    this.#done(this.#length === this.#content.length ? this.#content : null);
  }

  onResponseError(): void {
    this.#done(null);
  }
}

/** Each file lives at `base + path`, and a relative base beside the manifest. */
function addressOf(file: BundleFile, { base }: UiBundle, server: string | null): URL | null {
  const beside = server === null || server.endsWith('/') ? server : `${server}/`;
  return URL.parse(base + file.path, beside ?? undefined);
}
