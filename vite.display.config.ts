import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vite';

/** Debian installs spice-html5's modules flat, Ubuntu in `src/`. */
const installed = '/usr/share/spice-html5';
const spiceHtml5 = existsSync(`${installed}/src/main.js`) ? `${installed}/src` : installed;

/**
 * The display frames, for an origin of their own without the bridge to main. spice-html5 is
 * bundled as the distribution installed it (LGPL-3+).
 */
export default defineConfig({
  root: join(import.meta.dirname, 'renderer/display'),
  base: './',
  resolve: { alias: { 'spice-html5': spiceHtml5 } },
  build: {
    outDir: join(import.meta.dirname, 'dist/display'),
    emptyOutDir: true,
    target: 'chrome130',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: join(import.meta.dirname, 'renderer/display/spice.html') },
  },
});
