import { defineConfig } from 'vite';

/**
 * Main, bundled for start-up time: one file per entry plus lazily loaded chunks. Runs under plain
 * Node (chromium, cli, workers) and inside Electron (electron). The preload and the page's client
 * are built by vite.preload.config.ts.
 */
export default defineConfig({
  build: {
    ssr: true,
    target: 'node22',
    outDir: 'dist/main',
    emptyOutDir: true,
    minify: false,
    rolldownOptions: {
      input: {
        chromium: 'main/chromium.ts',
        electron: 'main/electron.ts',
        cli: 'main/cli.ts',
      },
      output: { entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
  ssr: {
    noExternal: true,
    // Native code, and what Electron itself provides.
    external: ['better-sqlite3', 'electron'],
  },
});
