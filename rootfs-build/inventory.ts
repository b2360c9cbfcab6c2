/** What is in the image: every file, every package, and under which licence. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { run } from './run.ts';
import { walk } from './runtime-package.ts';

export interface Package {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly source: string;
}

/** From dpkg's database of the tree. */
export async function readPackages(tree: string): Promise<Package[]> {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: dpkg-query's own fields
  const format = '${Package}\\t${Version}\\t${Architecture}\\t${source:Package}\\n';
  const admin = join(tree, 'var/lib/dpkg');
  const text = await run('dpkg-query', [`--admindir=${admin}`, '-W', '-f', format]);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [name = '', version = '', architecture = '', source = ''] = line.split('\t');
      return { name, version, architecture, source };
    });
}

/**
 * One line a file, in order: type, mode, owner, size, SHA-256 or link target, path. Two builds are
 * the same when this is.
 */
export async function manifest(tree: string): Promise<string> {
  const lines: string[] = [];
  for await (const path of walk(tree)) {
    const { mode, uid, gid, size, mtimeMs } = await lstat(path);
    const kind = mode & 0o170000;
    let content = '-';
    if (kind === 0o120000) content = await readlink(path);
    else if (kind === 0o100000) content = await sha256(path);
    const bytes = kind === 0o100000 ? size : 0;
    lines.push(
      `${mode.toString(8).padStart(6, '0')} ${uid}:${gid} ${bytes} ${Math.floor(mtimeMs / 1000)} ${content} /${relative(tree, path)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}

export function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Lines of two lists of files that differ, at most 80 of them. */
export async function compare(first: string, second: string): Promise<string> {
  const [a, b] = await Promise.all(
    [first, second].map(async (path) => new Set((await readFile(path, 'utf8')).split('\n'))),
  );
  const only = (x = new Set<string>(), y = new Set<string>()): string[] =>
    [...x].filter((line) => !y.has(line));
  return [...only(a, b).map((line) => `- ${line}`), ...only(b, a).map((line) => `+ ${line}`)]
    .slice(0, 80)
    .join('\n');
}
