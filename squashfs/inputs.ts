/** Where packing's inputs come from, and what identifies them. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

export const repository = join(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * The folder of a root file system made by `npm run rootfs`; built where it is not cached.
 *
 * @throws Error where the build fails
 */
export async function builtRootfs(
  profile: string,
  architecture: string,
  say: (text: string) => void,
): Promise<string> {
  say(`the root file system, profile ${profile} (minutes the first time)`);
  const { stdout } = await run(
    'npm',
    ['run', '--silent', 'rootfs', '--', '--profile', profile, '--arch', architecture],
    { cwd: repository, maxBuffer: 1 << 26 },
  );
  const folder = stdout.trim().split('\n').at(-1);
  if (!folder) throw new Error('npm run rootfs named no folder');
  return folder;
}

export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(part);
  return hash.digest('hex');
}

/** A hash of all of this folder's sources: packing differently is another result. */
export async function recipeHash(): Promise<string> {
  const folder = join(repository, 'squashfs');
  const hash = createHash('sha256');
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  for (const path of paths.sort())
    hash.update(`${path.slice(folder.length)}\0`).update(await readFile(path));
  return hash.digest('hex');
}
