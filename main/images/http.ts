/**
 * Chunks by HTTP ranges (RFC 9110, 14) from one or several servers. Neighbouring chunks share a
 * request; a chunk with wrong bytes is asked of another server; a server that fails is left out.
 */
import { KioskError } from '../base/errors.ts';
import type { ChunkSink, TransferOptions, TransferReport, Transport } from './transport.ts';

/** What brings ranges of files; the campus's client satisfies it. */
export interface RangePort {
  /**
   * The bytes from `start` up to, not including, `end`.
   * @throws KioskError where the server fails, ignores ranges, or sends too few bytes
   */
  range(
    url: string,
    start: number,
    end: number,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array>;
}

export interface HttpTransportOptions {
  /** The same file on each; shared evenly. */
  readonly urls: readonly string[];
  readonly port: RangePort;
  /** `http` by default; `peer` for other kiosks of the room. */
  readonly name?: string;
  /** Requests under way at once, over all servers. Default 6. */
  readonly parallel?: number;
  /** The file is the image itself, whatever the manifest's layout. Default false. */
  readonly plain?: boolean;
}

/** Bytes that one request asks for at most. */
const MAX_REQUEST = 4 * 1024 * 1024;
/** Failures in a row, without a chunk in between, after which a server is left out. */
const MAX_FAILURES = 3;
/** Chunks that may wait to be checked: 8 MiB, so that requests go on while disks write. */
const MAX_CHECKING = 128;

/** Chunks whose stored bytes follow each other in the file. */
interface Run {
  readonly indexes: readonly number[];
  readonly start: number;
  readonly end: number;
  /** Servers that sent wrong bytes for it. */
  readonly refused: ReadonlySet<string>;
}

interface Server {
  readonly url: string;
  failures: number;
  active: number;
}

export function createHttpTransport(options: HttpTransportOptions): Transport {
  return {
    name: options.name ?? 'http',
    transfer: (sink, transfer) => new HttpTransfer(options, sink, transfer).run(),
  };
}

class HttpTransfer {
  readonly #options: HttpTransportOptions;
  readonly #sink: ChunkSink;
  readonly #transfer: TransferOptions;
  readonly #servers: Server[];
  readonly #queue: Run[] = [];
  readonly #planned: Iterator<Run, undefined>;
  #bytes = 0;
  #chunks = 0;
  #retries = 0;
  #mismatches = 0;
  #lastError: unknown;
  #fatal: { readonly error: unknown } | undefined;
  /** Chunks that arrived and are being checked and written. */
  #checking = 0;
  /** Settles when the next one of them is done. (Promise.race would pile up reactions.) */
  #checked = Promise.withResolvers<void>();

  constructor(options: HttpTransportOptions, sink: ChunkSink, transfer: TransferOptions) {
    this.#options = options;
    this.#sink = sink;
    this.#transfer = transfer;
    this.#servers = options.urls.map((url) => ({ url, failures: 0, active: 0 }));
    this.#planned = runs(sink, options.plain ?? false);
  }

  async run(): Promise<TransferReport> {
    const lanes = Array.from({ length: this.#options.parallel ?? 6 }, () => this.#lane());
    const outcomes = await Promise.allSettled(lanes);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    if (this.#sink.missing > 0 && this.#lastError !== undefined && this.#usable().length === 0) {
      throw new KioskError('IMAGE_TRANSPORT_FAILED', 'No server delivers the image.', {
        cause: this.#lastError,
        details: { transport: this.#options.name ?? 'http' },
      });
    }
    return {
      transport: this.#options.name ?? 'http',
      bytes: this.#bytes,
      chunks: this.#chunks,
      retries: this.#retries,
      mismatches: this.#mismatches,
    };
  }

  async #lane(): Promise<void> {
    for (;;) {
      this.#transfer.signal.throwIfAborted();
      if (this.#fatal) throw this.#fatal.error;
      const run = this.#next();
      if (run) {
        const server = this.#choose(run.refused);
        // Every server had its turn with these chunks; another transport may have them.
        if (server) await this.#bring(run, server);
      } else if (this.#checking === 0) return;
      // A chunk that is being checked may turn out wrong, and is then asked for again.
      else await this.#checked.promise;
    }
  }

  /** The next run with anything missing still. */
  #next(): Run | undefined {
    for (;;) {
      const run = this.#queue.shift() ?? this.#planned.next().value;
      if (!run) return undefined;
      if (run.indexes.some((index) => this.#sink.needs(index))) return run;
    }
  }

  #usable(): Server[] {
    return this.#servers.filter(({ failures }) => failures < MAX_FAILURES);
  }

  #choose(refused: ReadonlySet<string>): Server | undefined {
    return this.#usable()
      .filter(({ url }) => !refused.has(url))
      .sort((a, b) => a.failures - b.failures || a.active - b.active)[0];
  }

  async #bring(run: Run, server: Server): Promise<void> {
    const { signal } = this.#transfer;
    await this.#transfer.throttle(run.end - run.start);
    let delivered = 0;
    server.active++;
    try {
      const body = this.#options.port.range(server.url, run.start, run.end, { signal });
      for await (const { index, bytes } of this.#cut(run, body)) {
        delivered++;
        void this.#check(run, server, index, bytes);
        while (this.#checking >= MAX_CHECKING) await this.#checked.promise;
      }
      if (delivered < run.indexes.length) {
        throw new KioskError('CAMPUS_BAD_RESPONSE', `${server.url} sent too few bytes.`);
      }
      server.failures = 0;
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      this.#lastError = error;
      server.failures++;
      this.#retries++;
      this.#again(run.indexes.slice(delivered), run.refused);
    } finally {
      server.active--;
    }
  }

  /** Hands a chunk over; never rejects. */
  async #check(run: Run, server: Server, index: number, bytes: Uint8Array): Promise<void> {
    this.#checking++;
    try {
      const outcome = this.#options.plain
        ? await this.#sink.put(index, bytes)
        : await this.#sink.putStored(index, bytes);
      if (outcome === 'accepted') this.#chunks++;
      if (outcome !== 'mismatch') return;
      this.#mismatches++;
      this.#retries++;
      this.#lastError = new KioskError('IMAGE_HASH_MISMATCH', `${server.url} has wrong bytes.`);
      this.#again([index], new Set([...run.refused, server.url]));
    } catch (error) {
      // A full disk, for one: no other server would help.
      this.#fatal = { error };
    } finally {
      this.#checking--;
      this.#checked.resolve();
      this.#checked = Promise.withResolvers();
    }
  }

  #again(indexes: readonly number[], refused: ReadonlySet<string>): void {
    this.#queue.push(...group(this.#sink, indexes, this.#options.plain ?? false, refused));
  }

  /** Cuts a body into the chunks of the run; an incomplete last one is not yielded. */
  async *#cut(
    run: Run,
    body: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<{ index: number; bytes: Uint8Array }> {
    let at = 0;
    let filled = 0;
    let chunk = this.#buffer(run.indexes[0]);
    for await (const part of body) {
      this.#bytes += part.length;
      this.#transfer.received(part.length);
      for (let offset = 0; offset < part.length && at < run.indexes.length; ) {
        const count = Math.min(chunk.length - filled, part.length - offset);
        chunk.set(part.subarray(offset, offset + count), filled);
        filled += count;
        offset += count;
        if (filled < chunk.length) continue;
        yield { index: run.indexes[at] ?? 0, bytes: chunk };
        at++;
        filled = 0;
        chunk = this.#buffer(run.indexes[at]);
      }
    }
  }

  #buffer(index: number | undefined): Uint8Array {
    if (index === undefined) return new Uint8Array();
    return new Uint8Array(place(this.#sink, index, this.#options.plain ?? false).length);
  }
}

function place(sink: ChunkSink, index: number, plain: boolean): { offset: number; length: number } {
  const { manifest } = sink;
  return plain
    ? { offset: index * manifest.chunkSize, length: manifest.chunkLength(index) }
    : manifest.stored(index);
}

function* runs(sink: ChunkSink, plain: boolean): Generator<Run, undefined> {
  yield* group(sink, sink.missingIndexes(), plain, new Set());
}

/** Joins chunks whose stored bytes follow each other, up to {@link MAX_REQUEST}. */
function* group(
  sink: ChunkSink,
  indexes: Iterable<number>,
  plain: boolean,
  refused: ReadonlySet<string>,
): Generator<Run> {
  let run: { indexes: number[]; start: number; end: number } | undefined;
  for (const index of indexes) {
    if (sink.manifest.isZero(index)) continue;
    const { offset, length } = place(sink, index, plain);
    if (run && run.end === offset && offset + length - run.start <= MAX_REQUEST) {
      run.indexes.push(index);
      run.end = offset + length;
      continue;
    }
    if (run) yield { ...run, refused };
    run = { indexes: [index], start: offset, end: offset + length };
  }
  if (run) yield { ...run, refused };
}
