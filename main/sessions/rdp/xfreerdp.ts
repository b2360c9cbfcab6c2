/** xfreerdp of FreeRDP 2 or 3: found, started with a home that lasts as long as it, cleaned after. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../../log/logger.ts';
import { baseEnvironment, type Child, type Launcher } from '../../process/launcher.ts';
import { CHORD_PROGRAM } from '../native-chord.ts';
import { WINDOW_PROGRAM } from '../native-window.ts';
import { removeHome } from './home.ts';

const PROGRAMS = ['xfreerdp3', 'xfreerdp'] as const;
/** 2.x ends its own help and version with other codes than 0. */
const ANY_EXIT = Array.from({ length: 256 }, (_, code) => code);
const WINDOW_POLL_MS = 100;

export interface Viewer {
  readonly program: string;
  readonly major: 2 | 3;
}

/**
 * The newest xfreerdp that is installed, with the tools that show and leave its window; undefined
 * where one of them is missing, or there is no X display.
 */
export async function findViewer(launcher: Launcher): Promise<Viewer | undefined> {
  if (process.env.DISPLAY === undefined) return undefined;
  for (const [program, ...args] of [
    [CHORD_PROGRAM, '--version'],
    [WINDOW_PROGRAM, 'version'],
  ] as const) {
    if ((await output(launcher, program, args)) === undefined) return undefined;
  }
  for (const program of PROGRAMS) {
    const major = /FreeRDP version ([23])\./.exec(
      (await output(launcher, program, ['/version'])) ?? '',
    )?.[1];
    if (major !== undefined) return { program, major: major === '3' ? 3 : 2 };
  }
  return undefined;
}

async function output(
  launcher: Launcher,
  program: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    return (await launcher.run({ program, args, expect: ANY_EXIT })).stdout;
  } catch {
    return undefined;
  }
}

export interface ViewerProcess {
  readonly child: Child;
  /** The exit code once everything of it is gone; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  /** The last FreeRDP error it named, e.g. `ERRCONNECT_LOGON_FAILURE`. */
  failure(): string | undefined;
}

/**
 * @param input what it reads from standard input; copied nowhere
 * @param folder where its home is made; nothing of it stays
 */
export async function startViewer(
  launcher: Launcher,
  options: {
    readonly viewer: Viewer;
    readonly args: readonly string[];
    readonly input: Uint8Array;
    readonly folder: string;
    readonly signal: AbortSignal;
    readonly log: Logger;
  },
): Promise<ViewerProcess> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const home = await mkdtemp(join(options.folder, 'rdp-'));
  const environment = baseEnvironment();
  try {
    const child = await launcher.launch({
      program: options.viewer.program,
      args: options.args,
      env: {
        ...environment,
        HOME: home,
        TMPDIR: home,
        // Xlib looks for it in the home, which is another one now.
        XAUTHORITY: environment.XAUTHORITY ?? join(homedir(), '.Xauthority'),
      },
      input: options.input,
      signal: options.signal,
    });
    let failure: string | undefined;
    const read = (chunk: Buffer): void => {
      failure = /ERR(?:CONNECT|INFO)_[A-Z_]+/.exec(chunk.toString('latin1'))?.[0] ?? failure;
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    return {
      child,
      failure: () => failure,
      exited: child.exited.then(async ({ code }) => {
        await Promise.all([
          removeHome(launcher, home, options.log),
          rm(sharedMemory(child.pid), { force: true }),
        ]);
        return code;
      }),
    };
  } catch (error) {
    await removeHome(launcher, home, options.log);
    throw error;
  }
}

/** Left behind by FreeRDP's video channel, with the process id as 16 hexadecimal digits. */
function sharedMemory(pid: number): string {
  const id = pid.toString(16).toUpperCase().padStart(16, '0');
  return `/dev/shm/com.freerdp.xfreerdp.tsmf_${id}`;
}

/**
 * Resolves with true when the viewer's window is on the screen, with false when it ended first or
 * did not come in time.
 */
export async function windowShown(
  launcher: Launcher,
  windowClass: string,
  viewer: ViewerProcess,
  signal: AbortSignal,
): Promise<boolean> {
  const over = new AbortController();
  void viewer.exited.then(() => over.abort());
  while (!signal.aborted && !over.signal.aborted) {
    const { stdout } = await launcher.run({
      program: WINDOW_PROGRAM,
      args: ['search', '--onlyvisible', '--class', windowClass],
      expect: [0, 1],
    });
    if (stdout.trim() !== '') return !over.signal.aborted;
    await sleep(WINDOW_POLL_MS, undefined, { signal: over.signal }).catch(() => {});
  }
  return false;
}
