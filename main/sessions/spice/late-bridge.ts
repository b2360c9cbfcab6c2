/** The bridge with its server, loaded with the first display: the first picture does not wait for it. */
import type { SpiceBridge, SpiceBridgeOptions } from './bridge.ts';

export function createSpiceBridge(options: SpiceBridgeOptions): SpiceBridge {
  let made: Promise<SpiceBridge> | undefined;
  const bridge = (): Promise<SpiceBridge> => {
    made ??= import('./bridge.ts').then((module) => module.createSpiceBridge(options));
    return made;
  };
  return {
    open: async (...display) => (await bridge()).open(...display),
    address: async (...display) => (await bridge()).address(...display),
    close: (sessionId) => void made?.then((each) => each.close(sessionId)),
    end: async () => (await made)?.end(),
  };
}
