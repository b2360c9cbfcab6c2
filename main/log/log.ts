/**
 * The log: one JSON object a line, in the same form as the contract's `LogLine`, without secrets
 * (redact.ts), in a rotated file or on standard error, and its last lines in memory. Written in
 * this thread: a transport in a worker costs start-up time and loses the lines before a crash.
 */
import { pino } from 'pino';
import { ERROR_CODES, type ErrorCode } from '../../preload/contract/errors.ts';
import type { LogLevel, LogLine } from '../../preload/contract/model.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import type { LogFields, Logger } from './logger.ts';
import { Redactor } from './redact.ts';
import { type LogFilter, Ring } from './ring.ts';
import { RotatingFile } from './rotating-file.ts';

export interface LogOptions {
  readonly level: LogLevel;
  readonly destination:
    | {
        readonly type: 'file';
        readonly path: string;
        /** Default 4 MiB. */
        readonly maxBytes?: number;
        /** Older files that are kept. Default 4. */
        readonly keep?: number;
      }
    | { readonly type: 'stderr' }
    /** Memory only. */
    | { readonly type: 'none' };
  /** Lines in memory. Default 2000. */
  readonly ringSize?: number;
  readonly clock?: Clock;
}

export interface Log extends Logger {
  /** The last lines that pass the filter, oldest first. */
  read(filter?: LogFilter): LogLine[];
  /** Takes effect at once, in every scope. */
  setLevel(level: LogLevel): void;
  /**
   * Hides a value (a typed password, a ticket) wherever it appears from now on, in other
   * encodings too. Returns the function that forgets it.
   */
  redact(value: string): () => void;
  /** Closes the file; what is logged afterwards is dropped. */
  close(): void;
}

const CODES: ReadonlySet<unknown> = new Set(ERROR_CODES);

/** Never throws, now or later: lines that the disk does not take are lost, and counted in the log. */
export function createLog(options: LogOptions): Log {
  const { ringSize = 2_000, clock = systemClock } = options;
  const redactor = new Redactor();
  const ring = new Ring(ringSize);
  const output = openOutput(options, clock);
  const writer = pino(
    {
      level: options.level,
      base: null,
      timestamp: false,
      messageKey: 'message',
      formatters: { level: (label) => ({ level: label }) },
    },
    output,
  );

  function write(scope: string, level: LogLevel, message: string, fields: LogFields = {}): void {
    if (!writer.isLevelEnabled(level)) return;
    // Not taken apart with `...`: that would read getters, and one may throw.
    const { code: _, ...clean } = redactor.fields(fields);
    const line: LogLine = {
      time: clock.now(),
      level,
      scope,
      message: redactor.text(message),
      code: fields.code ?? codeOf(fields.error),
      fields: clean,
    };
    ring.push(line);
    writer[level](
      { time: line.time, scope, code: line.code, fields: line.fields },
      // pino formats `%s` only when there are further arguments: the message stays as it is.
      line.message,
    );
  }

  function scoped(scope: string): Logger {
    return {
      debug: (message, fields) => write(scope, 'debug', message, fields),
      info: (message, fields) => write(scope, 'info', message, fields),
      warn: (message, fields) => write(scope, 'warn', message, fields),
      error: (message, fields) => write(scope, 'error', message, fields),
      scope: (name) => scoped(name),
    };
  }

  return {
    ...scoped('main'),
    read: (filter = {}) => ring.read(filter),
    setLevel(level) {
      writer.level = level;
    },
    redact: (value) => redactor.add(value),
    close: () => output.close(),
  };
}

interface Output {
  write(line: string): void;
  close(): void;
}

function openOutput({ destination }: LogOptions, clock: Clock): Output {
  switch (destination.type) {
    case 'none':
      return { write() {}, close() {} };
    case 'stderr':
      return standardError();
    case 'file': {
      const fallback = standardError();
      const file = new RotatingFile({
        path: destination.path,
        maxBytes: destination.maxBytes ?? 4 * 1024 * 1024,
        keep: destination.keep ?? 4,
        clock,
        onFailure: (error) =>
          fallback.write(
            `vestibule: the log ${destination.path} cannot be written: ${error instanceof Error ? error.message : error}\n`,
          ),
      });
      let open = true;
      return {
        write: (line) => {
          if (open) file.write(line);
        },
        close: () => {
          open = false;
          file.close();
          fallback.close();
        },
      };
    }
  }
}

/** Whoever reads our standard error may go away; that must not end the kiosk (EPIPE). */
function standardError(): Output {
  const ignore = (): void => {};
  process.stderr.on('error', ignore);
  return {
    write: (line) => {
      if (process.stderr.writable) process.stderr.write(line);
    },
    close: () => {
      process.stderr.removeListener('error', ignore);
    },
  };
}

function codeOf(error: unknown): ErrorCode | null {
  if (typeof error !== 'object' || error === null || !('code' in error)) return null;
  return isErrorCode(error.code) ? error.code : null;
}

function isErrorCode(code: unknown): code is ErrorCode {
  return CODES.has(code);
}
