/** The UI's preload under Electron: sandboxed, isolated; `window.kiosk` through the context bridge. */
import { contextBridge, ipcRenderer } from 'electron';
import { createKiosk } from './client.ts';
import { CALL_CHANNEL, CHORD_CHANNEL, EVENT_CHANNEL } from './contract/channels.ts';
import { readConfig } from './electron-config.ts';
import { installGuards } from './guards.ts';
import { documentLoad } from './load.ts';
import { installStrip } from './strip.ts';

const config = readConfig('ui');

installGuards({
  chordCode: config.chordCode,
  drops: false,
  browsing: config.strip !== null,
  // Main sees the chord before the page does (before-input-event).
  onChord: () => {},
});

if (window === window.top && config.strip) {
  installStrip({ ...config.strip, onBack: () => ipcRenderer.send(CHORD_CHANNEL) });
}

if (window === window.top && config.origins.includes(location.origin)) {
  const kiosk = createKiosk(
    {
      send: (message) => ipcRenderer.send(CALL_CHANNEL, message, documentLoad()),
      onMessage(receive) {
        ipcRenderer.on(EVENT_CHANNEL, (_event, message: string) => receive(message));
      },
    },
    config.names,
    // The bridge copies an Error's message only; a plain object crosses whole.
    (error) => ({ name: 'KioskCallError', ...error }),
  );
  contextBridge.exposeInMainWorld('kiosk', kiosk);
}
