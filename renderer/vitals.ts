/** How main knows that the page lives: it has painted, it beats, and it reports what fails. */
import type { KioskApi } from '../preload/contract/contract.ts';
import { HEARTBEAT_MS } from '../preload/contract/limits.ts';

export type Report = (error: unknown) => void;

/** Longer texts are cut: they are for a log line, and the contract bounds them. */
const MAX_MESSAGE = 2000;
const MAX_STACK = 8000;
/** A page that fails in a loop must not fill the log. */
const MAX_REPORTS = 50;

/** Sends what fails anywhere in the page to main's log. */
export function installReporting(api: KioskApi): Report {
  let sent = 0;
  const report: Report = (error) => {
    if (sent++ >= MAX_REPORTS) return;
    const message = (error instanceof Error ? error.message : String(error)).slice(0, MAX_MESSAGE);
    const stack = error instanceof Error ? error.stack?.slice(0, MAX_STACK) : undefined;
    // Nobody is left to tell when main does not take the report either.
    api.ui.report(stack === undefined ? { message } : { message, stack }).catch(() => undefined);
  };
  window.addEventListener('error', (event) => report(event.error ?? event.message));
  window.addEventListener('unhandledrejection', (event) => report(event.reason));
  return report;
}

/**
 * Beats every `HEARTBEAT_MS` as long as there is something on the screen: a page that has gone
 * blank falls silent like one that hangs, and main loads it again.
 */
export function startHeartbeat(api: KioskApi, root: HTMLElement): void {
  const beat = () => {
    if (root.childElementCount > 0) api.ui.heartbeat().catch(() => undefined);
  };
  setInterval(beat, HEARTBEAT_MS);
}

/**
 * Calls `painted` once the frame that holds what was just committed has been drawn: the first
 * animation frame runs before it is painted, the second one after.
 * @returns stops it
 */
export function afterPaint(painted: () => void): () => void {
  let frame = requestAnimationFrame(() => {
    frame = requestAnimationFrame(painted);
  });
  return () => cancelAnimationFrame(frame);
}
