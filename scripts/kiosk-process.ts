/** Starts the built kiosk as it runs in a room: a process of its own, in whichever shell is here. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { selectShell } from '../main/shell/select.ts';

const root = join(fileURLToPath(import.meta.url), '..', '..');

export interface KioskProcessOptions {
  readonly settingsFile: string;
  readonly dataFolder: string;
  /** Short, see sockets(7): unix socket paths have 107 bytes. */
  readonly runtimeFolder: string;
  /** Default: the one of an installed system. */
  readonly systemFolder?: string;
  readonly windowed: boolean;
  /** Opens a DevTools port on loopback, by which tests drive the page. */
  readonly developer: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (text: string) => void;
}

export interface KioskProcess {
  readonly pid: number;
  readonly exited: Promise<{ readonly code: number | null; readonly signal: string | null }>;
  /** SIGINT: ends sessions and screen. */
  stop(): Promise<void>;
  /** Any signal, for tests of crashes and restarts. */
  signal(name: NodeJS.Signals): void;
}

/** @throws Error where there is no shell, see `selectShell` */
export function startKioskProcess(options: KioskProcessOptions): KioskProcess {
  const shell = selectShell({ env: options.env, root });
  if (shell.reason !== null) options.say(shell.reason);
  const script = join(root, 'dist', 'main', `${shell.kind}.js`);
  const args = [
    `--settings=${options.settingsFile}`,
    `--data-folder=${options.dataFolder}`,
    `--runtime-folder=${options.runtimeFolder}`,
    ...(options.systemFolder === undefined ? [] : [`--system-folder=${options.systemFolder}`]),
    ...(options.windowed ? ['--windowed'] : []),
    ...(options.developer ? ['--developer'] : []),
  ];
  const child: ChildProcess = spawn(
    shell.kind === 'electron' ? shell.program : process.execPath,
    [script, ...args],
    { env: { ...options.env }, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const exited = once(child, 'exit').then(([code, signal]) => ({
    code: typeof code === 'number' ? code : null,
    signal: typeof signal === 'string' ? signal : null,
  }));
  return {
    pid: child.pid ?? -1,
    exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGINT');
      await exited;
    },
    signal: (name) => void child.kill(name),
  };
}
