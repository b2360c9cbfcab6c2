/** What Electron must be told before it is ready: the entry calls it first of all. */

import { join } from 'node:path';
import type { App } from 'electron';
import { UI_WINDOW_CLASS } from '../../base/ui-window.ts';

export interface PrepareOptions {
  readonly dataFolder: string;
  readonly displayOrigin: string;
}

/** @returns false when another instance has the screen: the caller ends then */
export function prepareElectron(app: App, options: PrepareOptions): boolean {
  app.setPath('userData', join(options.dataFolder, 'electron'));
  if (!app.requestSingleInstanceLock()) return false;
  // The frames that draw machines are parsed in a process without the bridge.
  app.commandLine.appendSwitch('isolate-origins', options.displayOrigin);
  app.commandLine.appendSwitch('class', UI_WINDOW_CLASS);
  app.enableSandbox();
  // Ending is main's decision, not the last window's.
  app.on('window-all-closed', () => {});
  return true;
}
