/**
 * Carries a plan out, as root. Each step begins with its breadcrumb on the disk and ends flushed;
 * the disk bears the label that others look for, and firmware is told, only when everything that
 * they would find is whole. After a cut at any point the same order given again goes on where it
 * can, and begins anew where it cannot.
 */
import { access, chmod } from 'node:fs/promises';
import { join } from 'node:path';
import type {
  BootFacts,
  InstallPlan,
  InstallRequest,
  InstallStep,
  SystemSource,
} from '../../preload/contract/install.ts';
import { KioskError } from '../base/errors.ts';
import { next } from '../base/machine.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';
import { readAt, syncDevice, writeAt } from './block-device.ts';
import { MBR_CODE } from './boot-code.ts';
import {
  BootLoader,
  type LoaderFiles,
  type LoaderTarget,
  OTHER_BOOT_SECTOR,
} from './boot-loader.ts';
import { type Breadcrumb, INSTALL_TABLE, readBreadcrumb, writeBreadcrumb } from './breadcrumb.ts';
import {
  type Command,
  formatCommands,
  PROGRAM_MS,
  partitionOf,
  subvolumeCommands,
} from './commands.ts';
import { parseDump, SECTOR, type TableEntry } from './disk-table.ts';
import { encryptData } from './encryption.ts';
import { Esp } from './esp.ts';
import { keptOptions, optionsFile } from './kernel-options.ts';
import { NAMES, SYSTEM_LABEL } from './layout.ts';
import { withMounted } from './mounts.ts';
import { changeTable } from './partitioning.ts';
import { type DetailedPlan, makePlan } from './plan.ts';
import { type ProbedDisk, type ProbeOptions, probeDisks } from './probe.ts';
import { publish, verifyIncoming, writeIncoming } from './slots.ts';
import { openSource, readSource, type SourcePlaces } from './source.ts';
import { WINDOWS_LOADER } from './systems.ts';

export interface InstallerOptions {
  readonly launcher: Launcher;
  readonly log: Logger;
  /** The helper's own folder, mode 0700. */
  readonly folder: string;
  readonly places: SourcePlaces;
  readonly loader: LoaderFiles;
  readonly boot: () => Promise<BootFacts>;
  /** Of the running kernel. */
  readonly commandLine: () => Promise<string>;
  /** Loop devices that count as disks: none where disks are not files. */
  readonly loops: readonly string[] | 'all';
}

export interface StepContext {
  readonly signal: AbortSignal;
  readonly progress: (step: string | null, fraction: number) => void;
}

export interface RunInstall {
  readonly planId: string;
  readonly request: InstallRequest;
  readonly confirmation: string;
  readonly folder: string | null;
}

export const OPTIONS_FILE = 'vestibule/options.cfg';

/** What is used before a slot was ever started. */
const FIRST_CHOICE = { good: 'a', trial: null, tries: 0, booting: null, other: '' } as const;

export class Installer {
  readonly #options: InstallerOptions;
  readonly #loader: BootLoader;

  constructor(options: InstallerOptions) {
    this.#options = options;
    const { launcher, log, loader, folder } = options;
    this.#loader = new BootLoader({ launcher, log, files: loader, scratch: folder });
  }

  get loader(): BootLoader {
    return this.#loader;
  }

  /** @param look into file systems for what lives there */
  async disks(look: boolean): Promise<ProbedDisk[]> {
    return await probeDisks(this.#probe(look));
  }

  source(): Promise<SystemSource | null> {
    return readSource(this.#options.places, this.#options.log);
  }

  async plan(request: InstallRequest): Promise<InstallPlan> {
    return (await this.#plan(request)).plan;
  }

  /**
   * @throws KioskError `DISK_UNKNOWN`, `DISK_CHANGED` where the disk is not what was confirmed,
   * `INSTALL_NOT_CONFIRMED`, `INSTALL_REFUSED`, and what its steps throw
   */
  async run(order: RunInstall, context: StepContext): Promise<void> {
    const { boot, places } = this.#options;
    const detailed = await this.#plan(order.request);
    const { plan } = detailed;
    if (plan.id !== order.planId) {
      throw new KioskError('DISK_CHANGED', 'The disk is not as it was when the plan was made.');
    }
    if (order.confirmation !== plan.confirmWord) {
      throw new KioskError('INSTALL_NOT_CONFIRMED', 'The name of the disk was not given.');
    }
    if (plan.findings.some(({ severity }) => severity === 'refuse')) {
      throw new KioskError('INSTALL_REFUSED', 'The plan cannot be carried out.', {
        details: { findings: plan.findings.map(({ code }) => code) },
      });
    }
    const folders = order.folder === null ? [] : [order.folder];
    // Before a byte is written: all of it is here and signed.
    const source = await openSource([places.imageFolder, ...folders], places.bootFolder);
    const facts = await boot();
    const whole = order.request.target.mode === 'whole';
    const work = new Work(this.#options, this.#loader, detailed, {
      whole,
      bios: whole || facts.firmware === 'bios',
      nvram: facts.nvram,
    });
    await work.carryOut(source, context);
  }

  async #plan(request: InstallRequest): Promise<DetailedPlan> {
    const probed = (await this.disks(true)).find(({ disk }) => disk.path === request.disk);
    if (!probed) throw new KioskError('DISK_UNKNOWN', `There is no disk ${request.disk}.`);
    return makePlan({
      request,
      ...probed,
      boot: await this.#options.boot(),
      source: await this.source(),
    });
  }

  #probe(look: boolean): ProbeOptions {
    const { launcher, folder, log, loops, places } = this.#options;
    return { launcher, folder, log, loops, look, imageFolder: places.imageFolder };
  }
}

interface WorkFacts {
  readonly whole: boolean;
  readonly bios: boolean;
  readonly nvram: boolean;
}

/** One plan under way. */
class Work {
  readonly #options: InstallerOptions;
  readonly #loader: BootLoader;
  readonly #plan: DetailedPlan;
  readonly #facts: WorkFacts;
  readonly #disk: string;
  readonly #system: string;

  constructor(options: InstallerOptions, loader: BootLoader, plan: DetailedPlan, facts: WorkFacts) {
    this.#options = options;
    this.#loader = loader;
    this.#plan = plan;
    this.#facts = facts;
    this.#disk = plan.plan.disk.path;
    this.#system = this.#path('system');
  }

  async carryOut(
    source: Awaited<ReturnType<typeof openSource>>,
    { signal, progress }: StepContext,
  ): Promise<void> {
    const { launcher, log } = this.#options;
    const enter = (step: InstallStep): ((fraction: number) => void) => {
      signal.throwIfAborted();
      log.info('Installing.', { disk: this.#disk, step });
      progress(step, 0);
      return (fraction) => progress(step, fraction);
    };
    let crumb = await this.#resumable(source.root.version);
    if (crumb === undefined) {
      enter('partitioning');
      const formerBootCode = await this.#partition();
      enter('formatting');
      crumb = {
        format: 1,
        progress: 'writing',
        partitions: this.#plan.entries.map(({ uuid }) => uuid),
        version: source.root.version,
        removable: true,
        formerBootCode,
      };
      await this.#format(crumb);
    }
    const goOn = async (root: string): Promise<void> => {
      let now: Breadcrumb = crumb;
      const leave = async (): Promise<void> => {
        const step = next(INSTALL_TABLE, now.progress, 'step');
        if (step === undefined) return;
        now = { ...now, progress: step };
        await writeBreadcrumb(root, now);
      };
      const slots = join(root, 'slots');
      if (now.progress === 'writing') {
        await writeIncoming(slots, source, signal, enter('writing'));
        await leave();
      }
      if (now.progress === 'verifying') {
        // After a cut the copy may have been published already: then it is verified where it is.
        if (await exists(join(slots, '.incoming'))) {
          await verifyIncoming(launcher, slots, signal, enter('verifying'));
          await publish(slots, 'a');
        }
        await leave();
      }
      if (now.progress === 'bootloader') {
        enter('bootloader');
        await this.#placeLoader(now);
        await leave();
      }
      if (now.progress === 'activating') {
        enter('activating');
        // The label first: a loader that is started finds the system.
        await this.#run({ program: 'btrfs', args: ['filesystem', 'label', root, SYSTEM_LABEL] });
        await this.#run({ program: 'btrfs', args: ['filesystem', 'sync', root] });
        await this.#loader.activate(this.#target(), this.#facts);
        await leave();
      }
    };
    await withMounted(this.#options, this.#system, { type: 'btrfs', options: 'rw' }, goOn);
    await syncDevice(this.#disk);
    progress('activating', 1);
  }

  /** The breadcrumb of this very installation, where it was interrupted late enough to go on. */
  async #resumable(version: string): Promise<Breadcrumb | undefined> {
    const { launcher } = this.#options;
    const { stdout } = await launcher.run({
      program: 'sfdisk',
      args: ['--dump', this.#disk],
      expect: [0, 1],
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
    const there = parseDump(stdout, this.#disk).entries;
    const wanted = this.#plan.entries;
    const same = wanted.every(({ uuid, start, size, number }) =>
      there.some(
        (entry) =>
          entry.uuid === uuid &&
          entry.start === start &&
          entry.size === size &&
          entry.number === number,
      ),
    );
    if (!same) return undefined;
    const how = { type: 'btrfs', options: 'ro' };
    const crumb = await withMounted(this.#options, this.#system, how, readBreadcrumb).catch(
      () => undefined,
    );
    const ours =
      crumb !== undefined &&
      crumb.version === version &&
      crumb.progress !== 'done' &&
      JSON.stringify(crumb.partitions) === JSON.stringify(wanted.map(({ uuid }) => uuid));
    return ours ? crumb : undefined;
  }

  /** @returns the boot code that was there, as Base64, where another system may need it */
  async #partition(): Promise<string | null> {
    const { whole, bios } = this.#facts;
    const code = await readAt(this.#disk, 0, MBR_CODE);
    // What was started here is about to go: nothing of it may be started half.
    if (whole) await writeAt(this.#disk, 0, Buffer.alloc(MBR_CODE));
    await changeTable(this.#options.launcher, this.#disk, this.#plan.change);
    const foreign = !whole && bios && code.some((byte) => byte !== 0);
    return foreign ? code.toString('base64') : null;
  }

  async #format(crumb: Breadcrumb): Promise<void> {
    for (const command of formatCommands(this.#disk, this.#plan.entries)) await this.#run(command);
    const data = partitionOf(this.#disk, this.#plan.entries, 'data');
    if (data !== undefined) await encryptData(this.#options, data);
    for (const { name } of this.#plan.entries) await syncDevice(this.#path(name));
    await withMounted(
      this.#options,
      this.#system,
      { type: 'btrfs', options: 'rw' },
      async (root) => {
        for (const command of subvolumeCommands(root, data !== undefined)) await this.#run(command);
        await chmod(join(root, 'slots'), 0o755);
        await this.#run({ program: 'btrfs', args: ['filesystem', 'sync', root] });
        await writeBreadcrumb(root, crumb);
      },
    );
  }

  async #placeLoader(crumb: Breadcrumb): Promise<void> {
    const target = this.#target();
    await this.#loader.install(target);
    const esp = new Esp(this.#options.launcher, target.efi);
    const other = await this.#other(crumb, esp);
    await keepOptions(this.#options, esp);
    await esp.createGrubenv({ ...FIRST_CHOICE, other }, this.#options.folder);
  }

  /** Path of another system's loader, which the menu offers. */
  async #other(crumb: Breadcrumb, esp: Esp): Promise<string> {
    if (this.#facts.whole) return '';
    const windows = this.#plan.plan.after.some(({ systems }) =>
      systems.some(({ name }) => name === 'Windows Boot Manager'),
    );
    if (windows) return `/${WINDOWS_LOADER}`;
    if (crumb.formerBootCode === null) return '';
    const sector = await readAt(this.#disk, 0, SECTOR);
    Buffer.from(crumb.formerBootCode, 'base64').copy(sector);
    await esp.putBytes(sector, OTHER_BOOT_SECTOR, this.#options.folder);
    return `/${OTHER_BOOT_SECTOR}`;
  }

  #target(): LoaderTarget {
    return loaderTarget(this.#disk, this.#plan.entries);
  }

  /** @param part a kind, or a partition's name */
  #path(part: string): string {
    const entry = this.#plan.entries.find(
      ({ name }) => name === part || name === NAMES[part as keyof typeof NAMES],
    );
    if (!entry) throw new KioskError('INTERNAL', `The plan has no partition ${part}.`);
    return `${this.#disk}${/\d$/.test(this.#disk) ? 'p' : ''}${entry.number}`;
  }

  async #run({ program, args, input }: Command): Promise<void> {
    await this.#options.launcher.run({
      program,
      args,
      ...(input === undefined ? {} : { input }),
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
  }
}

/** What the running kernel was told of campus and consoles, the one on the disk is told as well. */
export async function keepOptions(
  { commandLine, folder }: Pick<InstallerOptions, 'commandLine' | 'folder'>,
  esp: Esp,
): Promise<void> {
  const text = optionsFile(keptOptions(await commandLine()));
  await esp.putBytes(Buffer.from(text), OPTIONS_FILE, folder);
}

/** @throws KioskError `SYSTEM_NOT_INSTALLED` where our partitions are not there */
export function loaderTarget(disk: string, entries: readonly TableEntry[]): LoaderTarget {
  const efi = entries.find(({ name }) => name === NAMES.efi);
  const bios = entries.find(({ name }) => name === NAMES['bios-boot']);
  const path = (kind: 'efi' | 'bios-boot'): string => partitionOf(disk, entries, kind) ?? '';
  if (!efi || !bios) {
    throw new KioskError('SYSTEM_NOT_INSTALLED', 'The disk has no boot partitions of ours.');
  }
  return {
    disk,
    efi: path('efi'),
    efiNumber: efi.number,
    bios: path('bios-boot'),
    biosStart: bios.start,
    biosSize: bios.size,
  };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
