/** What answers each call of the page: thin, one line where it can be. */
import type {
  DeviceFacts,
  NetworkCheck,
  Person,
  StorageUse,
  Versions,
} from '../../preload/contract/model.ts';
import { KioskError } from '../base/errors.ts';
import type { Campus } from '../campus/api.ts';
import type { Images } from '../images/images.ts';
import type { Install } from '../install/install.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Log } from '../log/log.ts';
import type { People } from '../people/people.ts';
import type { SessionManager } from '../sessions/manager.ts';
import type { PinStore } from '../sessions/pins.ts';
import type { Settings } from '../settings/settings.ts';
import type { Handlers } from './dispatcher.ts';
import type { KioskView } from './kiosk-view.ts';
import type { PageWatch } from './page-watch.ts';

/** What the administrator's area asks of the computer. */
export interface DeviceCalls {
  facts(): Promise<DeviceFacts>;
  networkCheck(): Promise<NetworkCheck>;
  storage(): Promise<StorageUse>;
  versions(): Promise<Versions>;
  /** @throws KioskError `POWER_REFUSED` */
  power(action: 'shutdown' | 'restart' | 'suspend'): Promise<void>;
}

export interface HandlerServices {
  readonly view: KioskView;
  readonly pageWatch: PageWatch;
  readonly people: People;
  readonly sessions: SessionManager;
  readonly pins: Pick<PinStore, 'list' | 'forget'>;
  /** Where windows of other programs leave the session bar free. */
  readonly strip: { set(height: number): void };
  readonly jobs: Jobs;
  readonly images: Images;
  readonly install: Install;
  readonly campus: Campus;
  readonly device: DeviceCalls;
  readonly settings: Settings;
  readonly log: Log;
}

export function createHandlers(services: HandlerServices): Handlers {
  const { view, pageWatch, people, sessions, jobs, images, install, campus, device, settings } =
    services;
  const pageLog = services.log.scope('page');

  /** @throws KioskError `SIGN_IN_REQUIRED` */
  const person = (): Person => {
    if (!people.current) throw new KioskError('SIGN_IN_REQUIRED', 'Nobody is signed in.');
    return people.current;
  };
  /** Runs with the id of a session that belongs to the person at the screen. */
  const own = <R>(id: string, act: (id: string) => R): R => {
    sessions.checkOwner(id, person().id);
    return act(id);
  };

  return {
    'ui.rendered': (_params, { load }) => {
      pageWatch.rendered(load);
      return null;
    },
    'ui.heartbeat': (_params, { load }) => {
      pageWatch.heartbeat(load);
      return null;
    },
    'ui.report': ({ message, stack }) => {
      pageLog.error(message, stack === undefined ? {} : { stack });
      return null;
    },
    'ui.sessionBar': ({ height }) => {
      services.strip.set(height);
      return null;
    },
    'state.get': () => view.state(),
    'preferences.set': (change) => people.setPreferences(change),

    'people.signIn': ({ name, secret }) => people.signIn(name, secret),
    'people.continueAsGuest': () => people.continueAsGuest(),
    'people.signOut': async () => {
      await people.signOut();
      return null;
    },

    'catalogue.list': () => view.catalogue(),

    'sessions.start': ({ entryId }) => {
      const entry = view.entries().find(({ id }) => id === entryId);
      if (!entry) throw new KioskError('ENTRY_UNKNOWN', 'There is no such entry for this person.');
      const tile = view.catalogue().find(({ id }) => id === entryId);
      if (tile?.availability.state === 'needs-network') {
        throw new KioskError('ENTRY_NEEDS_NETWORK', 'This session needs the network.');
      }
      if (tile?.availability.state === 'unavailable') {
        const { code, message } = tile.availability.error;
        throw new KioskError(code, message);
      }
      return sessions.start(entry, person());
    },
    'sessions.list': () => sessions.listOf(person().id),
    // Answered when the wish is taken; the page follows the session's states.
    'sessions.stop': ({ id, now }) =>
      own(id, () => {
        void sessions.stop(id, now);
        return null;
      }),
    'sessions.show': ({ id }) =>
      own(id, () => {
        sessions.show(id);
        return null;
      }),
    'sessions.hide': () => {
      sessions.hide();
      return null;
    },
    'sessions.display': ({ id }) => own(id, () => sessions.display(id)),
    'sessions.answer': ({ id, answer }) =>
      own(id, async () => {
        if (answer.type === 'credentials') sessions.answer(id, answer);
        else {
          await people.confirmAdministrator(answer.administrator);
          sessions.answer(id, { type: 'certificate' });
        }
        return null;
      }),
    'sessions.dismiss': ({ id }) =>
      own(id, () => {
        sessions.dismiss(id);
        return null;
      }),

    'jobs.list': () => jobs.list(),
    'jobs.pause': ({ id }) => {
      jobs.pause(id);
      return null;
    },
    'jobs.resume': ({ id }) => {
      jobs.resume(id);
      return null;
    },
    'jobs.cancel': async ({ id }) => {
      await jobs.cancel(id);
      return null;
    },

    'power.act': async ({ action }) => {
      await device.power(action);
      return null;
    },

    'device.facts': () => device.facts(),
    'device.networkCheck': () => device.networkCheck(),
    'device.storage': () => device.storage(),
    'device.versions': () => device.versions(),
    'certificates.list': () => services.pins.list(),
    'certificates.forget': ({ host, port }) => {
      services.pins.forget(host, port);
      return null;
    },
    'logs.read': ({ level, limit, contains }) =>
      services.log.read({
        ...(level === undefined ? {} : { level }),
        ...(limit === undefined ? {} : { limit }),
        ...(contains === undefined ? {} : { contains }),
      }),
    'settings.read': () => settings.read(),
    'campus.refresh': async () => {
      await campus.refresh();
      return null;
    },
    'images.list': () => images.list(),
    'images.verify': ({ image }) => images.verify(image),
    'images.rollback': async ({ image, version }) => {
      await images.rollback(image, version);
      return null;
    },

    'install.overview': () => install.overview(),
    'install.plan': (request) => install.plan(request),
    'install.start': (start) => install.start(start),
    'install.system': () => install.system(),
    'install.rollback': ({ slot }) => install.rollback(slot),
    'install.verify': ({ slot }) => install.verify(slot),
    'install.repairBoot': ({ disk }) => install.repairBoot(disk),
    'install.remove': ({ disk, confirmation }) => install.remove(disk, confirmation),
  };
}
