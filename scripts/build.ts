/** Builds dist/: the built-in UI, the display page, the page's client, and main. */
import { existsSync } from 'node:fs';
import { build } from 'vite';

for (const configFile of [
  'vite.config.ts',
  'vite.display.config.ts',
  'vite.preload.config.ts',
  'vite.main.config.ts',
]) {
  if (existsSync(configFile)) await build({ configFile, logLevel: 'warn' });
}
