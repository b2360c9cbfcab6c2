/** What the computer should do by itself at this moment: pure, so that every hour can be tested. */
import { isOpen, lastTime } from '../base/timetable.ts';

export interface PowerPolicy {
  /** Minutes without anybody before {@link idleAction}; null: never. */
  readonly idleMinutes: number | null;
  readonly idleAction: 'suspend' | 'shutdown';
  /** While one of these is true, the computer stays on. As `isHours` takes them. */
  readonly openHours: readonly string[];
  /** `HH:MM` in local time; null: never. */
  readonly restartAt: string | null;
}

export interface PowerMoment {
  readonly now: Date;
  /** Milliseconds since somebody last used the computer. */
  readonly idleMs: number;
  /** Milliseconds since it was started. */
  readonly upMs: number;
}

const MINUTE_MS = 60_000;
/** Whoever has just left may come back for a forgotten thing. */
const RESTART_IDLE_MS = 5 * MINUTE_MS;
/** A restart that nobody made room for by then is left to the next night. */
const RESTART_WINDOW_MS = 6 * 60 * MINUTE_MS;

/** The action that is due, or null. A restart comes before what the idle do. */
export function dueAction(
  policy: PowerPolicy,
  moment: PowerMoment,
): 'restart' | 'suspend' | 'shutdown' | null {
  const { now, idleMs, upMs } = moment;
  if (policy.restartAt !== null && idleMs >= RESTART_IDLE_MS) {
    const since = now.getTime() - lastTime(policy.restartAt, now);
    if (since < RESTART_WINDOW_MS && upMs > since) return 'restart';
  }
  if (policy.idleMinutes === null || idleMs < policy.idleMinutes * MINUTE_MS) return null;
  return policy.openHours.some((hours) => isOpen(hours, now)) ? null : policy.idleAction;
}
