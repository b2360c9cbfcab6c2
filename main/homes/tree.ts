/** The person's files as they lie on this computer. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

export interface LocalFile {
  readonly kind: 'file';
  readonly size: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

export type LocalEntry = LocalFile | { readonly kind: 'folder' };

/** By path below the folder, with forward slashes. */
export type LocalTree = ReadonlyMap<string, LocalEntry>;

/**
 * What cannot be stored on every server: links, sockets, devices, and names that a URL or another
 * system could read differently. They stay on this computer.
 */
export interface Listing {
  readonly tree: LocalTree;
  /** How many entries were left out. */
  readonly skipped: number;
}

const MAX_ENTRIES = 200_000;
const MAX_DEPTH = 64;

/** Whether a name travels unchanged between file systems and servers. */
export function isPortable(name: string): boolean {
  return (
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    Buffer.byteLength(name) <= 200 &&
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
    !/[\u0000-\u001f\u007f/\\]/.test(name) &&
    !name.includes('\ufffd')
  );
}

/** Reads the whole tree. Files that vanish meanwhile are simply not there. */
export async function readLocal(root: string, signal: AbortSignal): Promise<Listing> {
  const tree = new Map<string, LocalEntry>();
  let skipped = 0;
  const read = async (path: string, depth: number): Promise<void> => {
    for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
      signal.throwIfAborted();
      const at = path === '' ? entry.name : `${path}/${entry.name}`;
      const known = entry.isDirectory() || entry.isFile();
      if (!known || !isPortable(entry.name) || depth > MAX_DEPTH || tree.size >= MAX_ENTRIES) {
        skipped++;
      } else if (entry.isDirectory()) {
        tree.set(at, { kind: 'folder' });
        await read(at, depth + 1);
      } else {
        const found = await statFile(join(root, at));
        if (found) tree.set(at, found);
      }
    }
  };
  await read('', 0);
  return { tree, skipped };
}

/** undefined where there is no file (any more). */
export async function statFile(path: string): Promise<LocalFile | undefined> {
  try {
    const { size, mtimeMs } = await lstat(path);
    return { kind: 'file', size, modified: Math.trunc(mtimeMs) };
  } catch {
    return undefined;
  }
}
