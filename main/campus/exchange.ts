/**
 * One HTTP exchange with a stranger's server: where it may redirect to, and what must not cross
 * without TLS. Each request of it has limits of its own (request.ts). Retries and failover are
 * above (client.ts); what an answer means is above that.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { KioskError } from '../base/errors.ts';
import type { Requester } from './request.ts';

interface ExchangeLimits {
  readonly connectMs: number;
  readonly responseMs: number;
  readonly minBytesPerSecond: number;
  readonly rateWindowMs: number;
}

export interface ExchangeRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** JSON text, which sets Content-Type; bytes are sent as the headers say. */
  readonly body?: string | Uint8Array;
  /** Ask for the bytes as they are stored, for ranges and hashes of files. */
  readonly identity?: boolean;
  /** Refuse servers without TLS, this computer excepted. */
  readonly confidential?: boolean;
  /** Hand a redirect back instead of following it. */
  readonly manualRedirect?: boolean;
  /** The answer is a stream of events: silence is not slowness; `idleMs` of it ends the answer. */
  readonly idleMs?: number;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body is still arriving. Read it to its end or call `discard`. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly url: URL;
  /** Throws what {@link Exchanger.open} throws; a connection that dies midway is `CAMPUS_BAD_RESPONSE`. */
  readonly body: AsyncIterable<Uint8Array>;
  discard(): void;
}

export interface ExchangerOptions {
  readonly limits: ExchangeLimits;
  readonly userAgent: string;
  /** PEM; absent: Node's own list of authorities. */
  readonly ca?: string | readonly string[] | undefined;
  readonly allowPlainServices: boolean;
  /** Origins beside the request's own that a redirect may lead to. */
  readonly mayRedirectTo: (origin: string) => boolean;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
/** Redirects that repeat the method and body (RFC 9110, 15.4). */
const REPEATING = new Set([307, 308]);

export class Exchanger {
  readonly #options: ExchangerOptions;
  #requester: Promise<Requester> | undefined;

  constructor(options: ExchangerOptions) {
    this.#options = options;
  }

  /**
   * Resolves when the answer's head is there, whatever its status.
   * @throws KioskError `CAMPUS_UNREACHABLE`, `CAMPUS_TIMEOUT`, `CAMPUS_CERTIFICATE`,
   * `CAMPUS_REDIRECT_REFUSED`, `CAMPUS_BAD_RESPONSE`; the signal's reason when aborted
   */
  async open(request: ExchangeRequest): Promise<Answer> {
    let { url, headers = {} } = request;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      if (request.confidential === true) this.#demandTls(url);
      const answer = await this.#send({ ...request, url, headers });
      const { location } = answer.headers;
      if (
        request.manualRedirect === true ||
        !REDIRECTS.has(answer.status) ||
        location === undefined
      )
        return answer;
      answer.discard();
      const target = this.#redirectTarget(url, location);
      if (request.method !== 'GET' && !REPEATING.has(answer.status)) {
        throw refusedRedirect(url, target, 'it would lose the request');
      }
      if (target.origin !== url.origin) headers = withoutAuthorization(headers);
      url = target;
    }
    throw new KioskError('CAMPUS_REDIRECT_REFUSED', `${request.url.origin} redirects in circles.`, {
      details: { from: request.url.origin },
    });
  }

  /** Closes idle connections. */
  close(): void {
    void this.#requester?.then((requester) => requester.close());
  }

  #redirectTarget(from: URL, location: string): URL {
    const target = URL.canParse(location, from.href) ? new URL(location, from) : undefined;
    if (
      target !== undefined &&
      (target.origin === from.origin || this.#options.mayRedirectTo(target.origin))
    )
      return target;
    throw refusedRedirect(from, target, 'that is no server of this campus');
  }

  #demandTls(url: URL): void {
    if (url.protocol === 'https:' || isLoopback(url.hostname) || this.#options.allowPlainServices)
      return;
    throw new KioskError(
      'CAMPUS_CERTIFICATE',
      `${url.origin} has no TLS, which this request needs.`,
      { details: { server: url.origin, reason: 'plain-http' } },
    );
  }

  /** The HTTP client is loaded with the first request: the first picture does not wait for it. */
  async #send(request: ExchangeRequest): Promise<Answer> {
    this.#requester ??= import('./request.ts').then(({ createRequester }) =>
      createRequester(this.#options),
    );
    return (await this.#requester).send(request);
  }
}

/** Whether a host name can only mean this computer (RFC 6761, RFC 1122). */
function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' ||
    hostname.endsWith('.localhost') ||
    hostname === '[::1]' ||
    /^127\.\d+\.\d+\.\d+$/.test(hostname)
  );
}

function withoutAuthorization(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'authorization'),
  );
}

function refusedRedirect(from: URL, to: URL | undefined, why: string): KioskError {
  const target = to?.origin ?? 'an unreadable address';
  return new KioskError(
    'CAMPUS_REDIRECT_REFUSED',
    `${from.origin} redirects to ${target}; ${why}.`,
    { details: { from: from.origin, to: to?.origin ?? null } },
  );
}
