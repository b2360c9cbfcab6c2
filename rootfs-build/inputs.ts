/** What a build depends on, as one hash: the recipe, the product, the archive. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readFile, readlink } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type ArchiveState, archiveState } from './debian.ts';
import { NODE_VERSION } from './node-binary.ts';
import type { RootfsOptions } from './options.ts';
import { walk } from './runtime-package.ts';

export interface Inputs {
  readonly hash: string;
  readonly archive: ArchiveState;
  readonly version: string;
}

/** Parts of the repository that end up in the image, or make it. */
const PARTS = [
  'rootfs-build',
  'squashfs/grub',
  'dist/main',
  'dist/preload',
  'dist/renderer',
  'dist/display',
];

export async function inputs(root: string, options: RootfsOptions): Promise<Inputs> {
  const { mirror, architecture, profile, cache } = options;
  const archive = await archiveState(mirror, architecture, cache);
  const lock = await readFile(join(root, 'package-lock.json'), 'utf8');
  const sqlite = /"node_modules\/better-sqlite3": \{[^}]*/.exec(lock)?.[0] ?? '';
  const hash = createHash('sha256');
  hash.update(JSON.stringify({ profile, architecture, archive, NODE_VERSION, sqlite }));
  for (const part of PARTS) await hashFolder(hash, root, join(root, part));
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  return { hash: hash.digest('hex').slice(0, 32), archive, version: String(version) };
}

async function hashFolder(
  hash: ReturnType<typeof createHash>,
  root: string,
  folder: string,
): Promise<void> {
  for await (const path of walk(folder)) {
    const stat = await lstat(path);
    if (stat.isDirectory() || path.endsWith('.md')) continue;
    hash.update(`\0${relative(root, path)}\0${stat.mode & 0o100}\0`);
    if (stat.isSymbolicLink()) hash.update(await readlink(path));
    else
      await pipeline(createReadStream(path), async (chunks) => {
        for await (const chunk of chunks) hash.update(chunk);
      });
  }
}
