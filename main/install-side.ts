/** The system on the disk as this kiosk's campus and people see it. */
import { join } from 'node:path';
import type { InstalledSystem } from '../preload/contract/install.ts';
import type { Job } from '../preload/contract/model.ts';
import { toWireError } from './base/errors.ts';
import type { Manifest } from './base/manifest.ts';
import type { Campus } from './campus/api.ts';
import type { HelperClient } from './helper/client.ts';
import { createInstall, type Install } from './install/install.ts';
import type { SourcePlaces } from './install/source.ts';
import { type Asker, installUnattended } from './install/unattended.ts';
import { createUpdates } from './install/updates.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Logger } from './log/logger.ts';
import type { People } from './people/people.ts';
import { jobReport } from './reports.ts';
import type { Settings } from './settings/settings.ts';

export interface InstallSideOptions {
  readonly jobs: Jobs;
  readonly campus: Campus;
  readonly settings: Settings;
  readonly people: People;
  readonly dataFolder: string;
  /** Where parts of the running system are fetched to; on tmpfs. */
  readonly folder: string;
  readonly places: SourcePlaces;
  readonly signal: AbortSignal;
  readonly helper: HelperClient;
  readonly power: (action: 'shutdown' | 'restart') => Promise<void>;
  readonly onSystem: (system: InstalledSystem | null) => void;
  readonly log: Logger;
}

export interface InstallSide {
  /** For the page: going back also keeps the version that is left from coming again. */
  readonly install: Install;
  /** Takes over what a manifest says of the system, and what the command line asks for. */
  apply(manifest: Manifest): void;
  /** Orders of the campus. @throws KioskError with the reason to refuse */
  readonly orders: {
    install(profile: string): Promise<void>;
    rollback(): Promise<void>;
  };
}

export function createInstallSide(options: InstallSideOptions): InstallSide {
  const { jobs, campus, settings, people, signal, log } = options;
  let told = false;
  const install = createInstall({
    helper: options.helper,
    jobs,
    fetch: (url, request) => campus.http.get(url, request).then(({ body }) => body),
    folder: options.folder,
    places: options.places,
    log,
    onSystem: (system) => {
      options.onSystem(system);
      const slot = system?.slots.find(({ name }) => name === system.running);
      if (!slot || told || system?.good !== slot.name) return;
      told = true;
      campus.report({ kind: 'system.started', body: { slot: slot.name, version: slot.version } });
    },
  });
  const room = (): string | null => settings.get('kiosk.room') ?? campus.place().room?.id ?? null;
  const updates = createUpdates({
    install,
    jobs,
    http: campus.http,
    folder: join(options.dataFolder, 'system'),
    room,
    onFailed: (version) => {
      log.error('a version of the system did not reach the screen', { version });
      campus.report({ kind: 'system.failed', level: 'error', body: { version } });
    },
    log,
  });

  /** Waits until nobody is at the computer, who would lose their work. */
  const whenAlone = async (): Promise<void> => {
    while (people.current !== null) {
      await new Promise<void>((resolve) => {
        const stop = people.on('changed', () => {
          stop();
          resolve();
        });
      });
    }
  };
  const unattended = async (profileId: string, asker: Asker): Promise<void> => {
    const ports = {
      install,
      profiles: () => campus.manifest?.manifest.installs ?? [],
      room,
    };
    const { job, profile } = await installUnattended(ports, profileId, asker);
    void jobs.finished(job.id).then(async ({ state }) => {
      if (state !== 'succeeded' || profile.afterwards === 'stay') return;
      await whenAlone();
      if (!signal.aborted) await options.power(profile.afterwards);
    }, logFailure);
  };
  const logFailure = (error: unknown): void =>
    log.error('what follows an installation failed', { error });

  let asked = false;
  const askedByCommandLine = (): void => {
    const profileId = settings.get('install.profile');
    if (asked || profileId === null) return;
    asked = true;
    unattended(profileId, 'command-line').catch((error: unknown) => {
      const { code, message, details } = toWireError(error);
      // The usual case after the installation: the network still starts this computer.
      const installed = details?.reason === 'installed';
      log[installed ? 'info' : 'error']('not installed by the command line', {
        code,
        reason: message,
      });
      if (!installed) {
        campus.report({
          kind: 'install.refused',
          level: 'error',
          body: { profile: profileId, code, message, reason: details?.reason ?? null },
        });
      }
    });
  };

  jobs.on('ended', (job: Job) => {
    const report = jobReport(job);
    if (report) campus.report(report);
  });

  return {
    install: { ...install, rollback: (slot) => updates.rollback(slot) },
    apply(manifest) {
      askedByCommandLine();
      void updates.apply(settings.get('system.updates') ? manifest.system : undefined);
    },
    orders: {
      install: (profile) => unattended(profile, 'order'),
      rollback: async () => void (await updates.rollback()),
    },
  };
}
