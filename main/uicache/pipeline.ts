/**
 * One kept-alive connection that asks ahead: several requests are under way at once and are
 * answered in order (RFC 9112, 9.3.2). It understands the ordinary answer and nothing else.
 */
import { connect, isIP, type OnReadOpts, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { connect as connectTls } from 'node:tls';
import { parseAnswerHead } from './http-answer.ts';

/** A file that arrives more slowly than this on average goes to the general client. */
const LEAST_BYTES_PER_SECOND = 4096;
const READ_BYTES = 256 * 1024;

export interface Request {
  /** In origin form, already encoded. */
  readonly path: string;
  /** Room for exactly what is expected. */
  readonly content: Buffer;
  /** Called once; null: there is no ordinary answer of the expected length. */
  readonly done: (content: Buffer | null) => void;
  /** It was asked on a connection that ended before the answer began, and is asked once more. */
  again: boolean;
}

export interface PipelineOptions {
  readonly origin: URL;
  readonly userAgent: string;
  readonly ca: readonly string[] | undefined;
  /** Milliseconds to connect, to the first byte of an answer, and of silence within one. */
  readonly patienceMs: number;
}

export interface PipelineEvents {
  /** There is room for more requests. */
  ready(): void;
  /**
   * It is over.
   * @param unanswered requests that another connection may ask
   * @param announced the server had said that it would end it
   */
  ended(unanswered: readonly Request[], announced: boolean): void;
}

export class Pipeline {
  /** It has given an answer and did not end: the server keeps connections. */
  proven = false;
  readonly #options: PipelineOptions;
  readonly #events: PipelineEvents;
  readonly #socket: Socket;
  readonly #waiting: Request[] = [];
  /** The beginning of a head that has not come whole. */
  #rest: Buffer | undefined;
  /** Of the first request's body; undefined: its head has not come. */
  #filled: number | undefined;
  #deadline = 0;
  #last = false;
  #over = false;

  constructor(options: PipelineOptions, events: PipelineEvents) {
    this.#options = options;
    this.#events = events;
    this.#socket = this.#connect();
    this.#socket
      .setNoDelay()
      .setTimeout(options.patienceMs, () => this.#giveUp())
      .once('error', () => this.#end())
      .once('close', () => this.#end());
  }

  /** Requests that wait for their answers. */
  get load(): number {
    return this.#waiting.length;
  }

  ask(requests: readonly Request[]): void {
    const { origin, userAgent } = this.#options;
    if (this.#waiting.length === 0) this.#expectNext();
    this.#waiting.push(...requests);
    this.#socket.ref();
    const rest = ` HTTP/1.1\r\nhost: ${origin.host}\r\nuser-agent: ${userAgent}\r\n\r\n`;
    this.#socket.write(requests.map(({ path }) => `GET ${path}${rest}`).join(''), 'latin1');
  }

  /** Ends the connection if this request is under way on it. */
  cancel(request: Request): void {
    const at = this.#waiting.indexOf(request);
    if (at < 0) return;
    this.#waiting.splice(at, 1);
    this.close();
  }

  close(): void {
    this.#end();
  }

  #connect(): Socket {
    const { origin, ca } = this.#options;
    const host = origin.hostname.replace(/^\[|\]$/g, '');
    const secure = origin.protocol === 'https:';
    const port = Number(origin.port || (secure ? 443 : 80));
    if (secure) {
      const socket = connectTls({
        ...{ host, port, ALPNProtocols: ['http/1.1'] },
        ...(isIP(host) ? {} : { servername: host }),
        ...(ca === undefined ? {} : { ca: [...ca] }),
      });
      return socket.on('data', (bytes: Buffer) => this.#take(bytes));
    }
    // Into the same memory each time: a new buffer for each read keeps the garbage collector busy.
    const buffer = Buffer.allocUnsafeSlow(READ_BYTES);
    const onread: OnReadOpts = {
      buffer,
      callback: (count) => {
        this.#take(buffer.subarray(0, count));
        return true;
      },
    };
    return connect({ host, port, onread });
  }

  #take(bytes: Buffer): void {
    const before = this.#waiting.length;
    let rest: Buffer | undefined = this.#rest ? Buffer.concat([this.#rest, bytes]) : bytes;
    this.#rest = undefined;
    while (rest && rest.length > 0 && !this.#over) {
      rest = this.#filled === undefined ? this.#takeHead(rest) : this.#takeBody(rest, this.#filled);
    }
    if (this.#over) return;
    if (this.#waiting.length === 0) this.#socket.unref();
    if (this.#waiting.length < before) this.#events.ready();
  }

  /** @returns what follows; undefined: the head is not whole, or not ordinary */
  #takeHead(bytes: Buffer): Buffer | undefined {
    const head = parseAnswerHead(bytes);
    const expected = this.#waiting[0]?.content.length;
    if (head === 'more') {
      this.#rest = Buffer.from(bytes);
      return undefined;
    }
    if (head === 'strange' || head.status !== 200 || head.encoded || head.length !== expected) {
      this.#giveUp();
      return undefined;
    }
    this.#last = head.last;
    this.#filled = 0;
    if (expected === 0) this.#answered();
    return bytes.subarray(head.bytes);
  }

  /** @returns what follows the body; undefined: it comes too slowly */
  #takeBody(bytes: Buffer, filled: number): Buffer | undefined {
    const content = this.#waiting[0]?.content ?? Buffer.alloc(0);
    const count = Math.min(bytes.length, content.length - filled);
    bytes.copy(content, filled, 0, count);
    this.#filled = filled + count;
    if (this.#filled === content.length) this.#answered();
    else if (performance.now() > this.#deadline) {
      this.#giveUp();
      return undefined;
    }
    return bytes.subarray(count);
  }

  #answered(): void {
    const request = this.#waiting.shift();
    this.#filled = undefined;
    this.#expectNext();
    if (this.#last) this.#end();
    else this.proven = true;
    request?.done(request.content);
  }

  #expectNext(): void {
    const size = this.#waiting[0]?.content.length ?? 0;
    this.#deadline =
      performance.now() + this.#options.patienceMs + (size / LEAST_BYTES_PER_SECOND) * 1000;
  }

  /** The first request is left to the general client; those behind it are not to blame. */
  #giveUp(): void {
    this.#waiting.shift()?.done(null);
    this.#filled = undefined;
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
    const [first, ...others] = this.#waiting.splice(0);
    if (this.#last && first) this.#events.ended([first, ...others], true);
    else if (first && this.proven && this.#filled === undefined && !first.again) {
      // A server may end a connection that it kept whenever it likes.
      first.again = true;
      this.#events.ended([first, ...others], false);
    } else {
      this.#events.ended(others, this.#last);
      first?.done(null);
    }
  }
}
