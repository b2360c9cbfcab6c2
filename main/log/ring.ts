/** The last lines of the log in memory, for the administrator's screen. */
import type { LogLevel, LogLine } from '../../preload/contract/model.ts';

export interface LogFilter {
  /** This level and those above it. Default: all that was logged. */
  readonly level?: LogLevel | undefined;
  /** At most so many lines, the newest. Default 200. */
  readonly limit?: number | undefined;
  /** Somewhere in the line, upper and lower case alike. */
  readonly contains?: string | undefined;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export class Ring {
  readonly #lines: LogLine[] = [];
  readonly #size: number;
  #next = 0;

  constructor(size: number) {
    this.#size = size;
  }

  push(line: LogLine): void {
    if (this.#size === 0) return;
    this.#lines[this.#next] = line;
    this.#next = (this.#next + 1) % this.#size;
  }

  /** What passes the filter, oldest first. */
  read({ level = 'debug', limit = 200, contains = '' }: LogFilter): LogLine[] {
    const needle = contains.toLowerCase();
    const found: LogLine[] = [];
    const count = this.#lines.length;
    for (let back = 1; back <= count && found.length < limit; back++) {
      const line = this.#lines[(this.#next - back + count) % count];
      if (line === undefined || RANK[line.level] < RANK[level]) continue;
      if (needle !== '' && !JSON.stringify(line).toLowerCase().includes(needle)) continue;
      found.push(line);
    }
    return found.reverse();
  }
}
