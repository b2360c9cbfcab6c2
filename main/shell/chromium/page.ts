/** What main asks of any page, with an end to its patience. */
import { KioskError } from '../../base/errors.ts';
import type { DevtoolsSession } from './connection.ts';

/** How long a page may take to load before it counts as hung, in milliseconds. */
const LOAD_PATIENCE_MS = 30_000;
/**
 * The same for the page that the browser starts with: minutes on a slow computer that has nothing
 * but memory. Giving up would begin all that anew.
 */
const FIRST_PATIENCE_MS = 180_000;
/** How long a living page may take to answer, in milliseconds. */
const PING_PATIENCE_MS = 3_000;

/**
 * Resolves once Chromium has accepted the document.
 * @throws KioskError `TIMEOUT`, `UI_CRASHED`, `BRIDGE_CLOSED`
 */
export async function navigate(session: DevtoolsSession, url: string): Promise<void> {
  const navigated = await within(LOAD_PATIENCE_MS, session.send('Page.navigate', { url }));
  if (navigated === undefined) throw new KioskError('TIMEOUT', 'The page did not load in time.');
  // A navigation that a newer one replaced is not a failure: the newer one is the page's wish.
  if (navigated.errorText !== undefined && navigated.errorText !== 'net::ERR_ABORTED') {
    throw new KioskError('UI_CRASHED', `The page did not load: ${navigated.errorText}.`);
  }
}

/**
 * Waits for a document that is on its way.
 * @throws KioskError `TIMEOUT`
 */
export async function arrives(arrival: Promise<true>): Promise<void> {
  if ((await within(FIRST_PATIENCE_MS, arrival)) === undefined) {
    throw new KioskError('TIMEOUT', 'The page did not load in time.');
  }
}

/**
 * True when the page's main thread answers. A page in an endless loop does not.
 * @param patience milliseconds
 */
export async function responds(
  session: DevtoolsSession,
  patience = PING_PATIENCE_MS,
): Promise<boolean> {
  const alive = session.send('Runtime.evaluate', { expression: '1' }).then(() => true);
  return (await within(patience, alive).catch(() => false)) ?? false;
}

/** What the promise brings, or undefined when it takes longer than that. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), milliseconds);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
