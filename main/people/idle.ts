/**
 * Signs out a person who has left: after a time without any key or mouse movement on the whole
 * screen, whatever program had it, and after a warning that a movement takes back.
 */
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../log/logger.ts';

/** Between two looks, in milliseconds; every second while the warning is shown. */
const LOOK_MS = 10_000;
const COUNT_MS = 1_000;
/** The warning takes the last minute, or the last half of a shorter time. */
const WARNING_MS = 60_000;

export interface IdleOptions {
  /** Milliseconds since the last input; undefined: it cannot be known here. */
  readonly idle: () => Promise<number | undefined>;
  /** Minutes that a person may be away; 0: as long as they want. Read at each look. */
  readonly minutes: () => number;
  /** Somebody is signed in. */
  readonly present: () => boolean;
  /** When it will happen, in milliseconds since the epoch; null: the person is back. */
  readonly warn: (signOutAt: number | null) => void;
  readonly signOut: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class IdleWatch {
  readonly #options: IdleOptions;
  #timer: NodeJS.Timeout | undefined;
  #signOutAt: number | null = null;
  #closed = false;

  constructor(options: IdleOptions) {
    this.#options = options;
    this.#wait(LOOK_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #wait(milliseconds: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.look().finally(() => this.#wait(this.#signOutAt === null ? LOOK_MS : COUNT_MS));
    }, milliseconds).unref();
  }

  /** Looks once. Never rejects. */
  async look(): Promise<void> {
    const { minutes, present, clock, log } = this.#options;
    const limit = minutes() * 60_000;
    try {
      if (limit === 0 || !present()) return this.#tell(null);
      const idle = await this.#options.idle();
      if (idle === undefined || !present()) return this.#tell(null);
      if (idle < limit - Math.min(WARNING_MS, limit / 2)) return this.#tell(null);
      if (idle < limit) return this.#tell(clock.now() + limit - idle);
      log.info('a person who is away is signed out', { minutes: minutes() });
      await this.#options.signOut();
      this.#tell(null);
    } catch (error) {
      log.warn('whether somebody is there cannot be known', { error });
      this.#tell(null);
    }
  }

  #tell(signOutAt: number | null): void {
    // The same moment, seen a little earlier or later.
    const same =
      signOutAt !== null &&
      this.#signOutAt !== null &&
      Math.abs(signOutAt - this.#signOutAt) < 1_500;
    if (same || signOutAt === this.#signOutAt) return;
    this.#signOutAt = signOutAt;
    this.#options.warn(signOutAt);
  }
}
