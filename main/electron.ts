/** The entry for Electron: its main process. Thin, so that everything else runs under plain Node. */
import { app } from 'electron';
import { DeferredLogger } from './log/deferred.ts';
import { Launcher } from './process/launcher.ts';
import { createElectronShell } from './shell/electron/electron-shell.ts';
import { prepareElectron } from './shell/electron/prepare.ts';
import { DISPLAY_ORIGIN, UI_ORIGIN } from './shell/origins.ts';
import { readStartOptions } from './start-options.ts';

// Electron passes its own switches on; ours stand behind the script, or alone when packaged.
const options = readStartOptions(process.argv.slice(process.defaultApp ? 2 : 1));
const early = new DeferredLogger();

// Before Electron is ready: schemes, switches, and one instance for the data folder.
if (!prepareElectron(app, { dataFolder: options.runtimeFolder, displayOrigin: DISPLAY_ORIGIN })) {
  process.stderr.write('vestibule: the kiosk runs already\n');
  process.exit(1);
}
const { runKiosk } = await import('./run.ts');
await runKiosk({
  options,
  launcher: new Launcher(early.scope('process')),
  early,
  uiOrigin: UI_ORIGIN,
  openShell: (shellOptions) => createElectronShell({ ...shellOptions, log: early.scope('shell') }),
});
