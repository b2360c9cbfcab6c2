/** The preload of a web session under Electron: the way back, and no bridge. */
import { ipcRenderer } from 'electron';
import { CHORD_CHANNEL } from './contract/channels.ts';
import { readConfig } from './electron-config.ts';
import { installGuards } from './guards.ts';
import { installStrip } from './strip.ts';

const config = readConfig('view');
const onBack = (): void => ipcRenderer.send(CHORD_CHANNEL);

installGuards({
  chordCode: config.chordCode,
  drops: config.uploads,
  browsing: true,
  // Main sees the chord before the page does (before-input-event).
  onChord: () => {},
});
if (window === window.top) {
  installStrip({ title: config.title, backLabel: config.backLabel, onBack });
}
