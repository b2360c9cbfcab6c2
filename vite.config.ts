import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The built-in UI, for the shell to serve: relative addresses, no inline scripts or styles. */
export default defineConfig({
  root: 'renderer',
  base: './',
  plugins: [react()],
  build: {
    outDir: '../dist/renderer',
    emptyOutDir: true,
    target: 'chrome130',
    // Nothing inline: the page's policy knows 'self' only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});
