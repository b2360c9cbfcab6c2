/**
 * A client of QEMU's machine protocol (docs/interop/qmp-spec.rst of QEMU): one JSON object a
 * line, commands answered by id, events in between.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { errno, KioskError } from '../../base/errors.ts';
import { Emitter } from '../../base/events.ts';

/** The longest line believed, in bytes; QEMU's largest answers stay far below. */
const MAX_LINE = 4 * 1024 * 1024;

const Greeting = z.object({ QMP: z.object({ version: z.unknown() }) });
const Success = z.object({ id: z.int(), return: z.unknown() });
const Failure = z.object({
  id: z.int().optional(),
  error: z.object({ class: z.string(), desc: z.string() }),
});
const Event = z.object({ event: z.string(), data: z.record(z.string(), z.unknown()).default({}) });

export type QmpEvent = z.output<typeof Event>;

/** QEMU understood a command and refused it. */
class QmpRefusal extends Error {
  readonly errorClass: string;
  constructor(command: string, error: { class: string; desc: string }) {
    super(`QEMU refused ${command}: ${error.desc}`);
    this.name = 'QmpRefusal';
    this.errorClass = error.class;
  }
}

/** Cuts a byte stream into JSON lines, with a bound on what it keeps. */
export class QmpLines {
  #rest: Buffer[] = [];
  #length = 0;

  /** @throws Error for a line that is too long or no JSON; the stream is then of no use */
  push(chunk: Buffer): unknown[] {
    const values: unknown[] = [];
    let from = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, from)) {
      this.#keep(chunk.subarray(from, end));
      const line = Buffer.concat(this.#rest).toString('utf8').trim();
      this.#rest = [];
      this.#length = 0;
      if (line !== '') values.push(JSON.parse(line));
      from = end + 1;
    }
    this.#keep(chunk.subarray(from));
    return values;
  }

  #keep(part: Buffer): void {
    this.#length += part.length;
    if (this.#length > MAX_LINE) throw new Error('a QMP line is too long');
    if (part.length > 0) this.#rest.push(part);
  }
}

interface Pending {
  readonly command: string;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

export interface QmpOptions {
  readonly path: string;
  /** Milliseconds for the connection, and the default for each command. */
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** One connection. When it closes, every pending command is rejected with `MACHINE_SILENT`. */
export class Qmp {
  /** Settles when the connection is over, for whatever reason. */
  readonly closed: Promise<void>;
  readonly #events = new Emitter<{ event: QmpEvent }>();
  readonly #pending = new Map<number, Pending>();
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  readonly #greeted: Promise<void>;
  #greet: () => void = () => {};
  #nextId = 1;
  #over = false;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    this.#greeted = new Promise((resolve) => {
      this.#greet = resolve;
    });
    const lines = new QmpLines();
    socket.on('data', (chunk: Buffer) => {
      try {
        for (const value of lines.push(chunk)) this.#receive(value);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#over = true;
        for (const { command, reject } of this.#pending.values()) reject(silent(command));
        this.#pending.clear();
        resolve();
      });
    });
  }

  /**
   * Connects as soon as QEMU listens, and negotiates.
   * @throws KioskError `MACHINE_SILENT` when that takes longer than the timeout
   */
  static async connect(options: QmpOptions): Promise<Qmp> {
    const deadline = Date.now() + options.timeoutMs;
    for (;;) {
      options.signal?.throwIfAborted();
      const socket = await dial(options.path);
      if (socket !== undefined) {
        const qmp = new Qmp(socket, options.timeoutMs);
        try {
          await qmp.#within('greeting', qmp.#greeted, Math.max(1, deadline - Date.now()));
          await qmp.execute('qmp_capabilities');
          return qmp;
        } catch (error) {
          socket.destroy();
          throw error;
        }
      }
      if (Date.now() >= deadline) throw silent('connect');
      await pause(4);
    }
  }

  get over(): boolean {
    return this.#over;
  }

  on(listener: (event: QmpEvent) => void): () => void {
    return this.#events.on('event', listener);
  }

  /**
   * @returns what QEMU answered; parse it
   * @throws QmpRefusal, or KioskError `MACHINE_SILENT` without an answer in time
   */
  async execute(
    command: string,
    args: Readonly<Record<string, unknown>> = {},
    timeoutMs = this.#timeoutMs,
  ): Promise<unknown> {
    if (this.#over) throw silent(command);
    const id = this.#nextId++;
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(id, { command, resolve, reject });
    });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
    try {
      return await this.#within(command, answer, timeoutMs);
    } finally {
      this.#pending.delete(id);
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #within<T>(what: string, work: Promise<T>, timeoutMs: number): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(silent(what)), timeoutMs);
      void this.closed.then(() => reject(silent(what)));
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What fits no shape of the protocol is ignored: QEMU may grow new messages. */
  #receive(value: unknown): void {
    const event = Event.safeParse(value);
    const success = Success.safeParse(value);
    const failure = Failure.safeParse(value);
    if (event.success) this.#events.emit('event', event.data);
    else if (success.success) this.#pending.get(success.data.id)?.resolve(success.data.return);
    else if (failure.success) this.#refuse(failure.data);
    else if (Greeting.safeParse(value).success) this.#greet();
  }

  #refuse({ id, error }: z.output<typeof Failure>): void {
    const pending = id === undefined ? undefined : this.#pending.get(id);
    pending?.reject(new QmpRefusal(pending.command, error));
  }
}

/** Undefined while nobody listens at the path. */
function dial(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error) => {
      const code = errno(error);
      if (code === 'ENOENT' || code === 'ECONNREFUSED') resolve(undefined);
      else reject(new KioskError('MACHINE_SILENT', `QMP: ${error.message}`, { cause: error }));
    });
  });
}

function silent(what: string): KioskError {
  return new KioskError('MACHINE_SILENT', `The machine did not answer (${what}).`, {
    details: { command: what },
  });
}
