/**
 * The EFI system partition, written with mtools(1) and never mounted: what is not mounted a power
 * cut leaves clean, and FAT has no journal that would help. Each change is flushed before the next.
 */
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { KioskError } from '../base/errors.ts';
import { baseEnvironment, type Launcher } from '../process/launcher.ts';
import { readAt, syncDevice, withReader, writeAt } from './block-device.ts';
import { PROGRAM_MS } from './commands.ts';
import { locate } from './fat.ts';
import { type BootChoice, formatGrubenv, GRUBENV_SIZE, parseGrubenv } from './grubenv.ts';

const GRUBENV = ['vestibule', 'grubenv'];

export class Esp {
  readonly #launcher: Launcher;
  readonly #device: string;

  constructor(launcher: Launcher, device: string) {
    this.#launcher = launcher;
    this.#device = device;
  }

  /** Makes a folder with all above it; one that is there is fine. */
  async makeFolder(path: string): Promise<void> {
    const parts = path.split('/');
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/');
      if (!(await this.exists(folder))) await this.#run('mmd', [`::/${folder}`]);
    }
  }

  /** Copies a file over what is there, and flushes it. */
  async put(source: string, path: string): Promise<void> {
    await this.#run('mcopy', ['-o', '-m', source, `::/${path}`]);
    await syncDevice(this.#device);
  }

  async exists(path: string): Promise<boolean> {
    const { code } = await this.#run('mdir', ['-b', `::/${path}`], [0, 1]);
    return code === 0;
  }

  /** Removes files and folders; what is not there is fine. */
  async remove(path: string): Promise<void> {
    if (!(await this.exists(path))) return;
    await this.#run('mdeltree', [`::/${path}`]);
    await syncDevice(this.#device);
  }

  /** @returns the file's bytes, in a string of Latin-1 */
  async read(path: string): Promise<string> {
    const { stdout } = await this.#run('mtype', [`::/${path}`]);
    return stdout;
  }

  /** @param scratch a folder for the moment */
  async putBytes(bytes: Buffer, path: string, scratch: string): Promise<void> {
    const file = join(scratch, 'esp-file');
    await writeFile(file, bytes);
    await this.makeFolder(dirname(path));
    await this.put(file, path);
  }

  /** Puts GRUB's environment block there for the first time. */
  async createGrubenv(choice: BootChoice, scratch: string): Promise<void> {
    await this.putBytes(formatGrubenv(choice), GRUBENV.join('/'), scratch);
  }

  /** @throws KioskError `BOOT_LOADER_FAILED` where there is none, or a damaged one */
  async readGrubenv(): Promise<BootChoice> {
    return await withReader(this.#device, async (read) => {
      const { size, cluster, positions } = await locate(read, GRUBENV);
      if (size !== GRUBENV_SIZE) {
        throw new KioskError('BOOT_LOADER_FAILED', "GRUB's environment block has a wrong size.");
      }
      const parts: Buffer[] = [];
      for (let at = 0, left = size; left > 0; at++) {
        const bytes = await read(positions[at] ?? 0, Math.min(cluster, left));
        if (positions[at] === undefined || bytes.length === 0) {
          throw new KioskError('BOOT_LOADER_FAILED', "GRUB's environment block is cut short.");
        }
        parts.push(bytes);
        left -= bytes.length;
      }
      return parseGrubenv(Buffer.concat(parts));
    });
  }

  /** Replaces the one sector that says anything: a power cut leaves the old choice or the new one. */
  async writeGrubenv(choice: BootChoice): Promise<void> {
    await this.readGrubenv();
    const { positions } = await withReader(this.#device, (read) => locate(read, GRUBENV));
    const bytes = formatGrubenv(choice).subarray(0, 512);
    const [position] = positions;
    if (position === undefined) {
      throw new KioskError('BOOT_LOADER_FAILED', "GRUB's environment block has no place.");
    }
    await writeAt(this.#device, position, bytes);
    const back = await readAt(this.#device, position, bytes.length);
    if (!back.equals(bytes)) {
      throw new KioskError('BOOT_LOADER_FAILED', "GRUB's environment block was not kept.");
    }
  }

  async #run(program: string, args: readonly string[], expect: readonly number[] = [0]) {
    return await this.#launcher.run({
      program,
      args: ['-i', this.#device, ...args],
      // mtools would refuse a geometry that no floppy disk has.
      env: { ...baseEnvironment(), MTOOLS_SKIP_CHECK: '1', MTOOLSRC: '/dev/null' },
      expect,
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
  }
}
