/** Small files of /sys and /proc: what is missing reads as undefined, never as an error. */
import { readdir, readFile, readlink } from 'node:fs/promises';

/** Trimmed; an empty file counts as missing. */
export async function readText(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim();
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  }
}

export async function readBytes(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch {
    return undefined;
  }
}

/** Names in a folder, sorted; none where there is no folder. */
export async function list(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).sort();
  } catch {
    return [];
  }
}

export async function linkTarget(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch {
    return undefined;
  }
}

/** A probe that hangs or fails costs its own value, not the whole screen. */
export async function within<T>(work: Promise<T>, milliseconds: number, instead: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(instead), milliseconds);
  });
  try {
    return await Promise.race([work.catch(() => instead), late]);
  } finally {
    clearTimeout(timer);
  }
}
