import { backoff } from '../base/backoff.ts';

const CAP_MS = 5 * 60_000;

/** Tries again by itself, later and later, or at once when asked to. */
export class Retry {
  readonly #baseMs: number;
  readonly #work: () => void;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  /** @param baseMs the shortest pause in milliseconds; doubles up to five minutes, with jitter */
  constructor(baseMs: number, work: () => void) {
    this.#baseMs = baseMs;
    this.#work = work;
  }

  /** Once more, after a pause; nothing where that is already due. */
  later(): void {
    if (this.#timer !== undefined) return;
    const pause = this.#baseMs + backoff(this.#failures++, { base: this.#baseMs, cap: CAP_MS });
    this.#timer = setTimeout(() => this.#run(), pause);
    this.#timer.unref();
  }

  /** What is due is done now. */
  hurry(): void {
    if (this.#timer !== undefined) this.#run();
  }

  /** Nothing is due any more. */
  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** It worked, or something new is wanted: the next pause is a short one. */
  reset(): void {
    this.clear();
    this.#failures = 0;
  }

  #run(): void {
    this.clear();
    this.#work();
  }
}
