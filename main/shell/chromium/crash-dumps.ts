/**
 * A process that dies leaves a dump of its memory behind: of a page that may be taking a password,
 * or a ticket, in a file that outlives the session. Nobody of ours reads dumps, and Chromium has no
 * switch for them (`--disable-breakpad` concerns sending; without the handler, pages do not load).
 * So the handler gets a place where no file can be made, root's included.
 */
import { lstatSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Where the handler makes a dump, below its folder (crashpad, client/crash_report_database_generic.cc). */
const NEW_DUMPS = 'new';
/** A small folder of the kernel's own: always there, and nobody makes a file in it. */
const NO_FILES = '/proc/tty';

/**
 * @param folder made when absent
 * @returns what the browser's environment needs (chrome_crash_reporter_client.cc)
 */
export function noCrashDumps(folder: string): Readonly<Record<string, string>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const place = join(folder, NEW_DUMPS);
  if (lstatSync(place, { throwIfNoEntry: false })?.isSymbolicLink() !== true) {
    rmSync(place, { recursive: true, force: true });
    symlinkSync(NO_FILES, place);
  }
  return { BREAKPAD_DUMP_LOCATION: folder };
}
