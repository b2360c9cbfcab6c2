import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errno } from '../base/errors.ts';
import { readQcow2Header } from './qcow2.ts';

/**
 * The base images that session disks refer to: a version with a disk on it stays, whether its
 * machine runs, was adopted after a restart, or is kept for a person.
 *
 * @param folders searched with their subfolders for `*.qcow2`
 * @returns backing paths as the overlays name them
 */
export async function overlayBases(folders: readonly string[]): Promise<Set<string>> {
  const bases = new Set<string>();
  for (const folder of folders) {
    for (const path of await overlaysIn(folder)) {
      try {
        const header = await readQcow2Header(path);
        if (header?.backingFile) bases.add(header.backingFile);
      } catch (error) {
        // A session that ends takes its disk with it.
        if (errno(error) !== 'ENOENT') throw error;
      }
    }
  }
  return bases;
}

async function overlaysIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => entry.isFile() && entry.name.endsWith('.qcow2'))
      .map((entry) => join(entry.parentPath, entry.name));
  } catch (error) {
    if (errno(error) === 'ENOENT') return [];
    throw error;
  }
}
