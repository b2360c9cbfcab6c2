import { existsSync } from 'node:fs';
import { defineConfig } from 'vite';

/** Debian installs spice-html5's modules flat, Ubuntu in `src/`. */
const installed = '/usr/share/spice-html5';
const spiceHtml5 = existsSync(`${installed}/src/main.js`) ? `${installed}/src` : installed;

/**
 * The display frames, for an origin of their own without the bridge to main. spice-html5 is
 * bundled as the distribution installed it (LGPL-3+).
 */
export default defineConfig({
  root: 'renderer/display',
  base: './',
  resolve: { alias: { 'spice-html5': spiceHtml5 } },
  build: {
    outDir: '../../dist/display',
    emptyOutDir: true,
    target: 'chrome130',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: 'renderer/display/spice.html' },
  },
});
