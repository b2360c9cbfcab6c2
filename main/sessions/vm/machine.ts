/**
 * One running machine: what its QMP events mean, whether it still answers, how it is stopped,
 * and what is reported when it is over. The same for a machine started here and an adopted one.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { WireError } from '../../../preload/contract/errors.ts';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import type { RunningSession, SessionEnd, Surface } from '../engine.ts';
import { deathError } from './faults.ts';
import { Qmp, type QmpEvent } from './qmp.ts';

export interface MachineExit {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stderrTail: string;
}

export interface MachineTimes {
  /** A command without an answer for so long: the machine is silent. */
  readonly answerMs: number;
  /** How often it is asked for a sign of life. */
  readonly heartbeatMs: number;
  /** From asking QEMU to quit to killing it. */
  readonly quitMs: number;
  /** How often a machine that a full disk has stopped is tried again. */
  readonly retryMs: number;
}

export const DEFAULT_TIMES: MachineTimes = {
  answerMs: 60_000,
  heartbeatMs: 20_000,
  quitMs: 2_000,
  retryMs: 5_000,
};

export interface MachineOptions {
  readonly qmp: Qmp;
  readonly qmpPath: string;
  readonly surface: Surface;
  /** The process is gone. `code` undefined: nobody could know (an adopted one). */
  readonly exited: Promise<MachineExit | undefined>;
  /** Kills the process at once. */
  readonly killProcess: () => Promise<void>;
  /** Removes everything that the machine held, once it is gone. */
  readonly release: () => Promise<void>;
  readonly notice: (error: WireError) => void;
  readonly hasConsole: boolean;
  readonly times: MachineTimes;
  readonly log: Logger;
}

const IoError = z.object({ nospace: z.boolean().default(false), action: z.string() });

export class Machine implements RunningSession {
  readonly surface: Surface;
  readonly ended: Promise<SessionEnd>;
  readonly #options: MachineOptions;
  #qmp: Qmp;
  #heartbeat: NodeJS.Timeout;
  #failure: KioskError | undefined;
  /** Somebody asked it to end, here or inside: then any exit is a good one. */
  #expected = false;
  #gone = false;
  #retrying = false;

  constructor(options: MachineOptions) {
    this.#options = options;
    this.#qmp = options.qmp;
    this.surface = options.surface;
    this.#heartbeat = setInterval(() => void this.#ask(), options.times.heartbeatMs);
    this.#heartbeat.unref();
    this.#listen();
    this.ended = this.#end();
  }

  /** QEMU's monitor, for diagnostics; a new one after a reconnect. */
  get monitor(): Qmp {
    return this.#qmp;
  }

  async stop(): Promise<void> {
    await this.#qmp.execute('system_powerdown', {}, this.#options.times.answerMs);
  }

  async kill(): Promise<void> {
    this.#expected = true;
    await this.#quit();
  }

  async #quit(): Promise<void> {
    const { times, exited, killProcess } = this.#options;
    // Its connection may close before the answer arrives: both mean that it heard.
    await this.#qmp.execute('quit', {}, times.quitMs).catch(() => {});
    const gone = await Promise.race([exited.then(() => true), pause(times.quitMs, false)]);
    if (!gone) await killProcess();
    await exited;
  }

  async #end(): Promise<SessionEnd> {
    const exit = await this.#options.exited;
    this.#gone = true;
    clearInterval(this.#heartbeat);
    this.#qmp.close();
    const error = this.#failure ?? this.#judge(exit);
    if (error) this.#options.log.error(error.message, { code: error.code });
    try {
      await this.#options.release();
    } catch (cause) {
      this.#options.log.error('a machine left something behind', { error: cause });
    }
    return error ? { error: { code: error.code, message: error.message } } : {};
  }

  #judge(exit: MachineExit | undefined): KioskError | undefined {
    if (this.#expected || exit?.code === 0) return undefined;
    return deathError(exit ?? { code: null, signal: null, stderrTail: '' });
  }

  #listen(): void {
    const qmp = this.#qmp;
    qmp.on((event) => this.#handle(event));
    void qmp.closed.then(() => this.#reconnect());
  }

  #handle(event: QmpEvent): void {
    switch (event.event) {
      case 'SHUTDOWN':
        this.#expected = true;
        return;
      case 'GUEST_PANICKED':
        void this.#crashed();
        return;
      case 'BLOCK_IMAGE_CORRUPTED':
        void this.#fail(
          new KioskError('MACHINE_IMAGE_CORRUPT', "The machine's disk turned out to be damaged."),
        );
        return;
      case 'BLOCK_IO_ERROR':
        this.#ioError(IoError.safeParse(event.data).data);
        return;
      default:
        return;
    }
  }

  /** QEMU stops a machine that cannot write; it goes on as soon as there is room again. */
  #ioError(error: z.output<typeof IoError> | undefined): void {
    if (error?.action !== 'stop' || this.#retrying) return;
    this.#retrying = true;
    const full = new KioskError(
      'DISK_FULL',
      'The machine waits: the disk of this computer is full.',
    );
    this.#options.log.warn(full.message, { code: full.code, nospace: error.nospace });
    this.#options.notice(full.toWire());
    setTimeout(() => {
      this.#retrying = false;
      if (!this.#gone) void this.#qmp.execute('cont').catch(() => {});
    }, this.#options.times.retryMs).unref();
  }

  async #crashed(): Promise<void> {
    const { log, hasConsole } = this.#options;
    if (hasConsole) {
      const tail = await this.#qmp
        .execute('ringbuf-read', { device: 'console', size: 65_536 })
        .catch(() => '');
      log.error('the console of a crashed machine', { console: String(tail).slice(-8_192) });
    }
    await this.#fail(new KioskError('MACHINE_CRASHED', 'The system in the machine has crashed.'));
  }

  async #fail(error: KioskError): Promise<void> {
    this.#failure ??= error;
    await this.#quit();
  }

  /** Also finds a crash whose event was lost while nobody was connected. */
  async #ask(): Promise<void> {
    const qmp = this.#qmp;
    try {
      const answer = await qmp.execute('query-status', {}, this.#options.times.answerMs);
      const { status } = z.object({ status: z.string() }).parse(answer);
      if (status === 'guest-panicked' && !this.#failure) await this.#crashed();
    } catch (error) {
      // A connection that closed is for #reconnect; silence on an open one ends the machine.
      if (!this.#gone && !qmp.over) await this.#fail(asSilence(error));
    }
  }

  async #reconnect(): Promise<void> {
    const { exited, qmpPath, times } = this.#options;
    // Usually the machine has ended, and its process is about to be reaped.
    const gone = await Promise.race([exited.then(() => true), pause(300, false)]);
    if (gone || this.#failure) return;
    try {
      this.#qmp = await Qmp.connect({ path: qmpPath, timeoutMs: times.answerMs });
      this.#listen();
      await this.#ask();
    } catch (error) {
      if (!this.#gone) await this.#fail(asSilence(error));
    }
  }
}

function asSilence(cause: unknown): KioskError {
  return new KioskError('MACHINE_SILENT', 'The machine no longer answers.', { cause });
}
