/** Builds dist/: the built-in UI, the display page, the scripts that run in pages, and main. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { buildPreload } from './build-preload.ts';

const root = join(fileURLToPath(import.meta.url), '..', '..');

for (const name of ['vite.config.ts', 'vite.display.config.ts', 'vite.main.config.ts']) {
  await build({ configFile: join(root, name), logLevel: 'warn' });
}
await buildPreload(join(root, 'dist', 'preload'));
