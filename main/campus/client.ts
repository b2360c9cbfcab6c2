/** {@link CampusHttp} over all servers of the campus: which is asked, how often, and what is read. */
import { setTimeout as pause } from 'node:timers/promises';
import { backoff } from '../base/backoff.ts';
import { isAbort, KioskError } from '../base/errors.ts';
import { downloadFile } from './download.ts';
import type { Answer, ExchangeRequest, Exchanger } from './exchange.ts';
import { httpError, isTimeout, isTransient, speaksAgainstServer } from './faults.ts';
import type {
  CampusHttp,
  CampusResponse,
  DownloadOptions,
  GetOptions,
  PageRequest,
  PostOptions,
  RequestOptions,
} from './http.ts';
import { type RangeSource, streamRange } from './range.ts';
import type { Server, ServerList } from './servers.ts';

export interface ClientOptions {
  readonly exchanger: Exchanger;
  /** For pages of other servers. */
  readonly pageExchanger: Exchanger;
  readonly servers: ServerList;
  /** Rounds over the servers for requests that may be repeated. */
  readonly attempts: number;
  readonly random: () => number;
  /** A server could not be reached or broke off: the link may want to look. */
  readonly onTrouble: (error: KioskError) => void;
}

/** Pauses between rounds stay short: the link's own backoff covers long outages. */
const RETRY_BASE_MS = 200;
const RETRY_CAP_MS = 2_000;

export class CampusClient implements CampusHttp {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  async get(url: string, options: GetOptions): Promise<CampusResponse> {
    return this.retrying(options.signal, () =>
      this.acrossServers(url, options.signal, (absolute) =>
        this.exchange({ method: 'GET', url: absolute, ...pick(options) }, options),
      ),
    );
  }

  /** Every request of the protocol may be repeated safely, so a server that fails hands on to the next. */
  async post(url: string, options: PostOptions): Promise<CampusResponse> {
    const body = JSON.stringify(options.json);
    return this.acrossServers(url, options.signal, (absolute) =>
      this.exchange({ method: 'POST', url: absolute, body, ...pick(options) }, options),
    );
  }

  async download(url: string, path: string, options: DownloadOptions): Promise<void> {
    await downloadFile(this.#source(url, options), path, options);
  }

  range(
    url: string,
    start: number,
    end: number,
    options: RequestOptions = {},
  ): AsyncIterable<Uint8Array> {
    return streamRange(this.#source(url, options), { start, end }, options.signal);
  }

  async *whole(url: string, options: RequestOptions = {}): AsyncGenerator<Uint8Array> {
    const { answer, blame } = await this.#source(url, options).open(
      () => ({}),
      (candidate) => {
        if (candidate.status !== 200) throw httpError(candidate.url, candidate.status);
      },
    );
    try {
      yield* answer.body;
    } catch (error) {
      if (error instanceof KioskError) blame(error);
      throw error;
    }
  }

  async fetchPage({
    url,
    method,
    headers = {},
    body: sent,
    signal,
    maxBytes,
  }: PageRequest): Promise<CampusResponse> {
    const answer = await this.#options.pageExchanger.open({
      method,
      url: new URL(url),
      headers,
      ...(sent === undefined ? {} : { body: sent }),
      signal,
      manualRedirect: true,
    });
    // The length that an answer to HEAD names is of a body that does not come.
    const limit = method === 'HEAD' ? Number.POSITIVE_INFINITY : maxBytes;
    const body = await readBody(answer, limit);
    // They describe the bytes on the wire, which are no longer these.
    const { 'content-encoding': _encoding, 'content-length': _length, ...kept } = answer.headers;
    return { status: answer.status, headers: kept, url: answer.url, body };
  }

  /** One request, read whole. `url` is absolute. */
  async exchange(request: ExchangeRequest, options: GetOptions): Promise<CampusResponse> {
    const answer = await this.open(request);
    const { status, headers, url } = answer;
    if (!(options.accept ?? [200]).includes(status)) {
      answer.discard();
      throw httpError(url, status);
    }
    return { status, headers, url, body: await readBody(answer, options.maxBytes) };
  }

  /** One request whose body the caller reads. */
  open(request: ExchangeRequest): Promise<Answer> {
    return this.#options.exchanger.open(request);
  }

  /**
   * Tries each server in turn until one does; throws the error of the first that was asked, which
   * is the one an administrator wants to hear about. An absolute URL has one place only.
   */
  async acrossServers<T>(
    url: string,
    signal: AbortSignal | undefined,
    attempt: (absolute: URL, server: Server | null) => Promise<T>,
  ): Promise<T> {
    if (/^https?:/i.test(url)) return attempt(new URL(url), null);
    let first: unknown;
    for (const server of this.#options.servers.order()) {
      const absolute = new URL(url, server.base);
      if (absolute.origin !== server.base.origin)
        throw new TypeError(`not a relative reference: ${url}`);
      try {
        const result = await attempt(absolute, server);
        this.#options.servers.succeeded(server);
        return result;
      } catch (error) {
        if (signal?.aborted === true || isAbort(error) || !(error instanceof KioskError))
          throw error;
        this.#blame(server, error);
        first ??= error;
      }
    }
    throw first ?? new KioskError('CAMPUS_UNREACHABLE', 'This kiosk knows no campus server.');
  }

  /**
   * Repeats what failed in a way that may pass, with jittered pauses. Not a timeout: it has used
   * up the patience that the caller has.
   */
  async retrying<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const patient = isTransient(error) && !isTimeout(error);
        if (attempt + 1 >= this.#options.attempts || !patient) throw error;
      }
      await this.#pause(attempt, signal);
    }
  }

  async #pause(attempt: number, signal: AbortSignal | undefined): Promise<void> {
    const { random } = this.#options;
    const ms = backoff(attempt, { base: RETRY_BASE_MS, cap: RETRY_CAP_MS, random });
    await pause(ms, undefined, signal === undefined ? {} : { signal });
  }

  #source(url: string, { signal, headers }: RequestOptions): RangeSource {
    return {
      attempts: this.#options.attempts,
      pause: (attempt) => this.#pause(attempt, signal),
      open: (range, check) =>
        this.acrossServers(url, signal, async (absolute, server) => {
          const answer = await this.open({
            method: 'GET',
            url: absolute,
            headers: { ...headers, ...range(absolute.origin) },
            identity: true,
            signal,
          });
          try {
            check(answer);
          } catch (error) {
            answer.discard();
            throw error;
          }
          return { answer, blame: (error) => this.#blame(server, error) };
        }),
    };
  }

  /** Only silence and confusion speak against a server; "404" is an answer. */
  #blame(server: Server | null, error: KioskError): void {
    if (server !== null && speaksAgainstServer(error)) this.#options.servers.failed(server);
    if (isTransient(error)) this.#options.onTrouble(error);
  }
}

/** What both kinds of request hand down. */
function pick({ headers, signal, confidential }: GetOptions) {
  return {
    signal,
    ...(headers === undefined ? {} : { headers }),
    ...(confidential === undefined ? {} : { confidential }),
  };
}

async function readBody(answer: Answer, maxBytes: number): Promise<Uint8Array> {
  const declared = Number(answer.headers['content-length'] ?? 0);
  if (declared > maxBytes) {
    answer.discard();
    throw responseTooLarge(answer.url, maxBytes);
  }
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of answer.body) {
    length += chunk.length;
    // Leaving the loop closes the connection: the rest is never downloaded.
    if (length > maxBytes) throw responseTooLarge(answer.url, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function responseTooLarge(url: URL, limit: number): KioskError {
  return new KioskError(
    'CAMPUS_RESPONSE_TOO_LARGE',
    `${url.origin}${url.pathname} is larger than ${limit} bytes.`,
    { details: { server: url.origin, limit } },
  );
}
