/**
 * Exponential backoff with full jitter: a pause between 0 and `min(cap, base · 2^attempt)`, so
 * that a room of kiosks does not return all at once (AWS Architecture Blog, "Exponential Backoff
 * And Jitter", 2015).
 *
 * @param attempt 0 for the first retry
 * @returns milliseconds
 */
export function backoff(
  attempt: number,
  options: { base?: number; cap?: number; random?: () => number } = {},
): number {
  const { base = 500, cap = 60_000, random = Math.random } = options;
  return Math.round(random() * Math.min(cap, base * 2 ** Math.min(attempt, 30)));
}
