/**
 * The entry for Debian's Chromium: plain Node, driving the browser over the DevTools pipe. The
 * browser starts before the rest of the product is loaded; both take about as long.
 */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { DeferredLogger } from './log/deferred.ts';
import { Launcher } from './process/launcher.ts';
import { startChromium } from './shell/chromium/launch.ts';
import { DISPLAY_ORIGIN, UI_ORIGIN } from './shell/origins.ts';
import { findChromium } from './shell/select.ts';
import { readStartOptions } from './start-options.ts';

const options = readStartOptions(process.argv.slice(2));
const program = findChromium({ env: process.env, root: join(options.distFolder, '..') });
if (program === null) {
  process.stderr.write('vestibule: there is no Chromium here: install the package chromium\n');
  process.exit(1);
}

// The log is not there yet; what happens to the browser in its first moments is kept for it.
const early = new DeferredLogger();
const launcher = new Launcher(early.scope('process'));
const chromium = {
  launcher,
  log: early.scope('shell'),
  program,
  dataFolder: options.runtimeFolder,
  kiosk: options.kiosk,
  developer: options.developer,
  displayOrigin: DISPLAY_ORIGIN,
};
const starting = startChromium(chromium);
starting.catch(() => {});

// Compiling the product costs more than running it to the first picture: what the last start
// compiled is kept.
enableCompileCache(join(options.dataFolder, 'compiled'));
const { runKiosk } = await import('./run.ts');
await runKiosk({
  options,
  launcher,
  early,
  uiOrigin: UI_ORIGIN,
  openShell: async (shellOptions) => {
    const { createChromiumShell } = await import('./shell/chromium/chromium-shell.ts');
    return createChromiumShell({ ...chromium, ...shellOptions, started: await starting });
  },
});
