/** Which shell puts the UI on the screen, decided before either is loaded (node builtins only). */
import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export type ShellKind = 'electron' | 'chromium';
export type ShellChoice = ShellKind | 'auto';

export interface Selection {
  readonly kind: ShellKind;
  /** Absolute path of the program to run. */
  readonly program: string;
  /** One line for the log when `auto` had to fall back; null otherwise. */
  readonly reason: string | null;
}

export interface SelectOptions {
  /** `VESTIBULE_SHELL`, `ELECTRON_OVERRIDE_DIST_PATH`, `VESTIBULE_CHROMIUM` and `PATH` are read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The folder that holds `node_modules`. */
  readonly root: string;
  /** True where the file exists and may be run; the default asks the file system. */
  readonly executable?: (path: string) => boolean;
}

/** Debian's launcher script adds extensions and flags of the desktop; the program itself does not. */
const CHROMIUM_PROGRAMS = ['/usr/lib/chromium/chromium'];
const CHROMIUM_NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Chooses by `VESTIBULE_SHELL`; `auto` (the default) prefers Electron.
 * @throws Error with what to install when the wanted shell is not there
 */
export function selectShell(options: SelectOptions): Selection {
  const choice = readChoice(options.env.VESTIBULE_SHELL);
  if (choice !== 'chromium') {
    const program = findElectron(options);
    if (program !== null) return { kind: 'electron', program, reason: null };
    if (choice === 'electron') {
      throw new Error(
        'VESTIBULE_SHELL=electron, but there is no Electron program: run "npx install-electron", ' +
          'or point ELECTRON_OVERRIDE_DIST_PATH at an unpacked one.',
      );
    }
  }
  const program = findChromium(options);
  if (program === null) {
    throw new Error('There is neither Electron nor Chromium here: install the package chromium.');
  }
  return {
    kind: 'chromium',
    program,
    reason: choice === 'auto' ? 'no Electron program is installed: using Chromium' : null,
  };
}

/** The Electron program, or null: `ELECTRON_OVERRIDE_DIST_PATH`, the npm package, then `PATH`. */
export function findElectron(options: SelectOptions): string | null {
  const { env, root, executable = isExecutable } = options;
  const candidates: string[] = [];
  if (env.ELECTRON_OVERRIDE_DIST_PATH) {
    candidates.push(join(env.ELECTRON_OVERRIDE_DIST_PATH, 'electron'));
  }
  const dist = join(root, 'node_modules', 'electron');
  candidates.push(join(dist, 'dist', readText(join(dist, 'path.txt')) ?? 'electron'));
  return candidates.find(executable) ?? inPath('electron', options);
}

/** The Chromium program, or null: `VESTIBULE_CHROMIUM`, Debian's own place, then `PATH`. */
export function findChromium(options: SelectOptions): string | null {
  const { env, executable = isExecutable } = options;
  if (env.VESTIBULE_CHROMIUM) {
    return executable(env.VESTIBULE_CHROMIUM) ? env.VESTIBULE_CHROMIUM : null;
  }
  const known = CHROMIUM_PROGRAMS.find(executable);
  if (known !== undefined) return known;
  for (const name of CHROMIUM_NAMES) {
    const found = inPath(name, options);
    if (found !== null) return found;
  }
  return null;
}

function readChoice(value: string | undefined): ShellChoice {
  if (value === undefined || value === '' || value === 'auto') return 'auto';
  if (value === 'electron' || value === 'chromium') return value;
  throw new Error(`VESTIBULE_SHELL is "${value}": it must be electron, chromium or auto.`);
}

function inPath(name: string, { env, executable = isExecutable }: SelectOptions): string | null {
  // node_modules/.bin/electron is a script of the npm package, which would download.
  const folders = (env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => folder !== '' && !folder.endsWith('node_modules/.bin'));
  return folders.map((folder) => join(folder, name)).find(executable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8').trim() || null;
  } catch {
    return null;
  }
}
