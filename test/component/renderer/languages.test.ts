/** Every failure has its sentence in every language, and every language is a whole one. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ERROR_CODES } from '../../../preload/contract/errors.ts';
import { Locale } from '../../../preload/contract/model.ts';
import { loadCatalogue } from '../../../renderer/i18n/catalogue.ts';
import { createFormat, textIn } from '../../../renderer/i18n/format.ts';
import { kioskState, session } from '../../support/fake-scenario.ts';
import { startUiBrowser, type UiBrowser } from '../../support/ui-page.ts';

let browser: UiBrowser;
beforeAll(async () => {
  browser = await startUiBrowser();
});
afterAll(() => browser.close());

const preferences = kioskState().preferences;

/** Every detail that the guards of the installation give. */
const FINDING_DETAILS = Object.fromEntries(
  ['path', 'mount', 'holder', 'bytes', 'required', 'name', 'label', 'type'].map((key) => [
    key,
    key,
  ]),
);

/** All words of a catalogue, with what its functions say of a few arguments. */
function words(messages: object, path = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const [key, value] of Object.entries(messages)) {
    const name = path === '' ? key : `${path}.${key}`;
    if (typeof value === 'string') found.set(name, value);
    else if (path.endsWith('.findings') && typeof value === 'function') {
      found.set(name, value(FINDING_DETAILS));
    } else if (typeof value === 'function') {
      for (const count of [0, 1, 2, 5, 21]) found.set(`${name}(${count})`, value(count, count));
    } else for (const [inner, word] of words(value, name)) found.set(inner, word);
  }
  return found;
}

describe.each(Locale.options)('%s', (locale) => {
  test('renders a sentence and what to do next for every code', async () => {
    const ui = await browser.open({
      state: kioskState({ preferences: { ...preferences, locale } }),
      sessions: [
        session({
          id: 's-1',
          state: 'failed',
          shown: true,
          error: { code: 'INTERNAL', message: '' },
        }),
      ],
    });
    await ui.page.locator(`html[lang=${locale}] .failure`).waitFor();
    const { errors, messages } = await loadCatalogue(locale);
    for (const code of ERROR_CODES) {
      await ui.control((fake, error) => fake.changeSession('s-1', { error }), {
        code,
        message: '',
      });
      const text = ui.page.locator('.failure');
      await expect.poll(() => text.textContent()).toContain(messages.common.code(code));
      const shown = await text.textContent();
      expect(shown).toContain(errors[code].what);
      expect(shown).toContain(errors[code].next);
    }
    expect(ui.complaints).toEqual([]);
    await ui.close();
  });

  test('leaves no word empty and no place for a number unfilled', async () => {
    const { messages, errors } = await loadCatalogue(locale);
    const all = [
      ...words(messages),
      ...Object.entries(errors).map(([code, { what, next }]) => [code, `${what} ${next}`] as const),
    ];
    expect(all.length).toBeGreaterThan(300);
    for (const [key, word] of all) {
      expect(word.trim(), key).not.toBe('');
      expect(word, key).not.toMatch(/undefined|NaN|\$\{|\[object/);
    }
  });

  test('is in its own words', async () => {
    if (locale === 'en') return;
    const [own, english] = await Promise.all([loadCatalogue(locale), loadCatalogue('en')]);
    const theirs = words(english.messages);
    const same = [...words(own.messages)].filter(([key, word]) => theirs.get(key) === word);
    // Names of programs, and words that the languages share.
    expect(same.length).toBeLessThan(theirs.size / 8);
    for (const code of ERROR_CODES) {
      expect(own.errors[code].what, code).not.toBe(english.errors[code].what);
    }
  });
});

describe('formats', () => {
  const en = createFormat('en');

  test('durations are one unit, rounded up', () => {
    expect(en.duration(0.4)).toBe('1 sec');
    expect(en.duration(59)).toBe('59 sec');
    expect(en.duration(350)).toBe('6 min');
    expect(en.duration(7200)).toBe('2 hr');
  });

  test('elapsed time has hours only when there are some, and never runs backwards', () => {
    expect(en.elapsed(12_999)).toBe('00:12');
    expect(en.elapsed(3_909_000)).toBe('1:05:09');
    expect(en.elapsed(-5)).toBe('00:00');
  });

  test('amounts take the unit that fits', () => {
    expect(en.bytes(0)).toBe('0 byte');
    expect(en.bytes(999)).toBe('999 byte');
    expect(en.bytes(61e9)).toBe('61 GB');
    expect(en.bytes(3e18)).toMatch(/TB$/);
  });

  test('a campus text falls back to English, then to what there is', () => {
    expect(textIn('Plain', 'de')).toBe('Plain');
    expect(textIn({ en: 'Lab', fr: 'Labo' }, 'fr')).toBe('Labo');
    expect(textIn({ en: 'Lab', fr: 'Labo' }, 'de')).toBe('Lab');
    expect(textIn({ it: 'Laboratorio' }, 'de')).toBe('Laboratorio');
    expect(textIn({}, 'de')).toBe('');
  });

  test('Arabic counts in its six forms, with the digits of the clock', async () => {
    const { messages } = await loadCatalogue('ar');
    const said = [0, 1, 2, 3, 11, 100].map((count) => messages.signOut.running(count));
    expect(new Set(said).size).toBe(6);
    expect(messages.signOut.running(3)).toContain('3');
    expect(createFormat('ar').clock(0)).toMatch(/^\d\d:\d\d$/);
  });
});
