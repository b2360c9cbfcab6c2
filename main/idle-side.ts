/** The wiring of sign-out by absence: what the screen knows of input, and what the page says. */
import { systemClock } from './base/clock.ts';
import type { Logger } from './log/logger.ts';
import { IdleWatch } from './people/idle.ts';
import type { People } from './people/people.ts';
import type { Launcher } from './process/launcher.ts';
import type { SessionManager } from './sessions/manager.ts';
import type { Settings } from './settings/settings.ts';

/** Prints the milliseconds since the last input on the X display, in whichever window. */
const IDLE_PROGRAM = 'xprintidle';

export interface IdleSide {
  /** When the person will be signed out; null: not soon. For the page. */
  readonly signOutAt: number | null;
  close(): void;
}

/** Signs out who is away, after a warning that any input takes back. */
export function watchAbsence(options: {
  readonly launcher: Launcher;
  readonly settings: Settings;
  readonly people: People;
  readonly sessions: SessionManager;
  readonly changed: () => void;
  readonly log: Logger;
}): IdleSide {
  const { launcher, settings, people, sessions, changed, log } = options;
  let signOutAt: number | null = null;
  let missing = false;
  const watch = new IdleWatch({
    async idle() {
      if (missing || process.env.DISPLAY === undefined) return undefined;
      try {
        const { stdout } = await launcher.run({ program: IDLE_PROGRAM, args: [] });
        const idle = Number(stdout.trim());
        return Number.isFinite(idle) ? idle : undefined;
      } catch (error) {
        missing = true;
        log.warn('nobody is signed out for being away: xprintidle does not work', { error });
        return undefined;
      }
    },
    minutes: () => settings.get('people.idleMinutes'),
    present: () => people.current !== null,
    warn: (at) => {
      signOutAt = at;
      // What lies over the page would hide the warning.
      const shown = sessions.list().find((session) => session.shown);
      if (at !== null && shown !== undefined && shown.surface !== 'frame') sessions.hide();
      changed();
    },
    signOut: () => people.signOut(),
    clock: systemClock,
    log,
  });
  return {
    get signOutAt() {
      return signOutAt;
    },
    close: () => watch.close(),
  };
}
