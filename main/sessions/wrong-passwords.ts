/**
 * Directories lock an account after some wrong passwords, and every click on a tile may send the
 * one that was typed at sign-in. After three, a server is asked only once a minute.
 */
import type { Clock } from '../base/clock.ts';
import { KioskError } from '../base/errors.ts';

const FREE_TRIES = 3;
const PAUSE_MS = 60_000;

export class WrongPasswords {
  readonly #clock: Clock;
  readonly #failures = new Map<string, { count: number; last: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Why the server may not be asked now (`REMOTE_CREDENTIALS_WRONG`; details: `until`,
   * milliseconds since the epoch); undefined: it may.
   * @param key person and entry
   */
  tooEarly(key: string): KioskError | undefined {
    const known = this.#failures.get(key);
    if (known === undefined || known.count < FREE_TRIES) return undefined;
    const until = known.last + PAUSE_MS;
    if (this.#clock.now() >= until) return undefined;
    return new KioskError(
      'REMOTE_CREDENTIALS_WRONG',
      'The server refused the password several times: it is not asked again for a while.',
      { details: { until } },
    );
  }

  /** Counts; the error says what is left (details: `attemptsLeft`, or `until`). */
  failed(key: string, cause?: unknown): KioskError {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { count, last: this.#clock.now() });
    return (
      this.tooEarly(key) ??
      new KioskError('REMOTE_CREDENTIALS_WRONG', 'The server refused the name or the password.', {
        cause,
        details: { attemptsLeft: FREE_TRIES - count },
      })
    );
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}
