/** What the computer has right now, for `resources.ts`. */
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import type { HostResources } from './resources.ts';

/**
 * @param diskFolder where overlays go; must exist
 * @param promisedMib see {@link HostResources.memoryPromisedMib}
 */
export async function readHost(diskFolder: string, promisedMib: number): Promise<HostResources> {
  const [memory, disk] = await Promise.all([readFile('/proc/meminfo', 'utf8'), statfs(diskFolder)]);
  return {
    cpus: availableParallelism(),
    memoryTotalMib: field(memory, 'MemTotal'),
    memoryAvailableMib: field(memory, 'MemAvailable'),
    memoryPromisedMib: promisedMib,
    diskFreeMib: Math.floor((disk.bavail * disk.bsize) / (1024 * 1024)),
  };
}

/** MiB; proc(5) gives kB that are KiB. */
function field(meminfo: string, name: string): number {
  return Math.floor(
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(meminfo)?.[1] ?? 0) / 1024,
  );
}
