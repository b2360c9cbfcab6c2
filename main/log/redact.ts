/**
 * What keeps secrets out of the log, whatever is logged: by the name of the field, by the shape
 * of the text, and by value (what a person typed, registered at run time).
 */

import type { Json } from '../../preload/contract/errors.ts';
import { KioskError } from '../base/errors.ts';

const REDACTED = '[redacted]';

/** Compared with the field's name in lower case without `-` and `_`. */
const SECRET_NAME =
  /secret|passw|passphrase|token|ticket|authoriz|cookie|credential|privatekey|apikey|verifier/;

/** `token=…` in a URL or a form, `Authorization: Bearer …`, `https://user:password@host`. */
const SECRET_SHAPES: readonly (readonly [RegExp, string])[] = [
  [
    /((?:secret|passw(?:or)?d|passphrase|token|ticket|api[-_]?key|cookie)["']?\s*[=:]\s*["']?)[^\s&"',;}]+/gi,
    `$1${REDACTED}`,
  ],
  [/((?:proxy-)?authorization["']?\s*[=:]\s*["']?(?:[a-z]+\s+)?)[^\s"',;}]+/gi, `$1${REDACTED}`],
  [/\b(bearer\s+)[a-z0-9._~+/=-]{8,}/gi, `$1${REDACTED}`],
  [/(\b[a-z][a-z0-9+.-]*:\/\/[^\s/:@]*:)[^\s/@]+(?=@)/gi, `$1${REDACTED}`],
];

/** Shorter values are only hidden where they are the whole string: `an` occurs in every sentence. */
const MIN_SUBSTRING = 4;
const MAX_STRING = 8_000;
const MAX_DEPTH = 8;
const MAX_ITEMS = 100;
const MAX_ERRORS = 5;

/** Turns anything into bounded JSON without secrets. */
export class Redactor {
  /** Registered value → how often it was registered, and how it looks in other encodings. */
  readonly #values = new Map<string, { count: number; readonly forms: readonly string[] }>();

  /** Hides a value wherever it appears from now on; returns the function that forgets it. */
  add(value: string): () => void {
    if (value === '') return () => {};
    const known = this.#values.get(value);
    if (known) known.count++;
    else this.#values.set(value, { count: 1, forms: forms(value) });
    let active = true;
    return () => {
      const entry = this.#values.get(value);
      if (!active || !entry) return;
      active = false;
      entry.count--;
      if (entry.count === 0) this.#values.delete(value);
    };
  }

  text(text: string): string {
    let clean = text.length > MAX_STRING ? `${text.slice(0, MAX_STRING)}…` : text;
    for (const [value, { forms }] of this.#values) {
      if (value.length < MIN_SUBSTRING) {
        if (text === value) return REDACTED;
        continue;
      }
      for (const form of forms) clean = clean.replaceAll(form, REDACTED);
    }
    // A value that the cut above went through would be missed: hide what is left of it.
    if (text.length > MAX_STRING) clean = this.#withoutCutValue(clean);
    for (const [shape, replacement] of SECRET_SHAPES) clean = clean.replace(shape, replacement);
    return clean;
  }

  value(value: unknown): Json {
    return this.#value(value, 0, new Set()) ?? null;
  }

  /** The fields of one line; a field whose value is undefined is left out. */
  fields(fields: { readonly [key: string]: unknown }): { [key: string]: Json } {
    const clean = this.#object(fields, 0, new Set());
    return typeof clean === 'object' && clean !== null && !Array.isArray(clean) ? clean : {};
  }

  #withoutCutValue(text: string): string {
    const body = text.slice(0, -1);
    for (const { forms } of this.#values.values()) {
      for (const form of forms) {
        for (let length = Math.min(form.length - 1, body.length); length >= 3; length--) {
          if (body.endsWith(form.slice(0, length))) {
            return `${body.slice(0, body.length - length)}${REDACTED}…`;
          }
        }
      }
    }
    return text;
  }

  #value(value: unknown, depth: number, ancestors: Set<object>): Json | undefined {
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'boolean':
        return value;
      case 'number':
        // A PIN may arrive as a number.
        return Number.isFinite(value) && !this.#values.has(String(value))
          ? value
          : this.text(String(value));
      case 'bigint':
        return this.text(String(value));
      case 'undefined':
        return undefined;
      case 'object':
        return value === null ? null : this.#nested(value, depth, ancestors);
      default:
        return `[${typeof value}]`;
    }
  }

  #nested(value: object, depth: number, ancestors: Set<object>): Json {
    if (ancestors.has(value)) return '[circular]';
    if (depth >= MAX_DEPTH) return '[too deep]';
    if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
      return `[${value.byteLength} bytes]`;
    ancestors.add(value);
    try {
      if (value instanceof Error) return this.#error(value, depth, ancestors);
      if (value instanceof Date)
        return Number.isNaN(value.getTime()) ? '[bad date]' : value.toISOString();
      if (value instanceof URL) return this.text(value.href);
      if (value instanceof Map) return this.#object(Object.fromEntries(value), depth, ancestors);
      if (Array.isArray(value) || value instanceof Set)
        return this.#list([...value], depth, ancestors);
      return this.#object(value, depth, ancestors);
    } finally {
      ancestors.delete(value);
    }
  }

  #list(items: readonly unknown[], depth: number, ancestors: Set<object>): Json[] {
    const clean = items
      .slice(0, MAX_ITEMS)
      .map((item) => this.#value(item, depth + 1, ancestors) ?? null);
    if (items.length > MAX_ITEMS) clean.push(`… ${items.length - MAX_ITEMS} more`);
    return clean;
  }

  #object(value: object, depth: number, ancestors: Set<object>): Json {
    const clean: { [key: string]: Json } = {};
    const keys = Object.keys(value);
    for (const key of keys.slice(0, MAX_ITEMS)) {
      const member = read(value, key);
      const name = this.text(key);
      const hidden =
        isSecretName(key) && member !== null && member !== undefined && typeof member !== 'boolean';
      const cleaned = hidden ? REDACTED : this.#value(member, depth + 1, ancestors);
      if (cleaned !== undefined) define(clean, name, cleaned);
    }
    if (keys.length > MAX_ITEMS) clean['…'] = `${keys.length - MAX_ITEMS} more`;
    return clean;
  }

  /** Code, message, details and the chain of causes; the stack only of what was not foreseen. */
  #error(error: Error, depth: number, ancestors: Set<object>): Json {
    const clean: { [key: string]: Json } = { name: error.name, message: this.text(error.message) };
    const code = read(error, 'code');
    if (typeof code === 'string' || typeof code === 'number') clean.code = code;
    if (error instanceof KioskError) {
      if (error.details) clean.details = this.#object(error.details, depth + 1, ancestors);
    } else if (typeof error.stack === 'string') {
      clean.stack = this.text(error.stack);
    }
    if (error instanceof AggregateError)
      clean.errors = this.#list(error.errors.slice(0, MAX_ERRORS), depth, ancestors);
    if (error.cause !== undefined) {
      const cause = this.#value(error.cause, depth + 1, ancestors);
      if (cause !== undefined) clean.cause = cause;
    }
    return clean;
  }
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name.toLowerCase().replaceAll(/[-_]/g, ''));
}

/** `__proto__` as an own field of what was logged stays a field. */
function define(target: object, key: string, value: Json): void {
  Object.defineProperty(target, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** A getter that throws must not take the line with it. */
function read(value: object, key: string): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return '[unreadable]';
  }
}

/** How a value looks where it usually leaks: as it is, in JSON, in a URL or form, in base64. */
function forms(value: string): string[] {
  const all = new Set([value, JSON.stringify(value).slice(1, -1)]);
  // Lone surrogates cannot be percent-encoded.
  if (value.isWellFormed()) {
    all.add(encodeURIComponent(value));
    all.add(encodeURIComponent(value).replaceAll('%20', '+'));
  }
  if (value.length >= MIN_SUBSTRING) {
    all.add(Buffer.from(value, 'utf8').toString('base64'));
    all.add(Buffer.from(value, 'utf8').toString('base64url'));
    all.add(Buffer.from(value, 'utf8').toString('hex'));
  }
  return [...all].sort((a, b) => b.length - a.length);
}
