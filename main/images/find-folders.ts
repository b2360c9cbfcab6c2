import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Levels below a folder, as in /run/media/PERSON/DISK. */
const DEPTH = 2;
/** So that a share with thousands of folders is not searched. */
const MAX_FOLDERS = 64;

/**
 * Folders and those in them, two levels deep, at most 64: where a disk that someone plugged in
 * may have been mounted. What cannot be read is passed over; links are not followed.
 */
export async function findFolders(roots: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  let level = [...roots];
  for (let depth = 0; depth <= DEPTH; depth++) {
    const below: string[] = [];
    for (const folder of level) {
      if (found.length >= MAX_FOLDERS) return found;
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => undefined);
      if (!entries) continue;
      found.push(folder);
      for (const entry of entries) if (entry.isDirectory()) below.push(join(folder, entry.name));
    }
    level = below.sort();
  }
  return found;
}
