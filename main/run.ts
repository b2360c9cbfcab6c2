/** What both entries share: the kiosk from its start to the end of the process. */

import { flushCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { toWireError } from './base/errors.ts';
import { type KioskStart, openScreen } from './screen.ts';

/** By now the page is there and nobody waits for main. */
const SETTLED_MS = 5_000;

/**
 * Runs until the screen is gone or a signal comes. SIGTERM is a restart (a new version, systemd):
 * machines go on and are adopted by the next start. SIGINT ends everything. What cannot start says
 * why in one line and exits with 1.
 */
export async function runKiosk(start: KioskStart): Promise<void> {
  try {
    const screen = await openScreen(start);
    await screen.wanted;
    const { startKiosk } = await import('./app.ts');
    const kiosk = await startKiosk(start, screen);
    // For the journal, where boots are measured and tested.
    void kiosk.painted.then(() => process.stderr.write('vestibule: the page is on the screen\n'));
    // Not at the end, which may be a power cut.
    flushCompileCache();
    setTimeout(collectGarbage, SETTLED_MS).unref();
    let ending = false;
    const end = async (endSessions: boolean): Promise<void> => {
      if (ending) return;
      ending = true;
      await kiosk.close(endSessions);
      process.exit(0);
    };
    process.on('SIGINT', () => void end(true));
    process.on('SIGTERM', () => void end(false));
    process.on('SIGHUP', () => void end(false));
    await kiosk.over;
    await end(true);
  } catch (error) {
    const { code, message } = toWireError(error);
    const detail =
      code === 'INTERNAL' ? String(error instanceof Error ? error.stack : error) : message;
    process.stderr.write(`vestibule: ${code}: ${detail}\n`);
    await start.launcher.stopAll();
    process.exit(1);
  }
}

/** An idle main would keep what its start took for hours: V8 collects when memory is asked for. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') collect();
}
