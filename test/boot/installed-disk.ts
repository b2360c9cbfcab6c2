/** Disks that the installation wrote, for computers in QEMU to start from. */
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { InstallTarget } from '../../preload/contract/install.ts';
import { FileDisk, GIB, installMissing, Keys } from '../support/install-disk.ts';
import { type LocalInstaller, localInstaller } from '../support/install-order.ts';
import type { Bench } from './scenario.ts';
import { buildSmallRoot, type SmallRoot } from './small-root.ts';

/** For a kernel on an emulated processor that others starve: its timer looks broken to it. */
export const EMULATED = 'no_timer_check';

export const diskObstacle = installMissing;

export interface InstalledDisk {
  readonly file: string;
  /** Other words for the kernel than those that the installation kept. */
  options(words: string): Promise<void>;
  /** Runs `work` with the disk under a loop device. */
  with<T>(work: (local: LocalInstaller, disk: FileDisk) => Promise<T>): Promise<T>;
}

/** A small root file system of this name, signed by the bench's key. */
export async function smallSystem(bench: Bench, version: string): Promise<SmallRoot> {
  const privateKey = await readFile(join(bench.keys, 'root.private.pem'), 'utf8');
  return buildSmallRoot(
    bench.packed,
    privateKey,
    join(bench.folder, `small-${version}`),
    version,
    4,
    {
      efiSha256: undefined,
    },
  );
}

export interface DiskOptions {
  /** Folder of the system. */
  readonly image: string;
  /** Bytes; default 8 GiB. */
  readonly size?: number;
  /** Makes the disk what it is before. @returns where ours goes; default: all of it */
  readonly prepare?: (disk: FileDisk) => InstallTarget;
}

/** A disk in a file, whatever is on it. @param image folder of the system that an installation takes */
export function diskAt(bench: Bench, file: string, image: string): InstalledDisk {
  const made: InstalledDisk = {
    file,
    options: (words) =>
      made.with(async (local, disk) => {
        const efi = (await local.installer.disks(false))[0]?.disk.partitions.find(
          ({ name }) => name === 'KIOSK-ESP',
        );
        if (!efi) throw new Error(`${disk.path} has no EFI system partition of ours`);
        const text = join(bench.folder, 'options.cfg');
        await writeFile(text, `set options='${words}'\n`);
        execFileSync('mcopy', ['-o', '-i', efi.path, text, '::/vestibule/options.cfg'], {
          env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
          // It says what it thinks of the device's geometry.
          stdio: 'pipe',
        });
      }),
    async with(work) {
      await publishKeys(bench);
      const disk = FileDisk.attach(file);
      await using local = localInstaller(bench.folder, image, () => disk.path);
      try {
        return await work(local, disk);
      } finally {
        disk.detach();
      }
    },
  };
  return made;
}

export async function installedDisk(bench: Bench, options: DiskOptions): Promise<InstalledDisk> {
  const file = join(bench.folder, 'disk.img');
  (await FileDisk.create(file, options.size ?? 8 * GIB)).detach();
  const made = diskAt(bench, file, options.image);
  await made.with(async (local, disk) => {
    const target = options.prepare?.(disk) ?? { mode: 'whole' };
    await local.install({ disk: disk.path, target, swapMiB: 0, encrypt: false });
  });
  await made.options(`console=ttyS0 loglevel=6 ${EMULATED}`);
  return made;
}

async function publishKeys(bench: Bench): Promise<void> {
  const keys = new Keys({
    privateKey: await readFile(join(bench.keys, 'root.private.pem'), 'utf8'),
    publicKey: await readFile(join(bench.keys, 'root.public.pem'), 'utf8'),
  });
  await keys.publish(bench.folder);
  await mkdir(join(bench.folder, 'helper'), { recursive: true });
}
