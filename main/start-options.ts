/**
 * What both entries read before anything heavy is loaded: node builtins only. Everything else is
 * a setting (main/settings).
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

export interface StartOptions {
  /** Settings file; undefined: the usual one. */
  readonly settingsFile: string | undefined;
  readonly dataFolder: string;
  readonly runtimeFolder: string;
  /** What the initrd and the root helper leave: `image`, `boot`, `helper.sock`. */
  readonly systemFolder: string;
  /** False with `--windowed`. */
  readonly kiosk: boolean;
  /** Opens a DevTools port on loopback and developer tools; never in a room. */
  readonly developer: boolean;
  /** The built product: `main`, `preload`, `renderer`, `display`. */
  readonly distFolder: string;
}

/**
 * @param argv without program and script
 * @throws TypeError for an unknown option
 */
export function readStartOptions(argv: readonly string[]): StartOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      settings: { type: 'string' },
      'data-folder': { type: 'string', default: '/var/lib/vestibule' },
      'runtime-folder': { type: 'string', default: '/run/vestibule' },
      'system-folder': { type: 'string', default: '/run/vestibule' },
      windowed: { type: 'boolean', default: false },
      developer: { type: 'boolean', default: false },
    },
  });
  const options: StartOptions = {
    settingsFile: values.settings,
    dataFolder: values['data-folder'],
    runtimeFolder: values['runtime-folder'],
    systemFolder: values['system-folder'],
    kiosk: !values.windowed,
    developer: values.developer,
    distFolder: distFolder(),
  };
  for (const folder of [options.dataFolder, options.runtimeFolder]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }
  return options;
}

/** `dist`, seen from the bundle (`dist/main`) and from the sources (`main`). */
function distFolder(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  return /[\\/]dist[\\/]main/.test(here)
    ? here.replace(/([\\/]dist)[\\/]main.*$/, '$1')
    : join(here, '..', 'dist');
}
