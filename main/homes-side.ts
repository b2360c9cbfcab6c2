/** People's files as this kiosk's settings and features see them. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { HomeState, Notice, Person } from '../preload/contract/model.ts';
import { VERSION } from './base/version.ts';
import { createHomes, type Homes } from './homes/homes.ts';
import type { Logger } from './log/logger.ts';
import type { People } from './people/people.ts';
import type { Launcher } from './process/launcher.ts';
import type { Settings } from './settings/settings.ts';

export interface KioskHomesOptions {
  readonly launcher: Launcher;
  readonly settings: Settings;
  readonly dataFolder: string;
  readonly runtimeFolder: string;
  readonly log: Logger;
}

/** Homes by the settings `homes.*`; without a storage that may be used, people get no folder. */
export function createKioskHomes(options: KioskHomesOptions): Homes {
  const { launcher, settings, dataFolder, runtimeFolder, log } = options;
  const caFile = settings.get('campus.caFile');
  return createHomes({
    launcher,
    folder: join(dataFolder, 'persons'),
    runtimeFolder: join(runtimeFolder, 'homes'),
    policy: () => ({
      url: allowed(settings, log),
      everyMs: settings.get('homes.syncMinutes') * 60_000,
    }),
    where: settings.get('kiosk.seat') ?? settings.get('kiosk.name') ?? hostname(),
    userAgent: `Vestibule/${VERSION}`,
    // Whether it can be read was found out when the campus client was made.
    ...(caFile === null ? {} : { ca: readFileSync(caFile, 'utf8') }),
    log,
  });
}

/** Opens the folder of who arrives; after a restart of main their secret is gone, and with it the storage. */
export function followPeople(homes: Homes, people: People): (person: Person | null) => void {
  let at: string | null = null;
  return (person) => {
    if (person === null) {
      at = null;
      return;
    }
    // The campus confirmed who signed in offline: the visit goes on.
    if (person.id === at) {
      homes.sync();
      return;
    }
    at = person.id;
    void homes.open(person, people.secretFor(person.id));
  };
}

/** What went wrong with a person's files, each thing once a visit; the network's absence is no news. */
export function homeNotices(tell: (notice: Notice) => void): (state: HomeState | null) => void {
  const told = new Set<string>();
  return (state) => {
    if (state === null) {
      told.clear();
      return;
    }
    const { error } = state;
    if (!error?.code.startsWith('HOME_') || told.has(error.code)) return;
    told.add(error.code);
    tell({ level: 'error', error, about: null });
  };
}

/** The password goes with each request: never in clear over a network. */
function allowed(settings: Settings, log: Logger): string | null {
  const url = settings.get('homes.url');
  if (url === null) return null;
  const { protocol, hostname: host } = new URL(url);
  const safe =
    protocol === 'https:' ||
    /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host) ||
    settings.get('campus.allowPlainServices');
  if (!safe) log.error('homes.url is not https: people get no folder');
  return safe ? url : null;
}
