import type { ErrorCode, Json, WireError } from '../../preload/contract/errors.ts';

/**
 * A failure with a stable code. `message` is one English sentence for the log; the UI translates
 * by code. `details` may cross to the page, so it never holds secrets; `cause` never crosses.
 */
export class KioskError extends Error {
  readonly code: ErrorCode;
  readonly details: { [key: string]: Json } | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: { cause?: unknown; details?: { [key: string]: Json } } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'KioskError';
    this.code = code;
    this.details = options.details;
  }

  toWire(): WireError {
    const wire: WireError = { code: this.code, message: this.message };
    if (this.details !== undefined) wire.details = this.details;
    return wire;
  }
}

/** Anything thrown, as a wire error. What is not a {@link KioskError} becomes `INTERNAL` without its text. */
export function toWireError(error: unknown): WireError {
  if (error instanceof KioskError) return error.toWire();
  if (isAbort(error)) return { code: 'CANCELLED', message: 'It was cancelled.' };
  return { code: 'INTERNAL', message: 'Something went wrong inside the kiosk.' };
}

/** True for what an aborted `AbortSignal` throws. */
export function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || error.name === 'TimeoutError');
}

/** The errno name (`ENOSPC`, `EROFS`, …) of a system error, else undefined. */
export function errno(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/**
 * Translates the errors every writer meets: a full disk and a read-only one. Others come back
 * as they are.
 */
export function fromDiskError(error: unknown, doing: string): unknown {
  switch (errno(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'SQLITE_FULL':
      return new KioskError('DISK_FULL', `The disk is full while ${doing}.`, { cause: error });
    case 'EROFS':
    case 'SQLITE_READONLY':
    case 'SQLITE_READONLY_DIRECTORY':
      return new KioskError('DISK_READ_ONLY', `The disk is read-only while ${doing}.`, {
        cause: error,
      });
    default:
      return error;
  }
}
