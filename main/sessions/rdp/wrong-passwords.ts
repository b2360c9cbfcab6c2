/**
 * Directories lock an account after some wrong passwords, and every click on a tile sends the one
 * that was typed at sign-in. After three, the kiosk asks the server only once a minute.
 */
import type { Clock } from '../../base/clock.ts';
import { KioskError } from '../../base/errors.ts';

const FREE_TRIES = 3;
const PAUSE_MS = 60_000;

export class WrongPasswords {
  readonly #clock: Clock;
  readonly #failures = new Map<string, { count: number; last: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param key person and entry
   * @throws KioskError `REMOTE_CREDENTIALS_WRONG` (details: `until`, milliseconds since the epoch)
   */
  check(key: string): void {
    const known = this.#failures.get(key);
    if (known === undefined || known.count < FREE_TRIES) return;
    const until = known.last + PAUSE_MS;
    if (this.#clock.now() >= until) return;
    throw new KioskError(
      'REMOTE_CREDENTIALS_WRONG',
      'The server refused this password several times: it is not asked again for a while.',
      { details: { until } },
    );
  }

  failed(key: string): void {
    const count = (this.#failures.get(key)?.count ?? 0) + 1;
    this.#failures.set(key, { count, last: this.#clock.now() });
  }

  succeeded(key: string): void {
    this.#failures.delete(key);
  }
}
