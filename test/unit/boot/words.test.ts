import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { drawnArabic } from '../../../squashfs/arabic.ts';
import { consoleText } from '../../../squashfs/console-font.ts';
import { BOOT_LANGUAGES, BOOT_WORDS } from '../../../squashfs/words.ts';

const scripts = new URL('../../../squashfs/initrd/', import.meta.url);

/** As many glyphs of Unifont as the sentences need, each another: 8 or 16 pixels wide. */
function everyGlyph(): string {
  const characters = new Set<string>(['█', '░']);
  for (let code = 0x20; code < 0x7f; code++) characters.add(String.fromCharCode(code));
  for (const sentence of Object.values(BOOT_WORDS)) {
    for (const language of BOOT_LANGUAGES) {
      const text = sentence[language];
      for (const one of language === 'ar' ? drawnArabic(text) : text) characters.add(one);
    }
  }
  return [...characters]
    .map((one) => {
      const code = one.codePointAt(0) ?? 0;
      const wide = code >= 0xfeb1 && code <= 0xfec0;
      return `${code.toString(16).toUpperCase().padStart(4, '0')}:${code.toString(16).padStart(wide ? 64 : 32, 'a5')}`;
    })
    .join('\n');
}

describe('the initrd’s words', () => {
  it('are there for everything that the scripts say', () => {
    const said = new Set<string>();
    for (const name of readdirSync(scripts)) {
      const text = readFileSync(new URL(name, scripts), 'utf8').replaceAll(/^\s*#.*/gm, '');
      for (const [, key] of text.matchAll(/(?:^|[\s;{])(?:show|problem|sentence) ([a-z][a-z-]+)/gm))
        if (key !== undefined) said.add(key);
    }
    expect([...said].sort()).toEqual(Object.keys(BOOT_WORDS).sort());
  });

  it.each(BOOT_LANGUAGES)('fit a line and keep their figures: %s', (language) => {
    for (const [key, sentence] of Object.entries(BOOT_WORDS)) {
      expect(sentence[language].length, key).toBeLessThanOrEqual(76);
      const figures = (text: string): string[] => [...(text.match(/%\d/g) ?? [])].sort();
      expect(figures(sentence[language]), key).toEqual(figures(sentence.en));
    }
  });
});

describe('Arabic on a console', () => {
  it('is joined and lies from the right', () => {
    // seen, lam-alef, meem: initial, final ligature, isolated.
    expect(drawnArabic('سلام')).toBe('\ufee1\ufefc\ufeb3');
    // beh between two: medial; an alef joins only backwards.
    expect(drawnArabic('تبت')).toBe('\ufe96\ufe92\ufe97');
    expect(drawnArabic('دار')).toBe('\ufead\ufe8d\ufea9');
  });

  it('keeps figures, placeholders and Latin letters in their own order', () => {
    expect(drawnArabic('من %1 إلى 25')).toMatch(/^25 .* %1 /u);
    expect(drawnArabic('R: ب')).toBe('\ufe8f :R');
  });
});

describe('the console’s fonts', () => {
  it('have ASCII at its own place, a name for each cell and two cells for wide glyphs', () => {
    const { textFont, frameFont, words } = consoleText(everyGlyph());
    expect(textFont.readUInt32LE(0)).toBe(0x864ab572);
    expect([textFont.readUInt32LE(24), textFont.readUInt32LE(28)]).toEqual([16, 8]);
    expect([frameFont.readUInt32LE(24), frameFont.readUInt32LE(28)]).toEqual([32, 16]);
    const glyph = textFont.subarray(32 + 0x41 * 16, 32 + 0x42 * 16);
    expect(glyph.toString('hex')).toBe('41'.padStart(32, 'a5'));
    const names = textFont
      .subarray(32 + 512 * 16)
      .toString('latin1')
      .split('\xff');
    expect(names[0x41]).toBe('A');
    expect(names).toHaveLength(513);
    const named = new Set(
      textFont
        .subarray(32 + 512 * 16)
        .toString('utf8')
        .replaceAll('\ufffd', ''),
    );
    for (const text of words.values())
      for (const cell of text.replaceAll(/[\t\n]/g, '')) expect(named.has(cell), cell).toBe(true);
  });

  it('refuse a sentence whose glyph is missing', () => {
    expect(() => consoleText('0041:00')).toThrow(/no glyph/);
  });
});
