/**
 * `npm run rootfs`: the micro-distribution's root file system, from Debian 13 packages. Needs root.
 *
 *   npm run rootfs -- [--profile vm|lab|full] [--arch amd64|arm64] [--out FOLDER] [--force]
 *                     [--mirror URL] [--check-reproducible]
 *
 * Prints the folder of the result as the last line; rootfs-build/README.md says what is in it.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { build } from './build.ts';
import { inputs } from './inputs.ts';
import { readRootfsOptions } from './options.ts';

const root = join(import.meta.dirname, '..');

try {
  const options = readRootfsOptions(process.argv.slice(2), root);
  if (process.getuid?.() !== 0) throw new Error('building a root file system needs root');
  const wanted = await inputs(root, options);
  const folder = options.out ?? join(options.cache, wanted.hash);
  if (!existsSync(join(folder, 'complete')) || options.force) {
    await build(root, options, wanted, folder);
  }
  console.log(folder);
} catch (error) {
  console.error(`rootfs: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
