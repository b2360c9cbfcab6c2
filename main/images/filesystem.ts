/** What the store asks of the file system: reflinks, free space, and BTRFS's per-folder properties. */
import { constants } from 'node:fs';
import { chmod, copyFile, mkdir, rm, statfs } from 'node:fs/promises';
import { errno, fromDiskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';

/** `f_type` of statfs(2). */
const BTRFS_SUPER_MAGIC = 0x9123683e;

export async function isBtrfs(folder: string): Promise<boolean> {
  return (await statfs(folder)).type === BTRFS_SUPER_MAGIC;
}

/** Bytes that an unprivileged process may still write. */
export async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/**
 * Makes `target` share the blocks of `source` (ioctl_ficlone(2)), writable by its owner.
 * @returns false where the file system cannot; nothing is left then
 * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`
 */
export async function reflink(source: string, target: string): Promise<boolean> {
  try {
    await copyFile(source, target, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    await chmod(target, 0o600);
    return true;
  } catch (error) {
    if (errno(error) !== 'EEXIST') await rm(target, { force: true });
    if (
      ['ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOSYS', 'ENOTTY'].includes(errno(error) ?? '')
    ) {
      return false;
    }
    throw fromDiskError(error, 'cloning an image');
  }
}

/**
 * Makes the folder of a store. On BTRFS its files are compressed as policy says: images are
 * written once and read often. Elsewhere, and without btrfs-progs, it is a plain folder.
 */
export async function prepareImageFolder(
  folder: string,
  options: { launcher: Launcher; log: Logger; compression: 'zstd' | 'lzo' | 'none' },
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (options.compression === 'none' || !(await isBtrfs(folder))) return;
  await tryProgram(options, 'btrfs', [
    'property',
    'set',
    folder,
    'compression',
    options.compression,
  ]);
}

/**
 * Makes a folder for disks that are written at random: on BTRFS without copy-on-write
 * (chattr(1), `C`), which keeps them from fragmenting. They are disposable, so the checksums
 * that go with it are no loss.
 */
export async function prepareOverlayFolder(
  folder: string,
  options: { launcher: Launcher; log: Logger },
): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (await isBtrfs(folder)) await tryProgram(options, 'chattr', ['+C', folder]);
}

async function tryProgram(
  { launcher, log }: { launcher: Launcher; log: Logger },
  program: string,
  args: readonly string[],
): Promise<void> {
  try {
    await launcher.run({ program, args });
  } catch (error) {
    log.warn('a folder of the image store keeps its defaults', { program, error });
  }
}
