/** The folder that is a viewer's home and its place for temporary files. */
import { readFile, rm } from 'node:fs/promises';
import type { Logger } from '../../log/logger.ts';
import type { Launcher } from '../../process/launcher.ts';

/**
 * Removes what viewers that have ended left in a folder, and the folder. FreeRDP 3 shows copied
 * files through FUSE; a viewer that was killed leaves its mount behind. Never rejects: what cannot
 * be removed is logged, and takes no session with it.
 */
export async function removeHome(launcher: Launcher, folder: string, log: Logger): Promise<void> {
  try {
    for (const path of await mountsBelow(folder)) await unmount(launcher, path);
    await rm(folder, { recursive: true, force: true });
  } catch (error) {
    log.warn('what an RDP viewer left could not be removed', { folder, error });
  }
}

async function mountsBelow(folder: string): Promise<string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  return mounts
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}/`));
}

/** By FUSE's own tool, which is there where a user could mount; root needs none. */
async function unmount(launcher: Launcher, path: string): Promise<void> {
  try {
    await launcher.run({ program: 'fusermount3', args: ['-u', '-z', path] });
  } catch {
    await launcher.run({ program: 'umount', args: ['--lazy', path] });
  }
}
