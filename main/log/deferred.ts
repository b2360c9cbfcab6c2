/** A logger for the moments before the log exists: it keeps the lines and hands them on. */
import type { LogFields, Logger } from './logger.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';
interface Line {
  readonly level: Level;
  readonly scopes: readonly string[];
  readonly message: string;
  readonly fields: LogFields | undefined;
}

interface Shared {
  target: Logger | undefined;
  readonly lines: Line[];
}

export class DeferredLogger implements Logger {
  readonly #shared: Shared;
  readonly #scopes: readonly string[];

  constructor(shared: Shared = { target: undefined, lines: [] }, scopes: readonly string[] = []) {
    this.#shared = shared;
    this.#scopes = scopes;
  }

  /** Writes what was kept, in order, and everything from now on, to the real log. */
  connect(target: Logger): void {
    this.#shared.target = target;
    for (const line of this.#shared.lines.splice(0)) write(target, line);
  }

  debug(message: string, fields?: LogFields): void {
    this.#add('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#add('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#add('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#add('error', message, fields);
  }

  scope(name: string): Logger {
    return new DeferredLogger(this.#shared, [...this.#scopes, name]);
  }

  #add(level: Level, message: string, fields: LogFields | undefined): void {
    const line = { level, scopes: this.#scopes, message, fields };
    if (this.#shared.target) write(this.#shared.target, line);
    else this.#shared.lines.push(line);
  }
}

function write(target: Logger, { level, scopes, message, fields }: Line): void {
  const logger = scopes.reduce((scoped, name) => scoped.scope(name), target);
  logger[level](message, fields);
}
