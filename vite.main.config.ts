import { globSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/** Programs of their own: threads (`*-worker.ts`) and children (`*-process.ts`), named by path. */
const own = globSync('main/**/*-{worker,process}.ts', { cwd: import.meta.dirname });

/**
 * Sources name those programs by the file beside them; the bundle has every file in one folder,
 * so that the same name holds there, as JavaScript.
 */
const ownPrograms: Plugin = {
  name: 'own-programs',
  transform(code, id) {
    if (!id.includes('/main/')) return null;
    return code.replaceAll(/(['"])((?:\.\/)?[\w-]+-(?:worker|process))\.ts\1(?!;)/g, '$1$2.js$1');
  },
};

/**
 * Main, bundled for start-up time: one file per entry plus lazily loaded chunks. Runs under plain
 * Node (chromium, cli, workers) and inside Electron (electron).
 */
export default defineConfig({
  plugins: [ownPrograms],
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
        'root-helper': 'main/root-helper.ts',
        ...Object.fromEntries(own.map((path) => [basename(path, '.ts'), join(path)])),
      },
      output: { entryFileNames: '[name].js', chunkFileNames: '[name]-[hash].js' },
    },
  },
  ssr: {
    noExternal: true,
    // Native code, and what Electron itself provides.
    external: ['better-sqlite3', 'electron'],
  },
});
