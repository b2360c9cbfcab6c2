/** What every part of main logs through; `main/log` makes it from pino. */
import type { ErrorCode } from '../../preload/contract/errors.ts';

export type LogFields = { readonly [key: string]: unknown } & { readonly code?: ErrorCode };

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger whose lines name the part of the product that wrote them, e.g. `campus`. */
  scope(name: string): Logger;
}

/** Discards everything; for tests and tools. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  scope() {
    return silentLogger;
  },
};
