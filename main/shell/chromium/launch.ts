/**
 * Starts Chromium. Loads node builtins and a few small files only, so that an entry can call
 * {@link startChromium} first and import the rest of the product while the browser starts.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import { baseEnvironment, type Child, type Launcher } from '../../process/launcher.ts';
import { DevtoolsPipe } from './connection.ts';
import { noCrashDumps } from './crash-dumps.ts';
import { chromiumFlags } from './flags.ts';

export interface ChromiumOptions {
  readonly launcher: Launcher;
  readonly log: Logger;
  /** Absolute path, see `findChromium` in ../select.ts. */
  readonly program: string;
  /** The profile is kept in `chromium/` below it. */
  readonly dataFolder: string;
  readonly kiosk: boolean;
  readonly developer: boolean;
  readonly displayOrigin: string;
  /** Default: true unless this process is root, where Chromium refuses to start with one. */
  readonly sandbox?: boolean;
  /** The whole environment of the browser; default: the launcher's. */
  readonly env?: Readonly<Record<string, string>>;
}

export interface RunningChromium {
  readonly child: Child;
  readonly pipe: DevtoolsPipe;
  readonly profile: string;
}

/** Chromium maps shared memory for each window's buffers; Debian draws the line here as well. */
const SHARED_MEMORY_WANTED = 3_800_000_000;
const PORT_PATIENCE_MS = 30_000;

/**
 * Starts the browser with its window on an empty page. It is under the launcher's control, and it
 * ends by itself when its pipe closes.
 * @throws KioskError `PROGRAM_MISSING`, `PROGRAM_FAILED`
 */
export async function startChromium(options: ChromiumOptions): Promise<RunningChromium> {
  const profile = join(options.dataFolder, 'chromium');
  mkdirSync(profile, { recursive: true, mode: 0o700 });
  // Left by a power cut or another host name; only one main runs on a data folder.
  for (const name of ['SingletonLock', 'SingletonCookie', 'SingletonSocket', PORT_FILE]) {
    rmSync(join(profile, name), { force: true });
  }
  const sandbox = options.sandbox ?? process.getuid?.() !== 0;
  if (!sandbox) options.log.warn('Chromium runs without its sandbox');
  const child = await options.launcher.launch({
    program: options.program,
    args: chromiumFlags({
      kiosk: options.kiosk,
      developer: options.developer,
      profile,
      sandbox,
      smallSharedMemory: sharedMemory() < SHARED_MEMORY_WANTED,
      gpu: hasRenderNode(),
      displayOrigin: options.displayOrigin,
    }),
    env: {
      ...(options.env ?? baseEnvironment()),
      ...noCrashDumps(join(options.dataFolder, 'crashes')),
    },
    extraPipes: 2,
  });
  child.stdout.resume();
  const [toBrowser, fromBrowser] = child.pipes;
  if (!toBrowser || !fromBrowser) throw new KioskError('INTERNAL', 'The browser has no pipes.');
  const pipe = new DevtoolsPipe(toBrowser, fromBrowser, (error) =>
    options.log.error('the browser connection failed to handle something', { error }),
  );
  return { child, pipe, profile };
}

const PORT_FILE = 'DevToolsActivePort';

/**
 * The TCP port that `--remote-debugging-port=0` chose, from the file that Chromium writes once it
 * listens (content/public/browser/devtools_agent_host.h). Developers only.
 * @throws KioskError `TIMEOUT`
 */
export async function readDeveloperPort(profile: string): Promise<number> {
  const until = performance.now() + PORT_PATIENCE_MS;
  while (performance.now() < until) {
    try {
      const port = Number(readFileSync(join(profile, PORT_FILE), 'utf8').split('\n')[0]);
      if (port > 0) return port;
    } catch {
      // Not written yet.
    }
    await sleep(50);
  }
  throw new KioskError('TIMEOUT', 'Chromium did not open its developer port.');
}

/** Whether the kernel offers a graphics processor to draw with: /dev/dri/renderD128 and so on. */
function hasRenderNode(): boolean {
  try {
    return readdirSync('/dev/dri').some((name) => name.startsWith('renderD'));
  } catch {
    return false;
  }
}

function sharedMemory(): number {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize;
  } catch {
    return 0;
  }
}
