import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig, type Plugin } from 'vite';

/** Debian installs spice-html5's modules flat, Ubuntu in `src/`. */
const installed = '/usr/share/spice-html5';
const spiceHtml5 = existsSync(`${installed}/src/main.js`) ? `${installed}/src` : installed;

/**
 * IronRDP's package holds its WebAssembly as text inside the script. As a file of its own it is
 * compiled while it comes, and the frame's policy need not allow `data:` to be fetched.
 */
const wasmFile: Plugin = {
  name: 'ironrdp-wasm-file',
  transform(code, id) {
    if (!id.includes('iron-remote-desktop-rdp')) return null;
    return code.replace(/"data:application\/wasm;base64,([A-Za-z0-9+/=]+)"/, (_, text: string) => {
      this.emitFile({
        type: 'asset',
        fileName: 'ironrdp.wasm',
        source: Buffer.from(text, 'base64'),
      });
      return 'new URL("ironrdp.wasm", document.baseURI).href';
    });
  },
};

/**
 * The display frames, for an origin of their own without the bridge to main. spice-html5 is
 * bundled as the distribution installed it (LGPL-3+).
 */
export default defineConfig({
  root: join(import.meta.dirname, 'renderer/display'),
  base: './',
  plugins: [wasmFile],
  resolve: { alias: { 'spice-html5': spiceHtml5 } },
  build: {
    outDir: join(import.meta.dirname, 'dist/display'),
    emptyOutDir: true,
    target: 'chrome130',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ['spice', 'rdp'].map((name) =>
        join(import.meta.dirname, `renderer/display/${name}.html`),
      ),
    },
  },
});
