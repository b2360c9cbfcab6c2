/**
 * The kiosk's side of the installation: what the page asks becomes verbs of the root helper, and
 * what takes long becomes a job. Nothing here can write to a disk.
 */
import { z } from 'zod';
import {
  DiskPath,
  type INSTALL_STEPS,
  type InstalledSystem,
  type InstallOverview,
  type InstallPlan,
  InstallRequest,
  SlotName,
} from '../../preload/contract/install.ts';
import type { Job } from '../../preload/contract/model.ts';
import { KioskError } from '../base/errors.ts';
import type { HelperClient } from '../helper/client.ts';
import type { HelperProgress, Verb, VerbArguments } from '../helper/protocol.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Logger } from '../log/logger.ts';
import { type Fetch, fetchSystem } from './fetch-system.ts';
import { type SourcePlaces, SYSTEM_PLACES } from './source.ts';

/** Relative to each other, as measured for a system of 500 MB on a disk of a laboratory. */
const INSTALL_WEIGHTS: Readonly<Record<(typeof INSTALL_STEPS)[number], number>> = {
  partitioning: 2,
  formatting: 4,
  writing: 60,
  verifying: 25,
  bootloader: 6,
  activating: 3,
};

type Awaitable<T> = T | Promise<T>;

export interface InstallOptions {
  readonly helper: HelperClient;
  readonly jobs: Jobs;
  readonly log: Logger;
  /** Completes the running system where it came from the network; see {@link fetchSystem}. */
  readonly fetch: Fetch;
  /** Where what is fetched for an installation waits for it. */
  readonly folder: string;
  readonly places?: SourcePlaces;
  /** After anything that changed the installed system. */
  readonly onSystem?: (system: InstalledSystem | null) => void;
}

export interface StartInstall {
  readonly planId: string;
  readonly request: z.input<typeof InstallRequest>;
  readonly confirmation: string;
}

export interface Install {
  /** @throws KioskError `HELPER_ABSENT` where no root helper runs */
  overview(): Promise<InstallOverview>;
  /** @throws KioskError `DISK_UNKNOWN`, `INSTALL_SOURCE_MISSING` */
  plan(request: InstallRequest): Promise<InstallPlan>;
  /**
   * A job of kind `install`. A room's unattended installation uses it too.
   * @throws KioskError `INSTALL_NOT_CONFIRMED`, `DISK_CHANGED`, `INSTALL_REFUSED`
   */
  start(start: StartInstall, title?: string): Promise<Job>;
  /** The system on the disk; null where there is none, or no helper to ask. */
  system(): Promise<InstalledSystem | null>;
  /** Copies a system that was fetched into `folder` into the spare slot, and tries it at the next start. */
  update(
    folder: string,
    signal: AbortSignal,
    progress?: (of: HelperProgress) => void,
  ): Promise<SlotName>;
  /** Chooses a slot for the next start and from then on. */
  rollback(slot: SlotName): Promise<InstalledSystem>;
  verify(slot: SlotName): Job;
  repairBoot(disk: string): Job;
  remove(disk: string, confirmation: string): Job;
  /** The kiosk is on the screen: a slot on trial has passed. Never rejects. */
  reachedScreen(): Promise<void>;
}

const InstallParams = z.strictObject({
  planId: z.string(),
  request: InstallRequest,
  confirmation: z.string(),
});
const DiskParams = z.strictObject({ disk: DiskPath });

/** How often a new system is started before it is given up. */
const TRIES = 2;

export function createInstall(options: InstallOptions): Install {
  const { helper, jobs, log, onSystem, places = SYSTEM_PLACES } = options;
  const system = async (): Promise<InstalledSystem | null> => {
    try {
      return await helper.call('system.read', {});
    } catch (error) {
      if (error instanceof KioskError && error.code === 'HELPER_ABSENT') return null;
      throw error;
    }
  };
  const tell = async (): Promise<void> => onSystem?.(await system());

  /** A verb that takes long, as the work of a job. */
  function job<P extends z.ZodType, V extends Verb>(
    kind: string,
    verb: V,
    params: P,
    args: (params: z.output<P>, signal: AbortSignal) => Awaitable<VerbArguments<V>>,
    steps?: Readonly<Record<string, number>>,
  ): void {
    jobs.define(kind, {
      params,
      ...(steps === undefined ? {} : { steps }),
      run: async ({ signal, progress }, given) => {
        try {
          await helper.call(verb, await args(given, signal), {
            signal,
            timeoutMs: SILENCE_MS,
            onProgress: ({ step, fraction }) => progress(fraction, step ?? undefined),
          });
        } finally {
          await tell().catch((error: unknown) => log.warn('The disk cannot be asked.', { error }));
        }
      },
    });
  }
  job(
    'install',
    'install.run',
    InstallParams,
    async (params, signal) => {
      const { folder, fetch } = options;
      return { ...params, folder: await fetchSystem({ places, folder, fetch }, signal) };
    },
    INSTALL_WEIGHTS,
  );
  job('install-verify', 'slot.verify', z.strictObject({ slot: SlotName }), (params) => params);
  job('install-repair', 'boot.repair', DiskParams, (params) => params);
  job(
    'install-remove',
    'install.remove',
    DiskParams.extend({ confirmation: z.string() }),
    (params) => params,
  );

  const plan = (request: InstallRequest): Promise<InstallPlan> =>
    helper.call('install.plan', { request }, { timeoutMs: PROBE_MS });

  return {
    overview: () => helper.call('install.overview', {}, { timeoutMs: PROBE_MS }),
    plan,
    async start({ planId, request, confirmation }, title = 'Install on this computer') {
      const now = await plan(InstallRequest.parse(request));
      if (now.id !== planId) {
        throw new KioskError('DISK_CHANGED', 'The disk has changed since the plan was made.');
      }
      if (confirmation.trim() !== now.confirmWord) {
        throw new KioskError('INSTALL_NOT_CONFIRMED', 'The name of the disk was not typed.');
      }
      const refusals = now.findings.filter(({ severity }) => severity === 'refuse');
      if (refusals.length > 0) {
        throw new KioskError('INSTALL_REFUSED', 'The plan cannot be carried out.', {
          details: { findings: refusals.map(({ code }) => code) },
        });
      }
      const params = { planId, request: now.request, confirmation: now.confirmWord };
      return jobs.enqueue('install', params, { title, key: now.disk.path });
    },
    system,
    async update(folder, signal, progress) {
      const options = {
        signal,
        timeoutMs: SILENCE_MS,
        ...(progress === undefined ? {} : { onProgress: progress }),
      };
      const { slot } = await helper.call('slot.write', { folder }, options);
      onSystem?.(await helper.call('slot.try', { slot, tries: TRIES }));
      return slot;
    },
    async rollback(slot) {
      const now = await helper.call('slot.choose', { slot });
      onSystem?.(now);
      return now;
    },
    verify: (slot) =>
      jobs.enqueue('install-verify', { slot }, { title: `Verify system ${slot}`, key: slot }),
    repairBoot: (disk) =>
      jobs.enqueue('install-repair', { disk }, { title: 'Repair boot', key: disk }),
    remove: (disk, confirmation) =>
      jobs.enqueue(
        'install-remove',
        { disk, confirmation },
        { title: 'Remove Vestibule', key: disk },
      ),
    async reachedScreen() {
      try {
        const now = await helper.call('slot.good', {});
        if (now) onSystem?.(now);
      } catch (error) {
        // Most kiosks have no helper or run from the network: nothing to note.
        const absent = error instanceof KioskError && error.code === 'HELPER_ABSENT';
        if (!absent) log.error('The running system could not be marked as good.', { error });
      }
    },
  };
}

/** Silence of a long verb that means a dead helper; it speaks every 3 s. */
const SILENCE_MS = 60_000;
/** Probing many slow disks. */
const PROBE_MS = 60_000;
