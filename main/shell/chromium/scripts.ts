/** The bundles of scripts/build-preload.ts, made ready for injection. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DevtoolsSession } from './connection.ts';

/** The isolated world that holds the bindings. Its name means nothing to pages. */
export const WORLD = 'vestibule';
export const CALL_BINDING = 'vestibuleCall';
export const CHORD_BINDING = 'vestibuleChord';
/** The function of chromium-bridge.ts that hands a message to the page. */
export const DELIVER = 'vestibuleDeliver';

export interface Scripts {
  readonly page: string;
  readonly bridge: string;
  readonly view: string;
}

/** @throws Error (ENOENT) where nobody has built them */
export async function readScripts(folder: string): Promise<Scripts> {
  const read = (name: string): Promise<string> => readFile(join(folder, name), 'utf8');
  const [page, bridge, view] = await Promise.all([
    read('chromium.js'),
    read('chromium-bridge.js'),
    read('chromium-view.js'),
  ]);
  return { page, bridge, view };
}

/** A script with its configuration, leaving nothing behind in the global scope. */
export function configured(script: string, config: object): string {
  return `(()=>{const VESTIBULE=${JSON.stringify(config)};${script}\n})()`;
}

/**
 * Makes every document of this session run the script in the isolated world before any of its own,
 * with the bindings it needs. Bindings exist in that world only.
 *
 * @param now also in the documents that are there already. One that is about to be left is spared
 * the work, which is in the way of the first picture.
 *
 * Resolves once the page's process knows; a navigation that is asked for before that may start
 * its document, in another process, without the script. Rejects when the page is gone.
 */
export async function inject(
  session: DevtoolsSession,
  source: string,
  bindings: readonly string[],
  { now }: { readonly now: boolean },
): Promise<void> {
  // Without it, V8 gives no bindings to contexts that come later (v8-runtime-agent-impl.cc).
  session.post('Runtime.enable');
  await Promise.all([
    ...bindings.map((name) =>
      session.send('Runtime.addBinding', { name, executionContextName: WORLD }),
    ),
    session.send('Page.addScriptToEvaluateOnNewDocument', {
      source,
      worldName: WORLD,
      runImmediately: now,
    }),
  ]);
}
