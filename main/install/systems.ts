/** Which systems live on a partition, by their files: read-only, and never a reason to fail. */
import { access, readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { FoundSystem } from '../../preload/contract/install.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';
import { Esp } from './esp.ts';
import { type MountOptions, withMounted } from './mounts.ts';

/** Read-only without replaying a journal: looking must not write. */
const OPTIONS: Readonly<Record<string, string>> = {
  ext2: 'ro',
  ext3: 'ro,noload',
  ext4: 'ro,noload',
  xfs: 'ro,norecovery,nouuid',
  btrfs: 'ro,rescue=nologreplay',
  ntfs: 'ro',
};
const DRIVERS: Readonly<Record<string, string>> = { ntfs: 'ntfs3' };

/** Where the Windows loader stands on an EFI system partition. */
export const WINDOWS_LOADER = 'EFI/Microsoft/Boot/bootmgfw.efi';

export interface LookOptions extends MountOptions {
  readonly log: Logger;
}

/** @param type as blkid(8) names the file system */
export async function findSystems(
  options: LookOptions,
  device: string,
  type: string,
): Promise<FoundSystem[]> {
  if (type === 'apfs' || type === 'hfsplus') return [{ kind: 'macos', name: 'macOS' }];
  // Nobody can look inside; what is encrypted this way is Windows'.
  if (type === 'BitLocker') return [{ kind: 'windows', name: 'Windows (BitLocker)' }];
  const mountOptions = OPTIONS[type];
  if (mountOptions === undefined) return [];
  try {
    const how = { type: DRIVERS[type] ?? type, options: mountOptions };
    return await withMounted(options, device, how, async (root) =>
      type === 'ntfs' ? await windowsIn(root) : await linuxIn(root),
    );
  } catch (error) {
    options.log.info('A file system could not be looked into.', { device, type, error });
    // Better a partition too many kept than a Windows lost.
    return type === 'ntfs' ? [{ kind: 'windows', name: 'Windows' }] : [];
  }
}

/** Whether an EFI system partition holds the loader of Windows. */
export async function hasWindowsLoader(launcher: Launcher, device: string): Promise<boolean> {
  return await new Esp(launcher, device).exists(WINDOWS_LOADER).catch(() => false);
}

async function windowsIn(root: string): Promise<FoundSystem[]> {
  for (const folder of ['Windows', 'WINDOWS', 'windows']) {
    if (await exists(join(root, folder, 'System32'))) return [{ kind: 'windows', name: 'Windows' }];
  }
  return [];
}

async function linuxIn(root: string): Promise<FoundSystem[]> {
  // The top of a BTRFS has the subvolumes of Debian, Fedora and openSUSE, or the root itself.
  for (const top of ['', '@', '@rootfs', 'root', '@/.snapshots/1/snapshot']) {
    for (const file of ['etc/os-release', 'usr/lib/os-release']) {
      const text = await readInside(root, join(root, top, file));
      const name = text?.match(/^PRETTY_NAME="?([^"\n]{1,100})/m)?.[1];
      if (name !== undefined) return [{ kind: 'linux', name }];
    }
  }
  return [];
}

/** A link that leads out of the partition would name the running system. */
async function readInside(root: string, path: string): Promise<string | undefined> {
  try {
    const real = await realpath(path);
    return real.startsWith(`${root}/`) ? await readFile(real, 'utf8') : undefined;
  } catch {
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
