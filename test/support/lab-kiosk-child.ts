/**
 * The whole kiosk without a screen, as a process that a namespace can hold: everything that
 * `main/app.ts` wires, behind a shell that shows nothing. Arguments as of the kiosk itself.
 */

import { DeferredLogger } from '../../main/log/deferred.ts';
import { Launcher } from '../../main/process/launcher.ts';
import { runKiosk } from '../../main/run.ts';
import { UI_ORIGIN } from '../../main/shell/origins.ts';
import type { Shell } from '../../main/shell/shell.ts';
import { readStartOptions } from '../../main/start-options.ts';

const early = new DeferredLogger();
const dark: Shell = {
  kind: 'chromium',
  version: 'none',
  developerPort: null,
  open: async () => {},
  reload: async () => {},
  emit: () => {},
  openView: () => Promise.reject(new Error('there is no screen')),
  openPages: () => Promise.reject(new Error('there is no screen')),
  on: () => () => {},
  close: async () => {},
};
await runKiosk({
  options: readStartOptions(process.argv.slice(2)),
  launcher: new Launcher(early),
  early,
  uiOrigin: UI_ORIGIN,
  openShell: async () => dark,
});
