/** Looks at the clock and at who is there, and switches the computer off as policy says. */
import { uptime } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PowerAction } from '../helper/protocol.ts';
import type { Logger } from '../log/logger.ts';
import { dueAction, type PowerPolicy } from './schedule.ts';

export interface PowerWatchOptions {
  /** Read at each look. */
  readonly policy: () => PowerPolicy;
  /** Somebody is signed in, or a session runs. */
  readonly occupied: () => boolean;
  /** Milliseconds since the last key or movement; undefined where it cannot be told. */
  readonly inputIdleMs: () => Promise<number | undefined>;
  readonly act: (action: PowerAction) => Promise<void>;
  readonly log: Logger;
  /** Between two looks; default 30 000 ms. */
  readonly everyMs?: number;
  readonly now?: () => Date;
  readonly upMs?: () => number;
}

/** An action that was not carried out is not asked for again at once. */
const PAUSE_AFTER_ACTION_MS = 10 * 60_000;

/** Runs until the signal; failures are logged, and looked at again later. */
export async function watchPower(options: PowerWatchOptions, signal: AbortSignal): Promise<void> {
  const { everyMs = 30_000, now = () => new Date(), upMs = () => uptime() * 1000 } = options;
  let usedAt = now().getTime();
  let lookedAt = usedAt;
  let notBefore = 0;
  while (!signal.aborted) {
    await sleep(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    const time = now().getTime();
    // Asleep, or the clock was set: whoever woke it gets the whole time again.
    if (options.occupied() || Math.abs(time - lookedAt - everyMs) > everyMs) usedAt = time;
    lookedAt = time;
    const input = await options.inputIdleMs().catch(() => undefined);
    if (input !== undefined) usedAt = Math.max(usedAt, time - input);
    const action = dueAction(options.policy(), {
      now: new Date(time),
      idleMs: time - usedAt,
      upMs: upMs(),
    });
    if (action === null || time < notBefore) continue;
    notBefore = time + PAUSE_AFTER_ACTION_MS;
    options.log.info('The timetable asks for it.', { action });
    try {
      await options.act(action);
    } catch (error) {
      options.log.warn('The computer does not do it.', { action, error });
    }
  }
}
