/**
 * The native engine: `remote-viewer` in a window of its own, full screen. It needs an X display
 * with an EWMH window manager that has no key bindings. Everything that it could ask a person in
 * a dialog is checked before it starts.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { KioskError } from '../../base/errors.ts';
import type { Logger } from '../../log/logger.ts';
import { baseEnvironment, type Child, type Launcher } from '../../process/launcher.ts';
import type { Surface } from '../engine.ts';
import { CHORD_PROGRAM } from '../native-chord.ts';
import type { NativeStrip } from '../native-strip.ts';
import { openWindow, WINDOW_PROGRAM } from '../native-window.ts';
import { checkConnection } from './check.ts';
import type { SpiceConnection } from './connection.ts';
import { writeVvFile } from './vv-file.ts';

const PROGRAM = 'remote-viewer';
/** From the start of the process to the open main channel. */
const OPEN_MS = 20_000;
/** Its own words under `--debug` (virt-viewer 11, spice-gtk 0.42). */
const OPENED = /main channel: opened/;
const FAILED: readonly (readonly [RegExp, 'REMOTE_CREDENTIALS_WRONG' | 'REMOTE_REFUSED'])[] = [
  [/auth failure/i, 'REMOTE_CREDENTIALS_WRONG'],
  [/failed to connect|connection error|channel.*error/i, 'REMOTE_REFUSED'],
];

export interface NativeViewerOptions {
  readonly launcher: Launcher;
  /** The return chord was pressed above the viewer's window. */
  readonly onReturnChord: () => void;
  readonly strip: NativeStrip;
  /** For the viewer's own settings; nobody else's. */
  readonly runtimeFolder: string;
  readonly log: Logger;
}

export interface NativeWindow {
  readonly surface: Extract<Surface, { type: 'view' | 'native' }>;
  /** Settles when the viewer ended: by itself when the server went away. */
  readonly ended: Promise<void>;
  close(): Promise<void>;
}

export interface NativeViewer {
  /** Whether the programs are installed and there is a display. */
  available(): Promise<boolean>;
  /**
   * Opens a window and waits for the picture's channel.
   * @throws KioskError `ENGINE_MISSING`, and what {@link checkConnection} throws
   */
  open(connection: SpiceConnection, title: string, signal: AbortSignal): Promise<NativeWindow>;
}

export function createNativeViewer(options: NativeViewerOptions): NativeViewer {
  const { launcher, onReturnChord, strip, runtimeFolder, log } = options;
  return {
    async available() {
      if (process.env.DISPLAY === undefined) return false;
      const answers = await Promise.all(
        [
          { program: PROGRAM, args: ['--version'] },
          { program: WINDOW_PROGRAM, args: ['version'] },
          { program: CHORD_PROGRAM, args: ['--version'] },
        ].map((command) =>
          launcher.run(command).then(
            () => true,
            () => false,
          ),
        ),
      );
      return answers.every(Boolean);
    },

    async open(connection, title, signal) {
      await checkConnection(connection, signal);
      const settings = await viewerSettings(runtimeFolder);
      const child = await launcher
        .launch({
          program: PROGRAM,
          args: ['--debug', '--kiosk', '--kiosk-quit=on-disconnect', '-'],
          env: { ...baseEnvironment(), XDG_CONFIG_HOME: settings },
          input: writeVvFile(connection, title),
          signal,
        })
        .catch((error: unknown) => {
          throw new KioskError('ENGINE_MISSING', 'The native SPICE viewer cannot be started.', {
            cause: error,
          });
        });
      let window: string;
      try {
        await opened(child);
        window = await visibleWindow(launcher, child, signal);
      } catch (error) {
        await child.kill();
        signal.throwIfAborted();
        throw error;
      }
      const shown = openWindow({
        launcher,
        name: { id: window },
        onChord: onReturnChord,
        strip,
        anySize: true,
      });
      return {
        surface: shown.surface,
        ended: child.exited.then(async ({ code }) => {
          log.info('a native viewer ended', { exit: code });
          await shown.close();
        }),
        close: () => child.stop().then(() => {}),
      };
    },
  };
}

/**
 * Out of full screen the viewer shows a bar with menus, which a student must not have: GTK's style
 * sheet moves it out of the window.
 */
const NO_MENUS = `
headerbar, headerbar * { min-height: 0; min-width: 0; padding: 0; margin: 0; border: none; opacity: 0; }
headerbar { margin-top: -60px; }
decoration { margin: 0; box-shadow: none; border: none; border-radius: 0; }
`;

/** A settings folder of ours, so that no earlier person's settings count. */
async function viewerSettings(runtimeFolder: string): Promise<string> {
  const folder = join(runtimeFolder, 'settings');
  await mkdir(join(folder, 'gtk-3.0'), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'gtk-3.0', 'gtk.css'), NO_MENUS);
  return folder;
}

/** Its failures are dialogs, not exits: its words are watched instead. */
function opened(child: Child): Promise<void> {
  return new Promise((resolve, reject) => {
    // GLib prints debugging on one of them and warnings on the other.
    const readers = [child.stdout, child.stderr].map((input) => createInterface({ input }));
    const settle = (failure?: KioskError): void => {
      clearTimeout(timer);
      for (const reader of readers) reader.removeAllListeners('line');
      // Read on, or the pipes fill and the viewer stands still.
      child.stdout.resume();
      child.stderr.resume();
      if (failure) reject(failure);
      else resolve();
    };
    const timer = setTimeout(
      () => settle(new KioskError('REMOTE_REFUSED', 'The viewer did not connect in time.')),
      OPEN_MS,
    );
    for (const reader of readers) {
      reader.on('line', (line) => {
        if (OPENED.test(line)) return settle();
        const failure = FAILED.find(([pattern]) => pattern.test(line));
        if (failure) settle(new KioskError(failure[1], 'The viewer could not connect.'));
      });
    }
    void child.exited.then(() =>
      settle(new KioskError('REMOTE_REFUSED', 'The viewer ended before it connected.')),
    );
  });
}

/** The viewer's window on the screen, found by its process: titles may repeat. */
async function visibleWindow(
  launcher: Launcher,
  child: Child,
  signal: AbortSignal,
): Promise<string> {
  // `--sync` waits until there is one.
  const { stdout } = await launcher.run({
    program: WINDOW_PROGRAM,
    args: ['search', '--sync', '--onlyvisible', '--pid', String(child.pid)],
    signal: AbortSignal.any([signal, AbortSignal.timeout(OPEN_MS)]),
  });
  const window = stdout.trim().split('\n').at(-1);
  if (!window) throw new KioskError('DISPLAY_UNAVAILABLE', 'The viewer opened no window.');
  return window;
}
