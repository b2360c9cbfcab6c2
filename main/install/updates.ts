/**
 * Updates of the system on the disk, in the background: what the campus publishes is fetched
 * whole and verified, written to the slot that is not in use, and tried at the next start. A
 * version that did not reach the screen, or that an administrator went back from, is not tried
 * again until the campus publishes another one.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { InstalledSystem, SlotName } from '../../preload/contract/install.ts';
import { KioskError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files.ts';
import { SystemRelease } from '../base/system.ts';
import type { JobContext, Jobs } from '../jobs/jobs.ts';
import type { Logger } from '../log/logger.ts';
import type { Install } from './install.ts';

/** What brings files; the campus's client satisfies it. */
export interface DownloadPort {
  /** Whole and verified, resumed where it broke off. @throws KioskError */
  download(
    url: string,
    path: string,
    options: {
      readonly size: number;
      readonly sha256: string;
      readonly signal: AbortSignal;
      readonly onProgress: (bytes: number) => void;
    },
  ): Promise<void>;
}

export interface UpdatesOptions {
  readonly install: Pick<Install, 'system' | 'update' | 'rollback'>;
  readonly jobs: Jobs;
  readonly http: DownloadPort;
  /** Where what arrives waits, e.g. `data/system`; and what is remembered of refused versions. */
  readonly folder: string;
  /** The room of this computer; null: unknown. */
  readonly room: () => string | null;
  /** A version did not reach the screen. */
  readonly onFailed: (version: string) => void;
  readonly log: Logger;
}

export interface Updates {
  /**
   * Takes over what the campus publishes now. Never rejects: what cannot be had is in the jobs.
   * @param release undefined: the campus publishes none
   */
  apply(release: SystemRelease | undefined): Promise<void>;
  /**
   * Goes back to the other system on the disk; the version that is left is not tried again.
   * @throws KioskError `SYSTEM_NOT_INSTALLED` where there is no other
   */
  rollback(slot?: SlotName): Promise<InstalledSystem>;
}

const KIND = 'system-update';
const WEIGHTS = { receiving: 60, writing: 25, verifying: 15 };

const Memory = z.strictObject({ refused: z.array(z.string().max(64)).max(100) });
type Memory = z.infer<typeof Memory>;

/** Why a release is not fetched now. Pure. */
export function reasonToWait(
  release: SystemRelease,
  system: InstalledSystem,
  refused: readonly string[],
  room: string | null,
): 'current' | 'on-trial' | 'refused' | 'other-room' | null {
  if (release.rooms && (room === null || !release.rooms.includes(room))) return 'other-room';
  const versionIn = (slot: SlotName | null | undefined) =>
    system.slots.find(({ name }) => name === slot)?.version;
  if (versionIn(system.trial?.slot) === release.version) return 'on-trial';
  // What was chosen to start is what there is; what runs now may be older until the next start.
  if (versionIn(system.good) === release.version) return 'current';
  if (refused.includes(release.version) || versionIn(system.failed) === release.version) {
    return 'refused';
  }
  return null;
}

export function createUpdates(options: UpdatesOptions): Updates {
  const { install, jobs, http, folder, log } = options;
  const memoryFile = join(folder, 'refused.json');
  const remember = async (version: string): Promise<void> => {
    const { refused } = await readMemory(memoryFile);
    if (refused.includes(version)) return;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const kept: Memory = { refused: [...refused, version].slice(-100) };
    await writeFileAtomic(memoryFile, JSON.stringify(kept));
  };

  jobs.define(KIND, {
    params: SystemRelease,
    steps: WEIGHTS,
    resumable: true,
    run: async (context, release) => {
      const into = join(folder, release.version);
      await fetchFiles(release, into, http, context);
      await install.update(into, context.signal, ({ step, fraction }) =>
        context.progress(fraction, step === 'verifying' ? 'verifying' : 'writing'),
      );
      await rm(into, { recursive: true, force: true });
      log.info('another version of the system is on trial at the next start', {
        version: release.version,
      });
    },
  });

  async function apply(release: SystemRelease | undefined): Promise<void> {
    const system = await install.system();
    if (system === null) return;
    const failed = system.slots.find(({ name }) => name === system.failed);
    const { refused } = await readMemory(memoryFile);
    if (failed && !refused.includes(failed.version)) {
      await remember(failed.version);
      options.onFailed(failed.version);
    }
    await sweep(folder, release?.version);
    if (!release) return;
    const wait = reasonToWait(release, system, refused, options.room());
    if (wait !== null) {
      log.debug('no update of the system', { version: release.version, wait });
      return;
    }
    jobs.enqueue(KIND, release, {
      title: `System ${release.version}`,
      key: release.version,
    });
  }

  return {
    async apply(release) {
      try {
        await apply(release);
      } catch (error) {
        log.warn('the system cannot be updated now', { error });
      }
    },
    async rollback(slot) {
      const system = await install.system();
      const leaving = system?.trial?.slot ?? system?.good;
      const target = slot ?? system?.slots.find(({ name }) => name !== leaving)?.name;
      if (!system || target === undefined) {
        throw new KioskError('SYSTEM_NOT_INSTALLED', 'There is no other system on the disk.');
      }
      const left = system.slots.find(({ name }) => name !== target)?.version;
      const chosen = system.slots.find(({ name }) => name === target)?.version;
      const now = await install.rollback(target);
      if (left !== undefined && left !== chosen) await remember(left);
      return now;
    },
  };
}

async function fetchFiles(
  release: SystemRelease,
  into: string,
  http: DownloadPort,
  { signal, progress, throttleWhilePaused }: JobContext,
): Promise<void> {
  await mkdir(into, { recursive: true, mode: 0o700 });
  const total = release.files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const { name, size, sha256 } of release.files) {
    await throttleWhilePaused();
    progress(before / total, 'receiving');
    const done = before;
    await http.download(`${release.base}${name}`, join(into, name), {
      size,
      sha256,
      signal,
      onProgress: (bytes) => progress((done + bytes) / total, 'receiving'),
    });
    before += size;
  }
}

/** What was left of other versions. */
async function sweep(folder: string, keep: string | undefined): Promise<void> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (entry.isDirectory() && entry.name !== keep) {
      await rm(join(folder, entry.name), { recursive: true, force: true });
    }
  }
}

async function readMemory(path: string): Promise<Memory> {
  try {
    return Memory.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return { refused: [] };
  }
}
