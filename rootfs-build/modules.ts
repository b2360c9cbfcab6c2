/** Keeps the kernel modules that a profile names, with what they depend on; the rest goes. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { run } from './run.ts';
import { walk } from './runtime-package.ts';

/** @returns the kernel's release, as `uname -r` says it */
export async function kernelRelease(tree: string): Promise<string> {
  const releases = await readdir(join(tree, 'usr/lib/modules'));
  const [release] = releases;
  if (release === undefined || releases.length > 1) {
    throw new Error(`the tree has ${releases.length} kernels: ${releases.join(', ')}`);
  }
  return release;
}

/**
 * @param wanted names, or folders below `kernel/` with a slash at the end
 * @returns names that the kernel has neither as a module nor built in
 */
export async function trimModules(tree: string, wanted: readonly string[]): Promise<string[]> {
  const release = await kernelRelease(tree);
  const folder = join(tree, 'usr/lib/modules', release);
  const needs = parseDependencies(await readFile(join(folder, 'modules.dep'), 'utf8'));
  const builtIn = (await readFile(join(folder, 'modules.builtin'), 'utf8'))
    .split('\n')
    .map(moduleName);
  const { keep, unknown } = selectModules(needs, new Set(builtIn), wanted);
  for await (const path of walk(join(folder, 'kernel'))) {
    const name = relative(folder, path);
    if (needs.has(name) && !keep.has(name)) await rm(path);
  }
  await removeEmptyFolders(join(folder, 'kernel'));
  await run('depmod', ['-b', tree, release]);
  return unknown;
}

/** `modules.dep`: file → the files that must be loaded before it (depmod(8)). */
export function parseDependencies(text: string): Map<string, string[]> {
  const needs = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [file, rest] = line.split(':');
    if (file && rest !== undefined) needs.set(file, rest.trim().split(' ').filter(Boolean));
  }
  return needs;
}

export function selectModules(
  needs: ReadonlyMap<string, readonly string[]>,
  builtIn: ReadonlySet<string>,
  wanted: readonly string[],
): { keep: Set<string>; unknown: string[] } {
  const byName = new Map([...needs.keys()].map((file) => [moduleName(file), file]));
  const keep = new Set<string>();
  const unknown: string[] = [];
  for (const entry of wanted) {
    const files = entry.endsWith('/')
      ? [...needs.keys()].filter((file) => file.startsWith(`kernel/${entry}`))
      : [byName.get(moduleName(entry))].filter((file) => file !== undefined);
    if (files.length === 0 && !entry.endsWith('/') && !builtIn.has(moduleName(entry)))
      unknown.push(entry);
    for (const file of files) {
      keep.add(file);
      for (const needed of needs.get(file) ?? []) keep.add(needed);
    }
  }
  return { keep, unknown };
}

/** As modprobe sees it: no folder, no suffix, `-` and `_` the same. */
function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

async function removeEmptyFolders(folder: string): Promise<boolean> {
  let empty = true;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const gone = entry.isDirectory() && (await removeEmptyFolders(join(folder, entry.name)));
    empty &&= gone;
  }
  if (empty) await rm(folder, { recursive: true });
  return empty;
}
