/**
 * What the coming and leaving of a person mean for the rest: their sessions and files, the screen,
 * and a main that is started again while their machines run on.
 */
import { join } from 'node:path';
import type { Campus } from './campus/api.ts';
import type { Homes } from './homes/homes.ts';
import { followPeople } from './homes-side.ts';
import type { Logger } from './log/logger.ts';
import type { PagesScreen } from './pages-screen.ts';
import { GUEST_ID, type People } from './people/people.ts';
import { SeatRecord } from './people/seat-record.ts';
import type { SessionManager } from './sessions/manager.ts';

export interface VisitsOptions {
  readonly people: People;
  readonly sessions: SessionManager;
  readonly homes: Homes;
  readonly campus: Campus;
  readonly pagesScreen: PagesScreen;
  readonly runtimeFolder: string;
  /** Loads the page again. */
  readonly reload: () => void;
  /** Tells the page of the sessions of whoever is there. */
  readonly tellSessions: () => void;
  readonly log: Logger;
}

export interface Visits {
  /** Nobody who works is interrupted by a new look: it waits for the end of their visit. */
  wantReload(): void;
  /** Takes over the machines that still run, and the visit to which they belong. */
  resume(): Promise<void>;
}

/** Listens from now on, for as long as main runs. */
export function followVisits(options: VisitsOptions): Visits {
  const { people, sessions, homes, campus, pagesScreen, reload, tellSessions, log } = options;
  const seat = new SeatRecord(join(options.runtimeFolder, 'person.json'), log);
  let reloadWanted = false;
  const wantReload = (): void => {
    reloadWanted = people.current !== null;
    if (!reloadWanted) reload();
  };

  people.onSignOut(async (person) => {
    await sessions.stopAll({ personId: person.id });
    // Machines write to it until they have ended.
    await homes.close();
    campus.signedOut(person.id);
  });
  people.on('changed', followPeople(homes, people));
  people.on('changed', (person) => {
    seat.write(person);
    if (person === null) {
      pagesScreen.renew();
      if (reloadWanted) wantReload();
      return;
    }
    // Machines that were adopted belong to somebody: another person's arrival ends them.
    for (const owner of sessions.owners()) {
      if (owner !== person.id) void sessions.stopAll({ personId: owner, now: true });
    }
    tellSessions();
  });

  return {
    wantReload,
    async resume() {
      if ((await sessions.adopt()) > 0) {
        const before = seat.read();
        if (before && sessions.owners().includes(before.id)) people.resume(before);
        // Guests are all called the same: nobody may find the machine of the one before.
        else void sessions.stopAll({ personId: GUEST_ID, now: true });
      }
      if (people.current === null) void homes.close();
    },
  };
}
