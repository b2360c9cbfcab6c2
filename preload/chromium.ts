/**
 * Injected into the page's own world of the UI's top frame under Chromium: `window.kiosk`, over a
 * message port from the isolated world (chromium-bridge.ts), which alone holds the binding.
 */
import { createKiosk } from './client.ts';
import type { InjectedConfig } from './config.ts';

declare const VESTIBULE: InjectedConfig;

// Every frame of this process runs this; only the UI's own top frame gets something.
if (window === window.top && VESTIBULE.origins.includes(location.origin)) {
  const queue: string[] = [];
  let port: MessagePort | undefined;
  let receive: (message: string) => void = () => {};
  addEventListener(
    VESTIBULE.handshake,
    (event) => {
      event.stopImmediatePropagation();
      port = event instanceof MessageEvent ? event.ports[0] : undefined;
      if (!port) return;
      port.onmessage = (message: MessageEvent<string>) => receive(message.data);
      for (const message of queue.splice(0)) port.postMessage(message);
    },
    { capture: true, once: true },
  );
  const kiosk = createKiosk(
    {
      send(message) {
        if (port) port.postMessage(message);
        else queue.push(message);
      },
      onMessage(callback) {
        receive = callback;
      },
    },
    VESTIBULE.names,
  );
  Object.defineProperty(window, 'kiosk', { value: kiosk, enumerable: true });
}
// A kiosk has no printer dialog to offer; the UI that wants to print asks the campus.
Object.defineProperty(window, 'print', { value: () => {} });
