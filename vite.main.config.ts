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

/** What takes long to load, and that no first picture needs: each is imported where it is first used. */
const LATE = ['fast-xml-parser', 'got', 'htmlparser2', 'systeminformation', 'undici', 'ws'];
/** Its ES module loads all of Node's own undici, for the sake of names that nobody here uses. */
const LATE_BUILTINS = ['node:http', 'node:https'];

/** Fails the build where the kiosk's start would load one of them again. */
const loadedLate: Plugin = {
  name: 'loaded-late',
  generateBundle(_options, bundle) {
    const first = Object.values(bundle).filter(
      (output) =>
        output.type === 'chunk' &&
        /\/main\/(chromium|run|app)\.ts$/.test(output.facadeModuleId ?? ''),
    );
    const seen = new Set<string>();
    const visit = (fileName: string): void => {
      const chunk = bundle[fileName];
      if (seen.has(fileName) || chunk?.type !== 'chunk') return;
      seen.add(fileName);
      const heavy = [
        ...LATE.filter((name) =>
          chunk.moduleIds.some((id) => id.includes(`/node_modules/${name}/`)),
        ),
        ...LATE_BUILTINS.filter((name) => chunk.imports.includes(name)),
      ];
      if (heavy.length > 0) {
        this.error(
          `${fileName} is loaded before the first picture and brings ${heavy.join(', ')}: ` +
            'use import() where it is first needed',
        );
      }
      for (const imported of chunk.imports) visit(imported);
    };
    for (const chunk of first) visit(chunk.fileName);
    if (first.length < 3) this.error('the chunks of the start are not named as they were');
  },
};

/**
 * Main, bundled for start-up time: one file per entry plus lazily loaded chunks. Runs under plain
 * Node (chromium, cli, workers) and inside Electron (electron).
 */
export default defineConfig({
  plugins: [ownPrograms, loadedLate],
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
