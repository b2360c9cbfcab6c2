/**
 * Runs in an isolated world of every frame of the UI's page, and of pages of the campus, under
 * Chromium. The DevTools binding
 * exists in this world only; in the top frame it is joined to the page by a message port.
 */
import type { Bindings, InjectedConfig } from './config.ts';
import { installGuards } from './guards.ts';
import { documentLoad } from './load.ts';
import { installStrip } from './strip.ts';

declare const VESTIBULE: InjectedConfig;
declare const vestibuleCall: Bindings['vestibuleCall'];
declare const vestibuleChord: Bindings['vestibuleChord'];

const onChord = (): void => vestibuleChord('');

installGuards({
  chordCode: VESTIBULE.chordCode,
  drops: false,
  browsing: VESTIBULE.strip !== null,
  onChord,
});
if (window === window.top && VESTIBULE.strip) {
  installStrip({ ...VESTIBULE.strip, onBack: onChord });
}

if (window === window.top && VESTIBULE.origins.includes(location.origin)) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = (event: MessageEvent<unknown>) => {
    const message = event.data;
    // Main judges the message; what is not one, or is beyond any limit, does not cross at all.
    if (typeof message === 'string' && message.length <= VESTIBULE.names.maxMessageLength) {
      vestibuleCall(`${documentLoad()}\n${message}`);
    }
  };
  // Main calls it to hand a message to the page.
  Object.assign(globalThis, { vestibuleDeliver: (message: string) => port1.postMessage(message) });
  window.dispatchEvent(new MessageEvent(VESTIBULE.handshake, { ports: [port2] }));
}
