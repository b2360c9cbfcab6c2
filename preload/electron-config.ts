/** Main's configuration of a preload under Electron: `webPreferences.additionalArguments`. */
import type { InjectedConfig, ViewConfig } from './config.ts';

interface Configs {
  readonly ui: InjectedConfig;
  readonly view: ViewConfig;
}

/** @throws Error when main forgot it: the page then has no bridge, which a test sees */
export function readConfig<K extends keyof Configs>(kind: K): Configs[K] {
  const prefix = `--vestibule-${kind}=`;
  const argument = process.argv.find((text) => text.startsWith(prefix));
  if (argument === undefined) throw new Error(`main did not pass ${prefix}`);
  return JSON.parse(decodeURIComponent(argument.slice(prefix.length)));
}
