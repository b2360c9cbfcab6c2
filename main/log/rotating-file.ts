/**
 * A log file that never grows past its share of the disk and never takes main down: lines are
 * written at once (what was logged before a crash is there after it), and where the disk is full
 * or read-only they are counted, and writing is tried again later.
 */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { errno } from '../base/errors.ts';

export interface RotatingFileOptions {
  readonly path: string;
  /** The file is renamed to `path.1` before it grows past this. */
  readonly maxBytes: number;
  /** How many renamed files are kept: `path.1` (newest) to `path.<keep>`. */
  readonly keep: number;
  readonly clock: Clock;
  /** Told once per outage. */
  readonly onFailure: (error: unknown) => void;
}

const RETRY_MS = 30_000;

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  #descriptor: number | undefined;
  #size = 0;
  #lost = 0;
  #retryAt = 0;

  constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Appends one line, which ends in a newline. Never throws. */
  write(line: string): void {
    if (this.#lost > 0 && this.#options.clock.now() < this.#retryAt) {
      this.#lost++;
      return;
    }
    try {
      const bytes = Buffer.from(this.#lost > 0 ? `${this.#gap()}${line}` : line, 'utf8');
      this.#open();
      if (this.#size > 0 && this.#size + bytes.length > this.#options.maxBytes) this.#rotate();
      this.#append(bytes);
      this.#lost = 0;
    } catch (error) {
      if (this.#lost === 0) this.#options.onFailure(error);
      this.#lost++;
      this.#retryAt = this.#options.clock.now() + RETRY_MS;
      this.close();
    }
  }

  close(): void {
    if (this.#descriptor === undefined) return;
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    try {
      closeSync(descriptor);
    } catch {
      // The descriptor is released whatever close(2) answers.
    }
  }

  #gap(): string {
    const line = {
      level: 'warn',
      time: this.#options.clock.now(),
      scope: 'log',
      message: `${this.#lost} lines could not be written.`,
      code: null,
      fields: {},
    };
    return `${JSON.stringify(line)}\n`;
  }

  #open(): number {
    if (this.#descriptor !== undefined) return this.#descriptor;
    mkdirSync(dirname(this.#options.path), { recursive: true, mode: 0o700 });
    const descriptor = openSync(this.#options.path, 'a', 0o600);
    this.#descriptor = descriptor;
    this.#size = fstatSync(descriptor).size;
    return descriptor;
  }

  /** write(2) may take only a part, on a disk that is nearly full for one. */
  #append(bytes: Buffer): void {
    const descriptor = this.#open();
    for (let offset = 0; offset < bytes.length; ) {
      const written = writeSync(descriptor, bytes, offset);
      offset += written;
      this.#size += written;
    }
  }

  #rotate(): void {
    const { path, keep } = this.#options;
    this.close();
    rmSync(`${path}.${keep}`, { force: true });
    for (let index = keep - 1; index >= 1; index--) {
      renameIfPresent(`${path}.${index}`, `${path}.${index + 1}`);
    }
    if (keep > 0) renameIfPresent(path, `${path}.1`);
    else rmSync(path, { force: true });
    this.#open();
  }
}

function renameIfPresent(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
}
