/**
 * Bundles what runs in pages into one file each: Electron's sandboxed preloads may not import,
 * and Chromium's injected scripts are sent as text. `node scripts/build-preload.ts [folder]`.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const root = join(import.meta.dirname, '..');

const ENTRIES = [
  { name: 'chromium', format: 'iife', file: 'chromium.js' },
  { name: 'chromium-bridge', format: 'iife', file: 'chromium-bridge.js' },
  { name: 'chromium-view', format: 'iife', file: 'chromium-view.js' },
  { name: 'electron', format: 'cjs', file: 'electron.cjs' },
  { name: 'electron-view', format: 'cjs', file: 'electron-view.cjs' },
] as const;

/** @param folder where the bundles go; it is created */
export async function buildPreload(folder: string): Promise<void> {
  for (const { name, format, file } of ENTRIES) {
    await build({
      root,
      configFile: false,
      logLevel: 'warn',
      build: {
        outDir: folder,
        emptyOutDir: false,
        minify: false,
        target: 'es2024',
        lib: {
          entry: join(root, 'preload', `${name}.ts`),
          formats: [format],
          name: 'vestibule',
          fileName: () => file,
        },
        rolldownOptions: { external: ['electron'] },
      },
    });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildPreload(process.argv[2] ?? join(root, 'dist', 'preload'));
}
