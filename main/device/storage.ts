/** What takes the disk's space. */
import { lstat, opendir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { StorageUse } from '../../preload/contract/model.ts';
import { errno } from '../base/errors.ts';
import { readText } from './sysfs.ts';

export interface StorageOptions {
  /** The folder whose file system is meant. */
  readonly dataFolder: string;
  /** Parts to measure, e.g. `{ id: 'images', path: '…/images' }`; one that is absent counts 0. */
  readonly parts: readonly { readonly id: string; readonly path: string }[];
  readonly signal?: AbortSignal;
}

/** @throws the signal's reason; what cannot be read counts 0 */
export async function measureStorage(options: StorageOptions): Promise<StorageUse> {
  const { dataFolder, parts, signal } = options;
  const measured: StorageUse['parts'] = [];
  // One after the other: measuring must not keep the disk from those who work.
  for (const { id, path } of parts) measured.push({ id, path, bytes: await used(path, signal) });
  const space = await statfs(dataFolder).catch(() => undefined);
  return {
    parts: measured,
    free: space ? space.bavail * space.bsize : 0,
    total: space ? space.blocks * space.bsize : 0,
    fileSystem: fileSystemOf((await readText('/proc/self/mountinfo')) ?? '', dataFolder),
  };
}

/** Allocated bytes, as du(1) counts them: holes are free, hard links count once. */
async function used(path: string, signal: AbortSignal | undefined): Promise<number> {
  const seen = new Set<string>();
  const waiting = [path];
  let bytes = 0;
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    signal?.throwIfAborted();
    try {
      const stats = await lstat(next);
      if (stats.nlink > 1 && !stats.isDirectory()) {
        const inode = `${stats.dev}:${stats.ino}`;
        if (seen.has(inode)) continue;
        seen.add(inode);
      }
      bytes += stats.blocks * 512;
      if (!stats.isDirectory()) continue;
      for await (const entry of await opendir(next)) waiting.push(join(next, entry.name));
    } catch (error) {
      // Files come and go while we count; folders of others may be closed to us.
      if (errno(error) === undefined) throw error;
    }
  }
  return bytes;
}

/**
 * The type of the file system that holds a path: that of the mount point which is its longest
 * prefix, the last one mounted there (proc_pid_mountinfo(5)).
 */
export function fileSystemOf(mountinfo: string, path: string): string {
  let longest = -1;
  let type = 'unknown';
  for (const line of mountinfo.split('\n')) {
    const [before = '', after = ''] = line.split(' - ');
    const point = before
      .split(' ')[4]
      ?.replace(/\\([0-7]{3})/g, (_, octal: string) =>
        String.fromCharCode(Number.parseInt(octal, 8)),
      );
    const name = after.split(' ')[0];
    if (point === undefined || name === undefined || name === '') continue;
    const holds = point === '/' || path === point || path.startsWith(`${point}/`);
    if (holds && point.length >= longest) {
      longest = point.length;
      type = name;
    }
  }
  return type;
}
