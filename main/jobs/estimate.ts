/**
 * How far a job is and how long it still takes. The rate is an exponentially weighted average, so
 * that a stall or a burst moves the answer within some seconds without making it jump.
 */
import type { Clock } from '../base/clock.ts';

/** Time in which an old rate loses 63 % of its weight. */
const SMOOTHING_MS = 8_000;
/** Too little was seen before this to say anything. */
const WARM_UP_MS = 2_000;
/** Reports that come closer together are taken as one. */
const MIN_SAMPLE_MS = 200;

/** Relative weights of the named steps of a job, in their order. */
export type Steps = Readonly<Record<string, number>>;

/**
 * The fraction of the whole job.
 *
 * @param fraction 0 to 1 of the step, or of the job where it has no steps
 */
export function overall(
  steps: Steps | undefined,
  step: string | undefined,
  fraction: number,
): number {
  const within = Number.isFinite(fraction) ? Math.min(1, Math.max(0, fraction)) : 0;
  if (!steps || step === undefined || !Object.hasOwn(steps, step)) return within;
  let before = 0;
  let total = 0;
  let reached = false;
  for (const [name, weight] of Object.entries(steps)) {
    if (name === step) reached = true;
    if (!reached) before += weight;
    total += weight;
  }
  return total > 0 ? (before + within * (steps[step] ?? 0)) / total : within;
}

export class Estimate {
  readonly #clock: Clock;
  /** Fraction per millisecond. */
  #rate: number | undefined;
  #progress = 0;
  #startedAt: number;
  #sampledAt: number;
  #sampled = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#startedAt = clock.now();
    this.#sampledAt = this.#startedAt;
  }

  /** The overall fraction, which never goes back within a run. */
  get progress(): number {
    return this.#progress;
  }

  report(progress: number): void {
    this.#progress = Math.max(this.#progress, progress);
    const now = this.#clock.now();
    const elapsed = now - this.#sampledAt;
    // Also when the clock was set back: begin a new sample.
    if (elapsed < 0) this.#sampledAt = now;
    if (elapsed < MIN_SAMPLE_MS) return;
    const rate = (this.#progress - this.#sampled) / elapsed;
    const weight = 1 - Math.exp(-elapsed / SMOOTHING_MS);
    this.#rate = this.#rate === undefined ? rate : this.#rate + weight * (rate - this.#rate);
    this.#sampledAt = now;
    this.#sampled = this.#progress;
  }

  /** Time that passed without work (a pause) does not count. */
  skip(): void {
    const now = this.#clock.now();
    this.#startedAt += Math.max(0, now - this.#sampledAt);
    this.#sampledAt = now;
    this.#sampled = this.#progress;
  }

  /** null while nothing can be said. */
  get secondsLeft(): number | null {
    if (this.#progress >= 1) return 0;
    const running = this.#clock.now() - this.#startedAt;
    if (this.#rate === undefined || this.#rate <= 0 || running < WARM_UP_MS) return null;
    const seconds = (1 - this.#progress) / this.#rate / 1000;
    // Beyond a day it is no estimate.
    return seconds > 86_400 ? null : Math.max(1, Math.round(seconds));
  }
}
