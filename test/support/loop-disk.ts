/** A file system of the test's own, on a loop device or in memory. Needs root. */
import { execFileSync } from 'node:child_process';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export interface TestDisk extends AsyncDisposable {
  /** Where it is mounted. */
  readonly path: string;
  /** The file behind it; undefined for tmpfs. */
  readonly backing: string | undefined;
  unmount(): void;
  mount(): void;
}

/** Why a disk of one's own cannot be had here; undefined: it can. */
export function loopDiskMissing(...programs: string[]): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const program of ['losetup', 'mount', ...programs]) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    } catch {
      return `needs ${program}`;
    }
  }
  return undefined;
}

/** @param path the mount point, to be made; the backing file goes beside it */
export async function testDisk(
  path: string,
  kind: 'btrfs' | 'ext4' | 'tmpfs',
  size: number,
): Promise<TestDisk> {
  await mkdir(path, { recursive: true });
  const backing = kind === 'tmpfs' ? undefined : join(dirname(path), `${kind}-${size}.img`);
  if (backing !== undefined) {
    await writeFile(backing, '');
    await truncate(backing, size);
    execFileSync(`mkfs.${kind}`, ['-q', backing], { stdio: 'ignore' });
  }
  let mounted = false;
  const disk: TestDisk = {
    path,
    backing,
    mount() {
      const args =
        backing === undefined
          ? ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path]
          : ['-o', 'loop', backing, path];
      execFileSync('mount', args);
      mounted = true;
    },
    unmount() {
      if (mounted) execFileSync('umount', [path]);
      mounted = false;
    },
    async [Symbol.asyncDispose]() {
      // A thread that was told to end may hold its last file for a moment.
      for (let tries = 0; tries < 50; tries++) {
        try {
          disk.unmount();
          return;
        } catch {
          await sleep(100);
        }
      }
      disk.unmount();
    },
  };
  disk.mount();
  return disk;
}
