/** What the cache tells of itself: its state, what failed last, how far a version has come. */
import { KioskError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import { next } from '../base/machine.ts';
import type { Logger } from '../log/logger.ts';
import type { UiCacheEvents, UiCacheReport, UiCacheState, UiCacheStatus } from './api.ts';
import { STATES, type UiCacheEvent } from './states.ts';

export interface ConditionOptions {
  readonly log: Logger;
  readonly report: (report: UiCacheReport) => void;
  /** What the page is loaded from. */
  readonly shown: () => Pick<UiCacheStatus, 'source' | 'version'>;
}

export class Condition {
  readonly events = new Emitter<UiCacheEvents>();
  readonly #options: ConditionOptions;
  #state: UiCacheState = 'empty';
  #progress: number | null = null;
  #error: KioskError | null = null;

  constructor(options: ConditionOptions) {
    this.#options = options;
  }

  /** Takes up the state of an earlier run. */
  resume(state: UiCacheState): void {
    this.#state = state;
  }

  status(): UiCacheStatus {
    const { source, version } = this.#options.shown();
    return { state: this.#state, source, version, progress: this.#progress, error: this.#error };
  }

  /** An event that the table lacks is logged and changes nothing. */
  step(event: UiCacheEvent): void {
    const to = next(STATES, this.#state, event);
    if (to === undefined) {
      this.#options.log.error('the UI cache rejected an event', { state: this.#state, event });
      return;
    }
    this.#state = to;
    this.changed();
  }

  /** @param fraction 0 to 1; null: nothing arrives */
  progress(fraction: number | null): void {
    this.#progress = fraction;
    this.changed();
  }

  succeeded(): void {
    this.#error = null;
    this.changed();
  }

  /**
   * Remembers, logs and reports a failure; one that repeats itself is reported once. A rollback is
   * reported by who does it.
   * @returns the error with a code
   */
  failed(error: unknown): KioskError {
    const known =
      error instanceof KioskError
        ? error
        : new KioskError('INTERNAL', 'The UI cache failed.', { cause: error });
    if (known.code === 'CANCELLED') return known;
    const { log, report } = this.#options;
    const first = this.#error?.code !== known.code;
    this.#error = known;
    log.error(known.message, { code: known.code, error: known.cause });
    if (first && known.code !== 'UI_RENDER_FAILED') {
      report({ kind: 'ui.failed', level: 'error', error: known });
    }
    this.changed();
    return known;
  }

  changed(): void {
    this.events.emit('status', this.status());
  }
}
