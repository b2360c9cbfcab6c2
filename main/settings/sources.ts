/** Where settings come from, as raw values: the file and the kernel command line. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { errno, KioskError } from '../base/errors.ts';

/** Names under this prefix belong to the boot script in the initrd, not to the settings. */
const BOOT_PREFIX = 'boot.';
const PREFIX = 'vestibule.';
const MAX_FILE = 1024 * 1024;

/**
 * The file's top-level keys. A file that is not there has none.
 *
 * @param required true where someone named this file: then it must be there
 * @throws KioskError `SETTINGS_UNREADABLE`
 */
export function readSettingsFile(path: string, required: boolean): Record<string, unknown> {
  let text: string;
  try {
    const descriptor = openSync(path, 'r');
    try {
      if (fstatSync(descriptor).size > MAX_FILE)
        throw new KioskError('SETTINGS_UNREADABLE', `${path} is larger than 1 MiB.`);
      text = readFileSync(descriptor, 'utf8');
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    if (errno(error) === 'ENOENT' && !required) return {};
    if (error instanceof KioskError) throw error;
    throw new KioskError('SETTINGS_UNREADABLE', `${path} cannot be read: ${said(error)}`, {
      cause: error,
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new KioskError('SETTINGS_UNREADABLE', `${path} is not JSON: ${said(error)}`, {
      cause: error,
    });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new KioskError('SETTINGS_UNREADABLE', `${path} does not hold a JSON object.`);
  }
  const { $schema: _, ...settings } = { ...value } as Record<string, unknown>;
  return settings;
}

/** The running kernel's command line, or nothing where there is none to read. */
export function readKernelCommandLine(path = '/proc/cmdline'): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/**
 * The `vestibule.*` parameters of a kernel command line, without the prefix; the last one of a
 * name counts. Words are split as the kernel does (lib/cmdline.c, `next_arg`): at white space
 * outside double quotes; what follows ` -- ` is for init.
 */
export function parseKernelCommandLine(text: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const word of words(text)) {
    if (word === '--') break;
    const equals = word.indexOf('=');
    const name = (equals < 0 ? word : word.slice(0, equals)).replace(/^"/, '');
    if (!name.startsWith(PREFIX) || name.startsWith(PREFIX + BOOT_PREFIX)) continue;
    // A name alone is a switch that is on.
    const value = equals < 0 ? 'true' : word.slice(equals + 1).replace(/^"|"$/g, '');
    found.set(name.slice(PREFIX.length), value);
  }
  return found;
}

function words(text: string): string[] {
  const all: string[] = [];
  let word = '';
  let quoted = false;
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (!quoted && /\s/.test(character)) {
      if (word !== '') all.push(word);
      word = '';
    } else {
      word += character;
    }
  }
  if (word !== '') all.push(word);
  return all;
}

function said(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
