/**
 * Chunks by HTTP ranges (RFC 9110, 14) from one or several servers. Neighbouring chunks share a
 * request; a chunk with wrong bytes is asked of another server; a server that fails is left out.
 * What servers with ranges do not bring is taken from those without: the whole file, of which
 * only what is missing is looked at.
 */
import { KioskError } from '../base/errors.ts';
import { type ChunkFile, type ChunkRun, cutChunks, joinRuns, storedFile } from './chunk-file.ts';
import type { ImageManifest } from './manifest.ts';
import type { ChunkSink, TransferOptions, TransferReport, Transport } from './transport.ts';

/** What brings ranges of files; the campus's client satisfies it. */
export interface RangePort {
  /**
   * The bytes from `start` up to, not including, `end`.
   * @throws KioskError where the server fails or sends too few bytes; with `details.reason`
   * `no-range` where it knows no ranges
   */
  range(
    url: string,
    start: number,
    end: number,
    options: { readonly signal: AbortSignal },
  ): AsyncIterable<Uint8Array>;
  /** The whole file, from a server that knows no ranges. Ended early, the rest is not fetched. */
  whole(url: string, options: { readonly signal: AbortSignal }): AsyncIterable<Uint8Array>;
}

export interface HttpTransportOptions {
  /** The same file on each; shared evenly. */
  readonly urls: readonly string[];
  readonly port: RangePort;
  /** `http` by default; `peer` for other kiosks of the room. */
  readonly name?: string;
  /** Requests under way at once, over all servers. Default 6. */
  readonly parallel?: number;
  /** Where the chunks are in the file. Default: as the image manifest says. */
  readonly file?: (manifest: ImageManifest) => ChunkFile;
}

/** Bytes that one request asks for at most. */
const MAX_REQUEST = 4 * 1024 * 1024;
/** Failures in a row, without a chunk in between, after which a server is left out. */
const MAX_FAILURES = 3;
/** Chunks that may wait to be checked: 8 MiB, so that requests go on while disks write. */
const MAX_CHECKING = 128;

interface Run extends ChunkRun {
  /** Servers that sent wrong bytes for it. */
  readonly refused: ReadonlySet<string>;
}

interface Server {
  readonly url: string;
  ranges: boolean;
  failures: number;
  active: number;
}

/** Once it has ended, no chunk is being checked any more. */
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
  readonly #file: ChunkFile;
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
    this.#servers = options.urls.map((url) => ({ url, ranges: true, failures: 0, active: 0 }));
    this.#file = (options.file ?? storedFile)(sink.manifest);
    this.#planned = this.#group(sink.missingIndexes(), new Set());
  }

  async run(): Promise<TransferReport> {
    try {
      return await this.#run();
    } finally {
      while (this.#checking > 0) await this.#checked.promise;
    }
  }

  async #run(): Promise<TransferReport> {
    const lanes = Array.from({ length: this.#options.parallel ?? 6 }, () => this.#lane());
    const outcomes = await Promise.allSettled(lanes);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
    for (const server of this.#servers) if (!server.ranges) await this.#bringWhole(server);
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
      .filter(({ url, ranges }) => ranges && !refused.has(url))
      .sort((a, b) => a.failures - b.failures || a.active - b.active)[0];
  }

  async #bring(run: Run, server: Server): Promise<void> {
    const { signal } = this.#transfer;
    await this.#transfer.throttle(run.end - run.start);
    let delivered = 0;
    server.active++;
    try {
      const body = this.#options.port.range(server.url, run.start, run.end, { signal });
      for await (const { index, bytes } of this.#cut(run.indexes, run.start, body)) {
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
      if (lacksRanges(error)) server.ranges = false;
      else {
        this.#lastError = error;
        server.failures++;
        this.#retries++;
      }
      this.#again(run.indexes.slice(delivered), run.refused);
    } finally {
      server.active--;
    }
  }

  /**
   * Reads the whole file once, and again from its beginning where it broke off, as long as each
   * time brings something. Chunks that are here are passed over.
   */
  async #bringWhole(server: Server): Promise<void> {
    const { signal } = this.#transfer;
    const { missing } = this.#sink;
    while (this.#sink.missing > 0 && server.failures < MAX_FAILURES) {
      const before = this.#sink.missing;
      const wanted = [...this.#sink.missingIndexes()].filter((index) => this.#file.place(index));
      if (wanted.length === 0) return;
      const run: Run = { indexes: wanted, start: 0, end: 0, refused: new Set() };
      let delivered = 0;
      try {
        const body = throttled(this.#options.port.whole(server.url, { signal }), this.#transfer);
        for await (const { index, bytes } of this.#cut(wanted, 0, body)) {
          delivered++;
          void this.#check(run, server, index, bytes);
          while (this.#checking >= MAX_CHECKING) await this.#checked.promise;
          if (this.#fatal) break;
        }
        if (delivered < wanted.length && !this.#fatal) {
          throw new KioskError('CAMPUS_BAD_RESPONSE', `${server.url} sent too few bytes.`);
        }
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        this.#lastError = error;
        this.#retries++;
      }
      while (this.#checking > 0) await this.#checked.promise;
      if (this.#fatal) throw this.#fatal.error;
      // What it had is here, or wrong: another reading would bring the same.
      if (delivered === wanted.length) break;
      server.failures = this.#sink.missing < before ? 0 : server.failures + 1;
    }
    if (this.#sink.missing === missing) server.failures = MAX_FAILURES;
  }

  /** Hands a chunk over; never rejects. */
  async #check(run: Run, server: Server, index: number, bytes: Uint8Array): Promise<void> {
    this.#checking++;
    try {
      const outcome = await this.#file.put(this.#sink, index, bytes);
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
    this.#queue.push(...this.#group(indexes, refused));
  }

  *#group(indexes: Iterable<number>, refused: ReadonlySet<string>): Generator<Run, undefined> {
    for (const run of joinRuns(this.#file, indexes, MAX_REQUEST)) yield { ...run, refused };
  }

  #cut(
    indexes: readonly number[],
    start: number,
    body: AsyncIterable<Uint8Array>,
  ): AsyncGenerator<{ readonly index: number; readonly bytes: Uint8Array }> {
    return cutChunks(this.#file, indexes, start, this.#counted(body));
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of body) {
      this.#bytes += part.length;
      this.#transfer.received(part.length);
      yield part;
    }
  }
}

/** Whoever reads a whole file asks for nothing: the reading itself waits. */
async function* throttled(
  body: AsyncIterable<Uint8Array>,
  { throttle }: TransferOptions,
): AsyncGenerator<Uint8Array> {
  for await (const part of body) {
    await throttle(part.length);
    yield part;
  }
}

function lacksRanges(error: unknown): boolean {
  return error instanceof KioskError && error.details?.reason === 'no-range';
}
