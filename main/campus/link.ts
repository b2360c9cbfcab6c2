/**
 * The campus link: when the campus is asked, and what is said about it. One table decides the
 * states; timers, pushed events and hints of the network only bring the next look nearer.
 */
import type { WireError } from '../../preload/contract/errors.ts';
import type { LinkState } from '../../preload/contract/model.ts';
import { backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { toWireError } from '../base/errors.ts';
import { next, type Table } from '../base/machine.ts';
import type { Logger } from '../log/logger.ts';

/**
 * `attempt`: a look begins. `confirmed`: the campus gave a manifest that is believed. `lost`: it
 * did not. `noNetwork`: this computer has no network at all. `stop`: the kiosk ends.
 */
export type LinkEvent = 'attempt' | 'confirmed' | 'lost' | 'noNetwork' | 'stop';

export const LINK: Table<LinkState, LinkEvent> = {
  // A look that was under way when the network went still tells the truth when it ends.
  offline: {
    attempt: 'connecting',
    confirmed: 'online',
    lost: 'offline',
    noNetwork: 'offline',
    stop: 'offline',
  },
  connecting: { confirmed: 'online', lost: 'backoff', noNetwork: 'offline', stop: 'offline' },
  // A look while online is silent: the person sees only its failure.
  online: {
    attempt: 'online',
    confirmed: 'online',
    lost: 'backoff',
    noNetwork: 'offline',
    stop: 'offline',
  },
  backoff: { attempt: 'connecting', lost: 'backoff', noNetwork: 'offline', stop: 'offline' },
};

export interface LinkOptions {
  /** Asks the campus; resolves when the manifest in use is confirmed or a new one is accepted. */
  readonly look: (signal: AbortSignal) => Promise<void>;
  readonly pollMs: number;
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Called after each change of the state or of the error. */
  readonly onChange: () => void;
}

/** Several hints at once (a cable with four addresses) are one look. */
const HINT_DELAY_MS = 250;

export class Link {
  readonly #options: LinkOptions;
  #state: LinkState = 'offline';
  #since: number;
  #error: WireError | null = null;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #due = Number.POSITIVE_INFINITY;
  #looking: Promise<void> | null = null;
  #stopping = new AbortController();
  #started = false;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  get state(): LinkState {
    return this.#state;
  }

  /** When the state last changed. */
  get since(): number {
    return this.#since;
  }

  /** The last failure while not online. */
  get error(): WireError | null {
    return this.#error;
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.#schedule(0);
  }

  /** Looks now, or waits for the look that is under way. Rejects with why the campus is not believed. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** Something suggests that the campus has news, came back or went away: look soon. */
  hint(): void {
    this.#failures = 0;
    this.#schedule(this.#options.random() * HINT_DELAY_MS);
  }

  /** This computer has no network: says so at once, and goes on looking at the slowest pace. */
  noNetwork(): void {
    this.#move('noNetwork', null);
    this.#schedule(this.#options.backoffCapMs, true);
  }

  /** Ends timers and the look under way. */
  async stop(): Promise<void> {
    this.#started = false;
    clearTimeout(this.#timer);
    this.#stopping.abort();
    await this.#looking?.catch(() => {});
    this.#move('stop', null);
  }

  async #look(): Promise<void> {
    const { pollMs, backoffBaseMs, backoffCapMs, random, log } = this.#options;
    this.#move('attempt', this.#error);
    try {
      await this.#options.look(this.#stopping.signal);
      this.#failures = 0;
      this.#move('confirmed', null);
      this.#schedule(pollMs * (0.9 + 0.2 * random()), true);
    } catch (error) {
      if (this.#stopping.signal.aborted) throw error;
      const wire = toWireError(error);
      if (wire.code !== this.#error?.code)
        log.warn('the campus is not available', { code: wire.code, reason: wire.message });
      this.#move('lost', wire);
      const pause = backoff(this.#failures, { base: backoffBaseMs, cap: backoffCapMs, random });
      this.#failures++;
      this.#schedule(pause, true);
      throw error;
    }
  }

  /** @param replace false keeps an earlier look that is due already */
  #schedule(ms: number, replace = false): void {
    if (!this.#started) return;
    const due = performance.now() + ms;
    if (!replace && this.#due <= due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.look().catch(() => {});
    }, ms);
  }

  #move(event: LinkEvent, error: WireError | null): void {
    const to = next(LINK, this.#state, event);
    if (to === undefined) {
      this.#options.log.warn('the link rejected an event', { state: this.#state, event });
      return;
    }
    const changed = to !== this.#state;
    if (changed) {
      const { log } = this.#options;
      // While the campus is away the state alternates for hours: that is no news.
      if (to === 'online' || this.#state === 'online')
        log.info('campus link', { from: this.#state, to });
      else log.debug('campus link', { from: this.#state, to });
      this.#state = to;
      this.#since = this.#options.clock.now();
    }
    const news = changed || error?.code !== this.#error?.code;
    this.#error = error;
    if (news) this.#options.onChange();
  }
}
