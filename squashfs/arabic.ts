/**
 * Arabic for a console, which draws one cell after the other from the left and joins nothing:
 * letters become the presentation forms of Unicode (U+FE70 to U+FEFF) that join as written, in the
 * order in which they are seen.
 */

/** The isolated form of each letter; final, initial and medial follow it where the letter has them. */
const ISOLATED: Readonly<Record<string, readonly [code: number, forms: 1 | 2 | 4]>> = {
  ء: [0xfe80, 1],
  آ: [0xfe81, 2],
  أ: [0xfe83, 2],
  ؤ: [0xfe85, 2],
  إ: [0xfe87, 2],
  ئ: [0xfe89, 4],
  ا: [0xfe8d, 2],
  ب: [0xfe8f, 4],
  ة: [0xfe93, 2],
  ت: [0xfe95, 4],
  ث: [0xfe99, 4],
  ج: [0xfe9d, 4],
  ح: [0xfea1, 4],
  خ: [0xfea5, 4],
  د: [0xfea9, 2],
  ذ: [0xfeab, 2],
  ر: [0xfead, 2],
  ز: [0xfeaf, 2],
  س: [0xfeb1, 4],
  ش: [0xfeb5, 4],
  ص: [0xfeb9, 4],
  ض: [0xfebd, 4],
  ط: [0xfec1, 4],
  ظ: [0xfec5, 4],
  ع: [0xfec9, 4],
  غ: [0xfecd, 4],
  ف: [0xfed1, 4],
  ق: [0xfed5, 4],
  ك: [0xfed9, 4],
  ل: [0xfedd, 4],
  م: [0xfee1, 4],
  ن: [0xfee5, 4],
  ه: [0xfee9, 4],
  و: [0xfeed, 2],
  ى: [0xfeef, 2],
  ي: [0xfef1, 4],
};
/** Lam and an alef after it are one letter: its isolated form; the final one follows. */
const LAM_ALEF: Readonly<Record<string, number>> = {
  آ: 0xfef5,
  أ: 0xfef7,
  إ: 0xfef9,
  ا: 0xfefb,
};
const MARKS = /[\u064b-\u0652\u0670]/g;

/**
 * The text as a console must be given it. Vowel marks are dropped: a cell holds one glyph. Figures,
 * Latin words and `%1` keep their own order inside the line.
 */
export function drawnArabic(text: string): string {
  const runs = text.replaceAll(MARKS, '').match(/%\d|[A-Za-z0-9]+|[^%A-Za-z0-9]+/g) ?? [];
  return runs
    .map((run) => (/^[%A-Za-z0-9]/.test(run) ? run : [...joined(run)].reverse().join('')))
    .reverse()
    .join('');
}

function joined(text: string): string {
  const letters = [...text];
  let drawn = '';
  let fromBefore = false;
  for (let index = 0; index < letters.length; index++) {
    const letter = letters[index] ?? '';
    const ligature = letter === 'ل' ? LAM_ALEF[letters[index + 1] ?? ''] : undefined;
    if (ligature !== undefined) {
      drawn += String.fromCodePoint(ligature + (fromBefore ? 1 : 0));
      fromBefore = false;
      index++;
      continue;
    }
    const known = ISOLATED[letter];
    if (known === undefined) {
      drawn += letter;
      fromBefore = false;
      continue;
    }
    const [code, forms] = known;
    const before = fromBefore && forms > 1;
    const after = forms === 4 && (ISOLATED[letters[index + 1] ?? '']?.[1] ?? 1) > 1;
    // The order in Unicode: isolated, final, initial, medial.
    drawn += String.fromCodePoint(code + (before ? (after ? 3 : 1) : after ? 2 : 0));
    fromBefore = after;
  }
  return drawn;
}
