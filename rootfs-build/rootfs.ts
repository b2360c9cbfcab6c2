/**
 * `npm run rootfs`: the micro-distribution's root file system, from Debian 13 packages. Needs root.
 *
 *   npm run rootfs -- [--profile vm|lab|full] [--arch amd64|arm64] [--out FOLDER] [--force]
 *                     [--mirror URL] [--check-reproducible]
 *
 * Prints the folder of the result as the last line; rootfs-build/README.md says what is in it.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.ts';
import { inputs } from './inputs.ts';
import { compare } from './inventory.ts';
import { readRootfsOptions } from './options.ts';

const root = join(import.meta.dirname, '..');

try {
  const options = readRootfsOptions(process.argv.slice(2), root);
  if (process.getuid?.() !== 0) throw new Error('building a root file system needs root');
  const wanted = await inputs(root, options);
  const folder = options.out ?? join(options.cache, wanted.hash);
  if (!existsSync(join(folder, 'complete')) || options.force) {
    await build(root, options, wanted, folder, options.force);
  }
  if (options.checkReproducible) await checkReproducible(folder);
  console.log(folder);

  /** A second build, from nothing but the downloads, must list the same files. */
  async function checkReproducible(first: string): Promise<void> {
    const second = join(options.cache, 'second');
    const digest = await build(root, { ...options, out: second }, wanted, second, true);
    const before = readFileSync(join(first, 'complete'), 'utf8').trim();
    if (digest !== before) {
      const differences = await compare(join(first, 'files.txt'), join(second, 'files.txt'));
      throw new Error(`two builds differ:\n${differences}\n(the second is in ${second})`);
    }
    console.error(`rootfs: two builds are the same, SHA-256 of their lists of files ${digest}`);
    rmSync(second, { recursive: true });
  }
} catch (error) {
  console.error(`rootfs: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
