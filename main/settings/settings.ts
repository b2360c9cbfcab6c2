/**
 * The settings in force: defaults < file < kernel command line < the campus's signed policy, each
 * value with its source. A running kiosk never fails over a setting:
 * a wrong one keeps the value below it and is reported. `checkSettings` is the strict reading.
 */
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { ErrorCode, Json } from '../../preload/contract/errors.ts';
import { KioskError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import {
  isSettingKey,
  SETTING_KEYS,
  SETTINGS,
  type Setting,
  type SettingKey,
  type SettingValues,
} from './schema.ts';
import { parseKernelCommandLine, readKernelCommandLine, readSettingsFile } from './sources.ts';

/** In rising precedence. */
const LAYERS = ['default', 'file', 'kernel command line', 'campus policy'] as const;
type Layer = (typeof LAYERS)[number];

export interface SettingProblem {
  readonly code: ErrorCode;
  /** null where it is about a whole file. */
  readonly key: string | null;
  readonly source: string;
  /** What a right value is; null for an unknown key. */
  readonly expected: string | null;
  /** The whole sentence. */
  readonly message: string;
}

export interface SettingsOptions {
  /** Default `/etc/vestibule/settings.json`, which need not exist; one that is named must. */
  readonly file?: string;
  /** Default: the running kernel's. */
  readonly commandLine?: string;
}

export interface Settings {
  get<K extends SettingKey>(key: K): SettingValues[K];
  /** Every key with its value and source, as `settings.read` of the contract; secrets as `(set)`. */
  read(): { key: string; value: Json; source: string }[];
  /** What is wrong in the file, on the command line and in the policy in force. */
  readonly problems: readonly SettingProblem[];
  /**
   * Replaces the settings that the campus's verified manifest gives (`policy.settings`).
   * @returns what was wrong in it; the right ones are in force
   */
  applyPolicy(values: { readonly [key: string]: unknown }): SettingProblem[];
  on(
    event: 'changed',
    listener: (payload: { readonly keys: readonly SettingKey[] }) => void,
  ): () => void;
}

const DEFAULT_SETTINGS_FILE = '/etc/vestibule/settings.json';

/**
 * @throws KioskError `SETTINGS_UNREADABLE` where the named file is missing or no JSON object:
 * someone is there to read it
 */
export function loadSettings(options: SettingsOptions = {}): Settings {
  return new LayeredSettings(options);
}

/**
 * Everything that is wrong with a settings file and a kernel command line; for
 * `vestibule config check`. Never throws.
 */
export function checkSettings(options: SettingsOptions = {}): {
  readonly problems: readonly SettingProblem[];
} {
  try {
    return { problems: new LayeredSettings(options).problems };
  } catch (error) {
    if (!(error instanceof KioskError)) throw error;
    return { problems: [unreadable(error, options.file ?? DEFAULT_SETTINGS_FILE)] };
  }
}

class LayeredSettings implements Settings {
  readonly #layers = new Map<Layer, ReadonlyMap<SettingKey, unknown>>();
  readonly #problems = new Map<Layer, readonly SettingProblem[]>();
  readonly #events = new Emitter<{ changed: { readonly keys: readonly SettingKey[] } }>();

  constructor({ file, commandLine }: SettingsOptions) {
    const path = file ?? DEFAULT_SETTINGS_FILE;
    try {
      const raw = Object.entries(readSettingsFile(path, file !== undefined));
      this.#set('file', raw, path, parse);
    } catch (error) {
      // Nobody named the usual file: a kiosk in a room goes on with what it has, and says so.
      if (file !== undefined || !(error instanceof KioskError)) throw error;
      this.#problems.set('file', [unreadable(error, path)]);
    }
    const parameters = parseKernelCommandLine(commandLine ?? readKernelCommandLine());
    this.#set('kernel command line', [...parameters], 'kernel command line', parseText);
  }

  get problems(): readonly SettingProblem[] {
    return [...[...this.#problems.values()].flat(), ...this.#contradictions()];
  }

  get<K extends SettingKey>(key: K): SettingValues[K] {
    // Every layer holds outputs of this key's own schema.
    return this.#find(key).value as SettingValues[K];
  }

  read(): { key: string; value: Json; source: string }[] {
    return SETTING_KEYS.map((key) => {
      const { value, layer } = this.#find(key);
      const shown = SETTINGS[key].secret && value !== null ? '(set)' : value;
      return { key, value: z.json().parse(shown), source: layer };
    });
  }

  applyPolicy(values: { readonly [key: string]: unknown }): SettingProblem[] {
    const before = new Map(SETTING_KEYS.map((key) => [key, this.get(key)]));
    this.#set('campus policy', Object.entries(values), 'campus policy', parsePolicy);
    const keys = SETTING_KEYS.filter((key) => !isDeepStrictEqual(before.get(key), this.get(key)));
    if (keys.length > 0) this.#events.emit('changed', { keys });
    return [...(this.#problems.get('campus policy') ?? [])];
  }

  on(
    event: 'changed',
    listener: (payload: { readonly keys: readonly SettingKey[] }) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  #find(key: SettingKey): { value: unknown; layer: Layer } {
    for (const layer of LAYERS.toReversed()) {
      const values = this.#layers.get(layer);
      if (values?.has(key)) return { value: values.get(key), layer };
    }
    return { value: SETTINGS[key].fallback, layer: 'default' };
  }

  #set(
    layer: Layer,
    entries: readonly (readonly [string, unknown])[],
    source: string,
    read: (key: SettingKey, raw: unknown) => Parsed,
  ): void {
    const values = new Map<SettingKey, unknown>();
    const problems: SettingProblem[] = [];
    for (const [key, raw] of entries) {
      if (!isSettingKey(key)) {
        problems.push(unknownKey(key, source));
        continue;
      }
      const parsed = read(key, raw);
      if (parsed.ok) values.set(key, parsed.value);
      else problems.push(wrongValue(key, source, raw, parsed));
    }
    this.#layers.set(layer, values);
    this.#problems.set(layer, problems);
  }

  /** Values that are right alone and wrong together. */
  #contradictions(): SettingProblem[] {
    const problems: SettingProblem[] = [];
    const say = (key: SettingKey, expected: string, message: string): void => {
      const source = this.#find(key).layer;
      problems.push({ code: 'SETTINGS_INVALID', key, source, expected, message });
    };
    if (!this.get('locale.list').includes(this.get('locale.default'))) {
      say('locale.default', 'one of locale.list', 'locale.default is not one of locale.list.');
    }
    if (this.get('campus.servers').length > 0 && this.get('campus.keys').length === 0) {
      say(
        'campus.keys',
        'at least one key',
        'campus.servers is set but campus.keys is empty: no manifest will be believed.',
      );
    }
    return problems;
  }
}

type Parsed =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly at: string; readonly forbidden?: true };

function parse(key: SettingKey, raw: unknown): Parsed {
  const schema: z.ZodType = SETTINGS[key].schema;
  const result = schema.safeParse(raw);
  if (result.success) return { ok: true, value: result.data };
  const path = result.error.issues[0]?.path ?? [];
  return { ok: false, at: path.length === 0 ? '' : ` (at ${path.join('.')})` };
}

/**
 * A text as this key's type: itself where the key wants a text, else JSON (`12`, `true`, `null`,
 * `["a"]`), else a list separated by commas.
 */
function parseText(key: SettingKey, raw: unknown): Parsed {
  const text = String(raw);
  const readings: unknown[] = [text];
  try {
    readings.push(JSON.parse(text));
  } catch {
    // Not JSON, which is the usual case.
  }
  readings.push(text === '' ? [] : text.split(','));
  const parsed = readings.map((reading) => parse(key, reading));
  return parsed.find(({ ok }) => ok) ?? { ok: false, at: '' };
}

function parsePolicy(key: SettingKey, raw: unknown): Parsed {
  return SETTINGS[key].policy ? parse(key, raw) : { ok: false, at: '', forbidden: true };
}

function wrongValue(
  key: SettingKey,
  source: string,
  raw: unknown,
  { at, forbidden }: { readonly at: string; readonly forbidden?: true },
): SettingProblem {
  const { expected, secret }: Setting = SETTINGS[key];
  const found = secret ? 'something else' : (JSON.stringify(raw) ?? String(raw)).slice(0, 200);
  return {
    code: 'SETTINGS_INVALID',
    key,
    source,
    expected,
    message: forbidden
      ? `${source}: ${key} cannot be set by the campus, only on the computer itself.`
      : `${source}: ${key}: expected ${expected}${at}, found ${found}.`,
  };
}

function unknownKey(key: string, source: string): SettingProblem {
  const near = SETTING_KEYS.map((known) => ({ known, distance: distance(key, known) }))
    .filter(({ known, distance }) => distance <= Math.max(2, known.length / 4))
    .sort((a, b) => a.distance - b.distance)[0];
  const hint = near ? `; did you mean ${near.known}?` : '.';
  return {
    code: 'SETTINGS_INVALID',
    key: key.slice(0, 200),
    source,
    expected: null,
    message: `${source}: there is no setting ${key.slice(0, 200)}${hint}`,
  };
}

function unreadable(error: KioskError, source: string): SettingProblem {
  return { code: error.code, key: null, source, expected: null, message: error.message };
}

/** Levenshtein's, in lower case. */
function distance(a: string, b: string): number {
  const left = a.toLowerCase().slice(0, 100);
  const right = b.toLowerCase();
  let row = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[right.length] ?? 0;
}
