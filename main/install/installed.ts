/**
 * The installed system: its slots, which one starts, its loader, and its removal. Finds the disk by
 * our partitions' names each time; nothing is remembered between calls.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstalledSystem, SlotName } from '../../preload/contract/install.ts';
import { KioskError } from '../base/errors.ts';
import { readAt, syncDevice, writeAt } from './block-device.ts';
import { MBR_CODE } from './boot-code.ts';
import { INSTALL_TABLE, readBreadcrumb, writeBreadcrumb } from './breadcrumb.ts';
import { PROGRAM_MS } from './commands.ts';
import { canRender, type PartitionTable, partitionPath, renderScript } from './disk-table.ts';
import { Esp } from './esp.ts';
import { type BootChoice, type Letter, markGood, tryNext } from './grubenv.ts';
import { diskFindings } from './guards.ts';
import {
  type Installer,
  type InstallerOptions,
  keepOptions,
  loaderTarget,
  OPTIONS_FILE,
  type StepContext,
} from './installer.ts';
import { NAMES, SYSTEM_LABEL } from './layout.ts';
import { withMounted } from './mounts.ts';
import { changeTable } from './partitioning.ts';
import type { ProbedDisk } from './probe.ts';
import {
  letterOf,
  nameOf,
  publish,
  readSlots,
  verifyIncoming,
  verifySlot,
  writeIncoming,
} from './slots.ts';
import { openSource, readBootFacts } from './source.ts';

interface Found extends ProbedDisk {
  readonly table: PartitionTable;
  readonly system: string;
  readonly esp: Esp;
}

export class Installed {
  readonly #options: InstallerOptions;
  readonly #installer: Installer;

  constructor(options: InstallerOptions, installer: Installer) {
    this.#options = options;
    this.#installer = installer;
  }

  /** Null where no disk has a system of ours. */
  async read(): Promise<InstalledSystem | null> {
    const found = await this.#find();
    return found ? await this.#describe(found) : null;
  }

  /**
   * Copies a system from `folder` into the slot that neither runs nor is good.
   * @throws KioskError `SYSTEM_NOT_INSTALLED`, `INSTALL_SOURCE_MISSING`, `SYSTEM_CORRUPT`, `DISK_FULL`
   */
  async write(folder: string, { signal, progress }: StepContext): Promise<{ slot: SlotName }> {
    const { launcher, places } = this.#options;
    const found = await this.#require();
    const source = await openSource([folder], places.bootFolder);
    const letter = await this.#spare(found);
    const choice = await found.esp.readGrubenv();
    // A trial of what is about to be replaced ends: half of two systems must never start.
    if (choice.trial === letter) {
      await found.esp.writeGrubenv({ ...choice, trial: null, tries: 0 });
    }
    await this.#mounted(found, async (root) => {
      const slots = join(root, 'slots');
      await writeIncoming(slots, source, signal, (of) => progress('writing', of));
      await verifyIncoming(launcher, slots, signal, (of) => progress('verifying', of));
      await publish(slots, letter);
    });
    await syncDevice(found.disk.path);
    return { slot: nameOf(letter) };
  }

  /** @throws KioskError `SYSTEM_CORRUPT` where a byte is not what its signed description says */
  async verify(slot: SlotName, { signal, progress }: StepContext): Promise<void> {
    const found = await this.#require();
    await this.#requireSlot(found, slot);
    await this.#mounted(found, (root) =>
      verifySlot(this.#options.launcher, join(root, 'slots'), letterOf(slot), signal, (of) =>
        progress('verifying', of),
      ),
    );
  }

  /** The slot is started next, `tries` times at most until it shows the kiosk. */
  async try(slot: SlotName, tries: number): Promise<InstalledSystem> {
    return await this.#choose(slot, (choice) =>
      tryNext(choice, letterOf(slot), Math.min(tries, 3)),
    );
  }

  /** The slot is started from now on. It has shown the kiosk before, or somebody says so. */
  async choose(slot: SlotName): Promise<InstalledSystem> {
    return await this.#choose(slot, (choice) => ({
      ...choice,
      good: letterOf(slot),
      trial: null,
      tries: 0,
    }));
  }

  /** The running slot has shown the kiosk. Null where what runs came from elsewhere. */
  async good(): Promise<InstalledSystem | null> {
    const running = await this.#running();
    const found = running === null ? undefined : await this.#find();
    if (running === null || !found) return null;
    // The initrd's watch over a trial looks for this.
    await writeFile(join(this.#options.places.bootFolder, 'reached'), '');
    const choice = await found.esp.readGrubenv();
    const marked = markGood(choice, running);
    if (JSON.stringify(marked) !== JSON.stringify(choice)) await found.esp.writeGrubenv(marked);
    return await this.#describe(found);
  }

  /** Writes the loader again, and the choice of slots where it is lost. */
  async repair(disk: string): Promise<void> {
    const found = await this.#find(disk);
    if (!found) throw notInstalled();
    const slots = await this.#mounted(found, (root) => readSlots(join(root, 'slots')));
    const [first] = slots;
    // Nothing to start: what was interrupted this early is installed again, not repaired.
    if (!first) throw notInstalled();
    const target = loaderTarget(disk, found.table.entries);
    const { loader } = this.#installer;
    await loader.install(target);
    if (!(await found.esp.exists(OPTIONS_FILE))) await keepOptions(this.#options, found.esp);
    const choice = await found.esp.readGrubenv().catch(() => undefined);
    const usable = choice !== undefined && slots.some(({ name }) => letterOf(name) === choice.good);
    if (!usable) {
      const running = await this.#running();
      await found.esp.createGrubenv(
        {
          good: running ?? letterOf(first.name),
          trial: null,
          tries: 0,
          booting: null,
          other: choice?.other ?? '',
        },
        this.#options.folder,
      );
    }
    const facts = await this.#options.boot();
    await this.#mounted(found, async (root) => {
      await this.#run('btrfs', ['filesystem', 'label', root, SYSTEM_LABEL]);
      await this.#run('btrfs', ['filesystem', 'sync', root]);
      await loader.activate(target, { bios: await this.#usesBios(found), nvram: facts.nvram });
      const crumb = await readBreadcrumb(root);
      if (crumb && INSTALL_TABLE[crumb.progress].step !== undefined) {
        await writeBreadcrumb(root, { ...crumb, progress: 'done' });
      }
    });
    await syncDevice(disk);
  }

  /**
   * Takes our partitions off a disk; others stay, and start as before. Where the running kiosk
   * keeps its state there, it goes on until it is restarted, and leaves nothing that is found.
   * @throws KioskError `INSTALL_NOT_CONFIRMED`, `DISK_IN_USE`, `SYSTEM_NOT_INSTALLED`
   */
  async remove(disk: string, confirmation: string): Promise<void> {
    const probed = (await this.#installer.disks(false)).find((one) => one.disk.path === disk);
    if (!probed) throw new KioskError('DISK_UNKNOWN', `There is no disk ${disk}.`);
    if (confirmation !== disk.replace('/dev/', '')) {
      throw new KioskError('INSTALL_NOT_CONFIRMED', 'The name of the disk was not given.');
    }
    const names = Object.values(NAMES) as string[];
    const { table } = probed;
    const ours = table?.entries.filter(({ name }) => names.includes(name)) ?? [];
    if (!table || ours.length === 0 || !canRender(table)) throw notInstalled();
    const own = new Set(ours.map(({ number }) => partitionPath(disk, number)));
    const uses = diskFindings(probed.disk);
    const [reason] = uses.filter(({ details }) => !own.has(String(details.path)));
    if (reason) {
      throw new KioskError('DISK_IN_USE', 'The disk is in use.', {
        details: { finding: reason.code, ...reason.details },
      });
    }
    const system = ours.find(({ name }) => name === NAMES.system);
    const crumb =
      system &&
      (await this.#mount(partitionPath(disk, system.number), readBreadcrumb).catch(
        () => undefined,
      ));
    // From the outside in: firmware first, so that at no point it starts what is half gone.
    if ((await this.#options.boot()).nvram) {
      await this.#installer.loader.removeEntries().catch((error: unknown) => {
        this.#options.log.warn('The boot entry stays.', { error });
      });
    }
    await this.#restoreBootCode(disk, table, crumb?.formerBootCode ?? null);
    const kept = table.entries.filter(({ name }) => !names.includes(name));
    const inUse = uses.length > 0;
    if (inUse) {
      for (const path of own) await this.#run('wipefs', ['--all', '--force', '--quiet', path]);
    }
    await changeTable(this.#options.launcher, disk, {
      script: renderScript({ id: table.id, entries: kept }),
      // The kernel holds on to what is mounted; the next start knows the new table only.
      erased: inUse ? [] : ours.map(({ number }) => number),
      added: [],
      whole: false,
    });
  }

  /** What was in sector 0 before us; nothing of ours stays where firmware would start it. */
  async #restoreBootCode(
    disk: string,
    table: PartitionTable,
    former: string | null,
  ): Promise<void> {
    const problem = await this.#bootCodeProblem(disk, table);
    if (problem !== null) return;
    const code = former === null ? Buffer.alloc(MBR_CODE) : Buffer.from(former, 'base64');
    if (code.length === MBR_CODE) await writeAt(disk, 0, code);
  }

  /** Null where sector 0 starts us. */
  async #bootCodeProblem(disk: string, table: PartitionTable): Promise<string | null> {
    try {
      const expected = await this.#installer.loader.bootCode(loaderTarget(disk, table.entries));
      return (await readAt(disk, 0, MBR_CODE)).equals(expected) ? null : 'not ours';
    } catch {
      return 'unknown';
    }
  }

  async #choose(
    slot: SlotName,
    change: (choice: BootChoice) => BootChoice,
  ): Promise<InstalledSystem> {
    const found = await this.#require();
    await this.#requireSlot(found, slot);
    await found.esp.writeGrubenv(change(await found.esp.readGrubenv()));
    return await this.#describe(found);
  }

  async #describe(found: Found): Promise<InstalledSystem> {
    const slots = await this.#mounted(found, (root) => readSlots(join(root, 'slots')), 'ro');
    const running = await this.#running();
    const target = loaderTarget(found.disk.path, found.table.entries);
    const unfinished = found.disk.installation?.state !== 'installed';
    const bootProblem = unfinished
      ? 'The installation was cut off before its end.'
      : await this.#installer.loader.problem(target, await this.#usesBios(found));
    const choice = await found.esp.readGrubenv().catch(() => undefined);
    const trial = choice?.trial ?? null;
    const givenUp = trial !== null && choice?.tries === 0 && running !== trial;
    return {
      disk: found.disk.path,
      running: running === null ? null : nameOf(running),
      slots,
      good: nameOf(choice?.good ?? 'a'),
      trial: trial === null || givenUp ? null : { slot: nameOf(trial), tries: choice?.tries ?? 0 },
      failed: givenUp ? nameOf(trial) : null,
      bootProblem,
    };
  }

  /** Neither the running slot nor the good one; where both are one, the other. */
  async #spare(found: Found): Promise<Letter> {
    const running = await this.#running();
    const { good } = await found.esp.readGrubenv();
    const taken = new Set<Letter>([good, ...(running === null ? [] : [running])]);
    if (taken.size === 2) {
      throw new KioskError('IMAGE_IN_USE', 'One slot runs and the other is the good one.');
    }
    return taken.has('a') ? 'b' : 'a';
  }

  async #requireSlot(found: Found, slot: SlotName): Promise<void> {
    const slots = await this.#mounted(found, (root) => readSlots(join(root, 'slots')), 'ro');
    if (!slots.some(({ name }) => name === slot)) {
      throw new KioskError('SYSTEM_NOT_INSTALLED', `There is no system in slot ${slot}.`);
    }
  }

  /** Whether firmware starts the disk by its sector 0. */
  async #usesBios(found: Found): Promise<boolean> {
    const alone = found.table.entries.every(({ name }) =>
      (Object.values(NAMES) as string[]).includes(name),
    );
    return alone || (await this.#options.boot()).firmware === 'bios';
  }

  async #running(): Promise<Letter | null> {
    const source = (await readBootFacts(this.#options.places.bootFolder)).get('source');
    if (source === 'slot-a') return 'a';
    return source === 'slot-b' ? 'b' : null;
  }

  async #require(): Promise<Found> {
    const found = await this.#find();
    if (found?.disk.installation?.state !== 'installed') throw notInstalled();
    return found;
  }

  /** The disk with our partitions: the one asked for, the one in use, else the first. */
  async #find(path?: string): Promise<Found | undefined> {
    const candidates = (await this.#installer.disks(false)).flatMap((probed): Found[] => {
      const { disk, table } = probed;
      const entry = table?.entries.find(({ name }) => name === NAMES.system);
      const efi = table?.entries.find(({ name }) => name === NAMES.efi);
      const found = disk.partitions.find(({ number }) => number === entry?.number);
      if (!table || !entry || !efi || found?.fileSystem?.type !== 'btrfs') return [];
      const esp = new Esp(this.#options.launcher, partitionPath(disk.path, efi.number));
      return [{ disk, table, system: partitionPath(disk.path, entry.number), esp }];
    });
    if (path !== undefined) return candidates.find(({ disk }) => disk.path === path);
    return (
      candidates.find(({ disk }) => disk.bootMedium) ??
      candidates.find(({ disk }) => disk.installation?.state === 'installed') ??
      candidates[0]
    );
  }

  #mounted<T>(
    found: Found,
    work: (root: string) => Promise<T>,
    access: 'ro' | 'rw' = 'rw',
  ): Promise<T> {
    // Where it is mounted for the kiosk's data, a second mount shares that file system, read-write.
    const busy = found.disk.partitions.some(
      ({ path, mounts }) => path === found.system && mounts.length > 0,
    );
    return this.#mount(found.system, work, busy ? 'rw' : access);
  }

  #mount<T>(
    device: string,
    work: (root: string) => Promise<T>,
    access: 'ro' | 'rw' = 'ro',
  ): Promise<T> {
    return withMounted(
      this.#options,
      device,
      { type: 'btrfs', options: `${access},subvolid=5` },
      work,
    );
  }

  async #run(program: string, args: readonly string[]): Promise<void> {
    await this.#options.launcher.run({
      program,
      args,
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
  }
}

function notInstalled(): KioskError {
  return new KioskError(
    'SYSTEM_NOT_INSTALLED',
    'There is no installed system of ours on the disk.',
  );
}
