/**
 * GRUB on the disk. For UEFI, Debian's signed shim and GRUB on our own EFI system partition, so
 * that no other system's is touched; for BIOS, a core.img in the BIOS boot partition. Everything
 * is in place and flushed before {@link activate} makes firmware start it.
 */
import { access, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errno, KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';
import { readAt, syncDevice, writeAt } from './block-device.ts';
import { embeddedCore, MBR_CODE, mbrCode } from './boot-code.ts';
import { PROGRAM_MS } from './commands.ts';
import { Esp } from './esp.ts';
import { ESP_LABEL } from './layout.ts';

/** Where Debian's packages put what we copy. */
export interface LoaderFiles {
  /** grub-pc-bin: `/usr/lib/grub/i386-pc`. */
  readonly biosFolder: string;
  /** shim-signed: `/usr/lib/shim`. */
  readonly shimFolder: string;
  /** grub-efi-amd64-signed: `/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed`. */
  readonly signedGrub: string;
  /** GRUB's configuration on the disk: squashfs/grub/disk.cfg. */
  readonly configuration: string;
}

export interface LoaderTarget {
  readonly disk: string;
  readonly efi: string;
  readonly efiNumber: number;
  readonly bios: string;
  /** Sectors. */
  readonly biosStart: number;
  readonly biosSize: number;
}

export interface LoaderOptions {
  readonly launcher: Launcher;
  readonly log: Logger;
  readonly files: LoaderFiles;
  /** The helper's own folder. */
  readonly scratch: string;
}

/** Debian's signed GRUB looks for its configuration here, on the partition that it came from. */
const CONFIGURATION = 'EFI/debian/grub.cfg';
const OWN = 'EFI/vestibule';
/** Where firmware looks without a boot entry (UEFI 2.10, 3.5.1.1). */
const REMOVABLE = 'EFI/BOOT';
export const OTHER_BOOT_SECTOR = 'vestibule/other.mbr';

const BIOS_MODULES = [
  ...['biosdisk', 'part_gpt', 'part_msdos', 'fat', 'btrfs', 'loadenv', 'search'],
  ...['search_label', 'search_fs_file', 'linux', 'chain', 'test', 'normal', 'configfile'],
  ...['echo', 'sleep', 'reboot', 'halt', 'gfxterm', 'all_video', 'font'],
];

/** core.img knows its configuration by the label of our partition, not by a disk's number. */
const BIOS_CONFIGURATION = `search --no-floppy --set=root --label ${ESP_LABEL}
normal ($root)/${CONFIGURATION}
`;

export class BootLoader {
  readonly #launcher: Launcher;
  readonly #log: Logger;
  readonly #files: LoaderFiles;
  readonly #scratch: string;

  constructor({ launcher, log, files, scratch }: LoaderOptions) {
    this.#launcher = launcher;
    this.#log = log;
    this.#files = files;
    this.#scratch = scratch;
  }

  /** Puts every file in place; firmware does not know of them yet. */
  async install(target: LoaderTarget): Promise<void> {
    await this.#installUefi(target);
    await this.#installBios(target);
  }

  /**
   * What can be said against the loader on the disk; null: nothing.
   *
   * @param bios the boot code of sector 0 must be ours
   */
  async problem(target: LoaderTarget, bios: boolean): Promise<string | null> {
    const esp = new Esp(this.#launcher, target.efi);
    try {
      for (const path of [CONFIGURATION, ...this.#uefiFiles(OWN), ...this.#uefiFiles(REMOVABLE)]) {
        if (!(await esp.exists(path))) return `${path} is missing.`;
      }
      await esp.readGrubenv();
      if (bios) {
        const code = await readAt(target.disk, 0, MBR_CODE);
        if (!code.equals(await this.bootCode(target))) return 'The boot code is not ours.';
      }
      return null;
    } catch (error) {
      return error instanceof KioskError ? error.message : 'The loader cannot be read.';
    }
  }

  /** From here on firmware starts us. @param bios writes the boot code of sector 0 */
  async activate(
    target: LoaderTarget,
    { bios, nvram }: { bios: boolean; nvram: boolean },
  ): Promise<void> {
    const esp = new Esp(this.#launcher, target.efi);
    await esp.makeFolder(REMOVABLE);
    // What the first loader loads comes before it.
    for (const [source, name] of this.#removableFiles()) {
      await esp.put(source, `${REMOVABLE}/${name}`);
    }
    if (bios) await writeAt(target.disk, 0, await this.bootCode(target));
    if (!nvram) return;
    try {
      await this.#addEntry(target);
    } catch (error) {
      // Full or write-protected, as firmware happens to be; the loader also stands where it looks.
      this.#log.warn('The firmware takes no boot entry.', { error });
    }
  }

  /** Takes the boot entries of ours out of the firmware's memory. */
  async removeEntries(): Promise<void> {
    const { stdout } = await this.#launcher.run({
      program: 'efibootmgr',
      args: [],
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
    for (const [, number = ''] of stdout.matchAll(/^Boot([0-9A-F]{4})\*? Vestibule\b/gm)) {
      await this.#launcher.run({
        program: 'efibootmgr',
        args: ['--quiet', '--delete-bootnum', '--bootnum', number],
        signal: AbortSignal.timeout(PROGRAM_MS),
      });
    }
  }

  async #addEntry(target: LoaderTarget): Promise<void> {
    await this.removeEntries();
    await this.#launcher.run({
      program: 'efibootmgr',
      args: [
        ...['--quiet', '--create', '--disk', target.disk, '--part', String(target.efiNumber)],
        ...['--label', 'Vestibule', '--loader', '\\EFI\\vestibule\\shimx64.efi'],
      ],
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
  }

  async #installUefi({ efi }: LoaderTarget): Promise<void> {
    const esp = new Esp(this.#launcher, efi);
    const { shimFolder, signedGrub, configuration } = this.#files;
    await esp.makeFolder(OWN);
    await esp.makeFolder('EFI/debian');
    await esp.put(join(shimFolder, 'mmx64.efi.signed'), `${OWN}/mmx64.efi`);
    await esp.put(signedGrub, `${OWN}/grubx64.efi`);
    await esp.put(join(shimFolder, 'shimx64.efi.signed'), `${OWN}/shimx64.efi`);
    await esp.put(configuration, CONFIGURATION);
  }

  #uefiFiles(folder: string): string[] {
    const shim = folder === REMOVABLE ? 'BOOTX64.EFI' : 'shimx64.efi';
    return ['grubx64.efi', shim].map((name) => `${folder}/${name}`);
  }

  #removableFiles(): Array<readonly [string, string]> {
    const { shimFolder, signedGrub } = this.#files;
    return [
      [signedGrub, 'grubx64.efi'],
      [join(shimFolder, 'shimx64.efi.signed'), 'BOOTX64.EFI'],
    ];
  }

  async #installBios({ bios, biosStart, biosSize }: LoaderTarget): Promise<void> {
    const { biosFolder } = this.#files;
    if (!(await exists(biosFolder))) return;
    const script = join(this.#scratch, 'core.cfg');
    const core = join(this.#scratch, 'core.img');
    await writeFile(script, BIOS_CONFIGURATION);
    await this.#launcher.run({
      program: 'grub-mkimage',
      args: [
        ...['--format', 'i386-pc', '--directory', biosFolder, '--prefix', '/EFI/debian'],
        ...['--config', script, '--output', core, ...BIOS_MODULES],
      ],
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
    const placed = embeddedCore(await readFile(core), biosStart, biosSize * 512);
    await writeAt(bios, 0, placed);
    await syncDevice(bios);
  }

  /** Sector 0's first bytes as they start our core.img. @throws KioskError `BOOT_LOADER_FAILED` */
  async bootCode({ biosStart }: LoaderTarget): Promise<Buffer> {
    const image = join(this.#files.biosFolder, 'boot.img');
    try {
      return mbrCode(await readFile(image), biosStart);
    } catch (error) {
      if (errno(error) !== 'ENOENT') throw error;
      throw new KioskError('BOOT_LOADER_FAILED', 'GRUB for BIOS is not part of this system.', {
        cause: error,
      });
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
