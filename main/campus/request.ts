/**
 * One HTTP request to one URL, with every limit that a stranger's server must not be able to
 * pass: time per phase, and a least rate. It follows no redirect.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { performance } from 'node:perf_hooks';
import got, { type Request, RequestError, type Response, TimeoutError } from 'got';
import type { ErrorCode } from '../../preload/contract/errors.ts';
import { errno, KioskError } from '../base/errors.ts';
import type { Answer, ExchangeRequest, ExchangerOptions } from './exchange.ts';

export type RequesterOptions = Pick<ExchangerOptions, 'limits' | 'userAgent' | 'ca'>;

export interface Requester {
  /**
   * Resolves when the answer's head is there, whatever its status.
   * @throws KioskError `CAMPUS_UNREACHABLE`, `CAMPUS_TIMEOUT`, `CAMPUS_CERTIFICATE`,
   * `CAMPUS_BAD_RESPONSE`; the signal's reason when aborted
   */
  send(request: ExchangeRequest): Promise<Answer>;
  /** Closes idle connections. */
  close(): void;
}

/** One pool of kept-alive connections. */
export function createRequester(options: RequesterOptions): Requester {
  return new GotRequester(options);
}

class GotRequester implements Requester {
  readonly #options: RequesterOptions;
  readonly #agents = {
    http: new HttpAgent({ keepAlive: true, maxFreeSockets: 16 }),
    https: new HttpsAgent({ keepAlive: true, maxFreeSockets: 16 }),
  };

  constructor(options: RequesterOptions) {
    this.#options = options;
  }

  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  async send(request: ExchangeRequest): Promise<Answer> {
    const { url, signal } = request;
    signal?.throwIfAborted();
    const { connectMs, responseMs } = this.#options.limits;
    const stream = got.stream(url, {
      method: methodOf(request.method),
      headers: {
        'user-agent': this.#options.userAgent,
        ...(typeof request.body === 'string' ? { 'content-type': 'application/json' } : {}),
        ...request.headers,
        ...(request.identity === true ? { 'accept-encoding': 'identity' } : {}),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      decompress: request.identity !== true,
      agent: this.#agents,
      followRedirect: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: {
        lookup: connectMs,
        connect: connectMs,
        secureConnect: connectMs,
        send: responseMs,
        response: responseMs,
      },
      https: {
        rejectUnauthorized: true,
        ...(this.#options.ca === undefined
          ? {}
          : { certificateAuthority: [this.#options.ca].flat() }),
      },
      ...(signal === undefined ? {} : { signal }),
    });
    const response = await head(stream).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw translate(error, url, 'CAMPUS_UNREACHABLE');
    });
    return {
      status: response.statusCode,
      headers: response.headers,
      url,
      body: this.#bodyOf(stream, request),
      discard: () => {
        stream.destroy();
      },
    };
  }

  /**
   * The limits run only while the network is waited for: a consumer that throttles itself does
   * not make a server slow.
   */
  async *#bodyOf(
    stream: Request,
    { url, idleMs, signal }: ExchangeRequest,
  ): AsyncGenerator<Uint8Array> {
    const { responseMs, minBytesPerSecond, rateWindowMs } = this.#options.limits;
    const iterator = stream[Symbol.asyncIterator]();
    let waited = 0;
    let bytes = 0;
    try {
      for (;;) {
        const timer = setTimeout(() => {
          stream.destroy(
            new KioskError(
              'CAMPUS_TIMEOUT',
              `${url.origin} fell silent in the middle of its answer.`,
              {
                details: { server: url.origin, phase: 'read' },
              },
            ),
          );
        }, idleMs ?? responseMs);
        const from = performance.now();
        const step = await iterator.next().finally(() => clearTimeout(timer));
        if (step.done === true) return;
        const chunk: Uint8Array = step.value;
        yield chunk;
        if (idleMs !== undefined) continue;
        waited += performance.now() - from;
        bytes += chunk.length;
        if (waited < rateWindowMs) continue;
        if (bytes < (minBytesPerSecond * waited) / 1000) {
          throw new KioskError(
            'CAMPUS_TOO_SLOW',
            `${url.origin} sends ${Math.round((bytes * 1000) / waited)} bytes a second; ${minBytesPerSecond} is the least.`,
            { details: { server: url.origin } },
          );
        }
        waited = 0;
        bytes = 0;
      }
    } catch (error) {
      signal?.throwIfAborted();
      throw translate(error, url, 'CAMPUS_BAD_RESPONSE');
    } finally {
      stream.destroy();
    }
  }
}

/**
 * The error listener stays: a failure between the head and the first read of the body, or after
 * the last, belongs to nobody else and would end the process. The body's reader sees it too,
 * because an errored stream stays errored.
 */
function head(stream: Request): Promise<Response> {
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.once('response', resolve);
  });
}

/** The methods that this client has a use for: the protocol's, and those that read pages. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'] as const;

function methodOf(method: string): (typeof METHODS)[number] {
  const known = METHODS.find((each) => each === method);
  if (known !== undefined) return known;
  throw new TypeError(`no use for the method ${method}`);
}

/** What OpenSSL and Node call a certificate that does not hold. */
const CERTIFICATE =
  /^(CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_(VERIFY|GET_ISSUER|DECODE)|HOSTNAME_MISMATCH|INVALID_CA|PATH_LENGTH_EXCEEDED|INVALID_PURPOSE|EPROTO$)/;
const NO_CONNECTION = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'EHOSTDOWN',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'EAI_AGAIN',
]);

/**
 * The cause keeps only the text: got's errors hold the request's options, and so the secret of a
 * sign-in.
 *
 * @param otherwise what any failure of the connection means at this point of the exchange
 */
function translate(
  error: unknown,
  url: URL,
  otherwise: 'CAMPUS_UNREACHABLE' | 'CAMPUS_BAD_RESPONSE',
): unknown {
  if (error instanceof KioskError) return error;
  if (error instanceof RequestError && error.cause instanceof KioskError) return error.cause;
  const server = url.origin;
  const cause = error instanceof Error ? error.message : String(error);
  if (error instanceof TimeoutError) {
    const { event: phase } = error;
    return new KioskError('CAMPUS_TIMEOUT', `${server} did not answer in time (${phase}).`, {
      cause,
      details: { server, phase },
    });
  }
  const reason = errno(error) ?? 'UNKNOWN';
  const [code, sentence] = judge(reason, otherwise);
  return new KioskError(code, `${server} ${sentence} (${reason}).`, {
    cause,
    details: { server, reason },
  });
}

function judge(
  reason: string,
  otherwise: 'CAMPUS_UNREACHABLE' | 'CAMPUS_BAD_RESPONSE',
): [ErrorCode, string] {
  if (CERTIFICATE.test(reason)) return ['CAMPUS_CERTIFICATE', 'has a certificate that was refused'];
  if (reason.startsWith('HPE_') || reason.startsWith('Z_'))
    return ['CAMPUS_BAD_RESPONSE', 'does not speak HTTP'];
  if (otherwise === 'CAMPUS_UNREACHABLE' || NO_CONNECTION.has(reason))
    return ['CAMPUS_UNREACHABLE', 'cannot be reached'];
  return ['CAMPUS_BAD_RESPONSE', 'broke off its answer'];
}
