/**
 * The initrd's words as cells of a console, and the fonts that draw them: 8 by 16 for VGA text,
 * the same doubled for framebuffers. Glyphs are GNU Unifont's (OFL 1.1 or GPL-2+ with the font
 * exception), only those that occur. A glyph of 16 by 16 takes two cells.
 */

import { drawnArabic } from './arabic.ts';
import { BOOT_LANGUAGES, BOOT_WORDS } from './words.ts';

/** Each cell's 16 rows of 8 pixels, by the code point that stands for it in the text. */
type Glyphs = Map<number, Uint8Array>;

interface ConsoleText {
  /** `/lib/vestibule/words/<language>`. */
  readonly words: ReadonlyMap<string, string>;
  /** PSF version 2 (psf(5) of kbd), 8 by 16. */
  readonly textFont: Buffer;
  /** The same, 16 by 32. */
  readonly frameFont: Buffer;
}

/** Cells without a character of their own take code points from here (a private use area). */
const PRIVATE = 0xe000;
const GLYPHS = 512;

/**
 * @param unifont the text of `unifont.hex`: lines `CODE:PIXELS`
 * @throws Error where a glyph is missing, or there are more than a console can hold
 */
export function consoleText(unifont: string): ConsoleText {
  const pixels = new Map<number, string>();
  for (const line of unifont.split('\n')) {
    const [code, hex] = line.split(':');
    if (code && hex) pixels.set(Number.parseInt(code, 16), hex);
  }
  const glyphs: Glyphs = new Map();
  const halves = new Map<number, string>();
  const cells = (text: string): string =>
    [...text].map((character) => cell(character, pixels, glyphs, halves)).join('');
  for (let code = 0x20; code < 0x7f; code++) cells(String.fromCodePoint(code));
  cells('█░');

  const words = new Map<string, string>();
  for (const language of BOOT_LANGUAGES) {
    const lines = Object.entries(BOOT_WORDS).map(([key, sentence]) => {
      const text = sentence[language];
      return `${key}\t${cells(language === 'ar' ? drawnArabic(text) : text)}\n`;
    });
    words.set(language, lines.join(''));
  }
  return { words, textFont: psf(glyphs, 1), frameFont: psf(glyphs, 2) };
}

function cell(
  character: string,
  pixels: ReadonlyMap<number, string>,
  glyphs: Glyphs,
  halves: Map<number, string>,
): string {
  const code = character.codePointAt(0) ?? 0;
  const hex = pixels.get(code);
  if (hex === undefined)
    throw new Error(`Unifont has no glyph for U+${code.toString(16).padStart(4, '0')}`);
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.length === 16) {
    glyphs.set(code, bytes);
    return character;
  }
  const seen = halves.get(code);
  if (seen !== undefined) return seen;
  const left = PRIVATE + halves.size * 2;
  glyphs.set(
    left,
    bytes.filter((_, index) => index % 2 === 0),
  );
  glyphs.set(
    left + 1,
    bytes.filter((_, index) => index % 2 === 1),
  );
  const text = String.fromCodePoint(left, left + 1);
  halves.set(code, text);
  return text;
}

function psf(glyphs: Glyphs, scale: 1 | 2): Buffer {
  // A console erases with glyph 32, so ASCII keeps its places; others fill what is free.
  const places = new Map<number, number>();
  for (const code of glyphs.keys()) if (code < 0x80) places.set(code, code);
  let free = 0x80;
  for (const code of glyphs.keys()) if (code >= 0x80) places.set(code, free++);
  if (free > GLYPHS) throw new Error(`${free} glyphs: a console holds ${GLYPHS}`);
  const charSize = 16 * scale * scale;
  const header = Buffer.alloc(32);
  const fields = [0x864ab572, 0, 32, 1, GLYPHS, charSize, 16 * scale, 8 * scale];
  for (const [index, value] of fields.entries()) header.writeUInt32LE(value, index * 4);
  const bitmaps = Buffer.alloc(GLYPHS * charSize);
  const names: string[] = new Array(GLYPHS).fill('');
  for (const [code, place] of places) {
    const rows = glyphs.get(code) ?? new Uint8Array(16);
    bitmaps.set(scale === 1 ? rows : doubled(rows), place * charSize);
    names[place] = String.fromCodePoint(code);
  }
  const table = names.map((name) => Buffer.concat([Buffer.from(name), Buffer.from([0xff])]));
  return Buffer.concat([header, bitmaps, ...table]);
}

function doubled(rows: Uint8Array): Uint8Array {
  const out = new Uint8Array(rows.length * 4);
  for (const [index, row] of rows.entries()) {
    let wide = 0;
    for (let bit = 0; bit < 8; bit++) if (row & (1 << bit)) wide |= 3 << (bit * 2);
    for (const offset of [0, 2]) {
      out[index * 4 + offset] = wide >> 8;
      out[index * 4 + offset + 1] = wide & 0xff;
    }
  }
  return out;
}
