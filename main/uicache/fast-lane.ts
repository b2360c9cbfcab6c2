/**
 * Small files over few kept-alive connections. A UI bundle is thousands of small requests, where
 * the general campus client (redirects, failover, retries, rate checks, typed errors) spends more
 * time than the network. Here only the ordinary answer is understood; whatever is unusual in any
 * way is handed to that client, which then does it again and says what is wrong.
 */
import { Agent } from 'undici';
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
  const agent = new Agent({
    connections,
    pipelining: 1,
    maxResponseSize: WHOLE_FILE_BYTES,
    headersTimeout: patienceMs,
    bodyTimeout: patienceMs,
    connect: { timeout: patienceMs, ...(ca === undefined ? {} : { ca: [ca].flat() }) },
  });

  async function ordinary(url: URL, size: number, signal: AbortSignal): Promise<Uint8Array | null> {
    const given = new AbortController();
    const abort = (): void => given.abort();
    const timer = setTimeout(abort, patienceMs + (size / LEAST_BYTES_PER_SECOND) * 1000);
    signal.addEventListener('abort', abort, { once: true });
    try {
      const { statusCode, headers, body } = await agent.request({
        origin: url.origin,
        path: url.pathname,
        method: 'GET',
        headers: { 'user-agent': userAgent },
        signal: given.signal,
      });
      if (statusCode !== 200 || headers['content-encoding'] !== undefined) {
        await body.dump();
        return null;
      }
      const content = await body.bytes();
      return content.length === size ? content : null;
    } catch {
      return null;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    }
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

/** Each file lives at `base + path`, and a relative base beside the manifest. */
function addressOf(file: BundleFile, { base }: UiBundle, server: string | null): URL | null {
  const beside = server === null || server.endsWith('/') ? server : `${server}/`;
  return URL.parse(base + file.path, beside ?? undefined);
}
