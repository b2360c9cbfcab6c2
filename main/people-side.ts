/** People as this kiosk's settings, and the campus's policy, let them in. */
import { join } from 'node:path';
import type { Campus } from './campus/api.ts';
import type { Log } from './log/log.ts';
import { createPeople, type People, type PeoplePolicy } from './people/people.ts';
import type { Settings } from './settings/settings.ts';

export interface KioskPeopleOptions {
  readonly campus: Campus;
  readonly settings: Settings;
  readonly dataFolder: string;
  readonly log: Log;
}

export interface KioskPeople {
  readonly people: People;
  /** What the sign-in page offers. */
  readonly guests: () => boolean;
  readonly members: () => boolean;
}

/** @throws KioskError as `openDatabase` does */
export function createKioskPeople({
  campus,
  settings,
  dataFolder,
  log,
}: KioskPeopleOptions): KioskPeople {
  // The kiosk's own settings come before what the campus says of all kiosks.
  const policy = (): PeoplePolicy => {
    const campusPolicy = campus.manifest?.manifest.policy;
    return {
      guests: settings.get('people.guests') ?? campusPolicy?.guests ?? false,
      offlineSignInDays:
        settings.get('people.offlineSignInDays') ?? campusPolicy?.offlineSignInDays ?? 0,
      adminGroups: campusPolicy?.adminGroups ?? [],
      localAdministrator: settings.get('people.localAdministrator'),
    };
  };
  const people = createPeople({
    login: campus,
    path: join(dataFolder, 'people.db'),
    policy,
    defaultPreferences: () => ({
      locale: settings.get('locale.default'),
      highContrast: false,
      textScale: 1,
      reducedMotion: false,
    }),
    log: Object.assign(log.scope('people'), { redact: (value: string) => log.redact(value) }),
  });
  return {
    people,
    guests: () => policy().guests,
    members: () =>
      campus.manifest?.manifest.endpoints.login !== undefined ||
      policy().localAdministrator !== null,
  };
}
