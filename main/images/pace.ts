import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../base/clock.ts';

export interface PaceSettings {
  /** Ceiling of what images may use of the network; null: none. */
  readonly bytesPerSecond: number | null;
  /** A person works in a session: image work takes low processor and disk priority. */
  readonly busy: boolean;
}

/** Bytes that may be spent at once after a pause, in seconds of the ceiling. */
const BURST_SECONDS = 0.25;

/**
 * The manners of image work: a token bucket for the network, shared by all transfers, and whether
 * someone is working. Changed at any time; those who wait adapt.
 */
export class Pace {
  readonly #clock: Clock;
  #settings: PaceSettings = { bytesPerSecond: null, busy: false };
  /** May be negative: what was taken ahead is paid by those who come after. */
  #tokens = 0;
  #filledAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#filledAt = clock.now();
  }

  get busy(): boolean {
    return this.#settings.busy;
  }

  set(settings: PaceSettings): void {
    this.#settings = settings;
    this.#tokens = 0;
    this.#filledAt = this.#clock.now();
  }

  /** Waits until so many bytes may be asked for. @throws the signal's reason */
  async take(bytes: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const rate = this.#settings.bytesPerSecond;
      if (rate === null) return;
      const now = this.#clock.now();
      this.#tokens = Math.min(
        rate * BURST_SECONDS,
        this.#tokens + ((now - this.#filledAt) / 1000) * rate,
      );
      this.#filledAt = now;
      if (this.#tokens >= 0) {
        this.#tokens -= bytes;
        return;
      }
      // At most a second at a time, so that a raised ceiling is noticed.
      const wait = Math.min(1000, (-this.#tokens / rate) * 1000);
      await sleep(Math.max(1, wait), undefined, { signal });
    }
  }
}
