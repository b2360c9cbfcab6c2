/** Numbers, dates and durations in the person's language, by Intl. */
import type { Locale, Text } from '../../preload/contract/model.ts';

/**
 * English with dates of the day first. Arabic with the digits of versions, addresses and clocks, so that one
 * line has one kind.
 */
const INTL: Readonly<Record<Locale, string>> = {
  en: 'en-GB',
  fr: 'fr',
  es: 'es',
  de: 'de',
  ar: 'ar-u-nu-latn',
};

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'] as const;

export interface Format {
  readonly intl: string;
  /** `14:36`, always of 24 hours: the same on every clock of the campus. */
  clock(time: number): string;
  /** The time today, with the date when it was another day than `now`. */
  moment(time: number, now: number): string;
  /** Date, time and seconds, for logs. */
  stamp(time: number): string;
  number(value: number): string;
  /** 0 to 1 as whole percent; in English with a space, as the design writes it. */
  percent(fraction: number): string;
  /** `6 min`: one unit, rounded up, for time that is left. */
  duration(seconds: number): string;
  /** `00:12`, `1:05:09`: time that has passed. */
  elapsed(milliseconds: number): string;
  /** Decimal units with at most one digit after the point. */
  bytes(bytes: number): string;
  list(items: readonly string[]): string;
  text(text: Text): string;
}

/** @param locale the language; everything is made at first use and kept */
export function createFormat(locale: Locale): Format {
  const intl = INTL[locale];
  const cache = new Map<string, unknown>();
  function once<T>(key: string, make: () => T): T {
    if (!cache.has(key)) cache.set(key, make());
    // The key names the constructor's arguments, so what is stored under it is a T.
    return cache.get(key) as T;
  }
  const date = (key: string, options: Intl.DateTimeFormatOptions) =>
    once(`date ${key}`, () => new Intl.DateTimeFormat(intl, { hourCycle: 'h23', ...options }));
  // British short units have plurals (`6 mins`), which no sign on a tile has.
  const unit = (name: string, digits: number) =>
    once(
      `unit ${name} ${digits}`,
      () =>
        new Intl.NumberFormat(locale === 'en' ? 'en' : intl, {
          style: 'unit',
          unit: name,
          unitDisplay: 'short',
          maximumFractionDigits: digits,
        }),
    );
  const clock = (time: number) =>
    date('clock', { hour: '2-digit', minute: '2-digit' }).format(time);

  return {
    intl,
    clock,
    moment(time, now) {
      if (new Date(time).toDateString() === new Date(now).toDateString()) return clock(time);
      return date('moment', {
        day: 'numeric',
        month: 'short',
        hour: '2-digit',
        minute: '2-digit',
      }).format(time);
    },
    stamp: (time) =>
      date('stamp', {
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
      }).format(time),
    number: (value) => once('number', () => new Intl.NumberFormat(intl)).format(value),
    percent(fraction) {
      const whole = Math.floor(fraction * 100);
      if (locale === 'en') return `${whole}\u00a0%`;
      return once('percent', () => new Intl.NumberFormat(intl, { style: 'percent' })).format(
        whole / 100,
      );
    },
    duration(seconds) {
      if (seconds < 60) return unit('second', 0).format(Math.ceil(seconds));
      if (seconds < 5400) return unit('minute', 0).format(Math.ceil(seconds / 60));
      return unit('hour', 1).format(seconds / 3600);
    },
    elapsed(milliseconds) {
      const total = Math.max(0, Math.floor(milliseconds / 1000));
      const two = (value: number) => String(value).padStart(2, '0');
      const [hours, minutes, seconds] = [
        Math.floor(total / 3600),
        Math.floor(total / 60) % 60,
        total % 60,
      ];
      return hours > 0
        ? `${hours}:${two(minutes)}:${two(seconds)}`
        : `${two(minutes)}:${two(seconds)}`;
    },
    bytes(bytes) {
      const power = Math.min(UNITS.length - 1, bytes < 1 ? 0 : Math.floor(Math.log10(bytes) / 3));
      return unit(UNITS[power] ?? 'byte', 1).format(bytes / 1000 ** power);
    },
    list: (items) =>
      once('list', () => new Intl.ListFormat(intl, { type: 'conjunction' })).format(items),
    text: (text) => textIn(text, locale),
  };
}

/** The campus's text in a language, else English, else whatever it gave first. */
export function textIn(text: Text, locale: Locale): string {
  if (typeof text === 'string') return text;
  return text[locale] ?? text.en ?? Object.values(text)[0] ?? '';
}
