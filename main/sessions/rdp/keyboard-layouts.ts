/**
 * Windows keyboard layouts by the names that XKB uses.
 * Source: Windows keyboard layouts reference, learn.microsoft.com.
 */
const LAYOUTS = {
  ara: 0x0000_0401,
  be: 0x0000_080c,
  bg: 0x0003_0402,
  br: 0x0000_0416,
  ca: 0x0001_1009,
  ch: 0x0000_0807,
  'ch-fr': 0x0000_100c,
  cz: 0x0000_0405,
  de: 0x0000_0407,
  dk: 0x0000_0406,
  es: 0x0000_040a,
  fi: 0x0000_040b,
  fr: 0x0000_040c,
  gb: 0x0000_0809,
  gr: 0x0000_0408,
  hu: 0x0000_040e,
  il: 0x0000_040d,
  it: 0x0000_0410,
  jp: 0x0000_0411,
  kr: 0x0000_0412,
  latam: 0x0000_080a,
  nl: 0x0000_0413,
  no: 0x0000_0414,
  pl: 0x0000_0415,
  pt: 0x0000_0816,
  ru: 0x0000_0419,
  se: 0x0000_041d,
  tr: 0x0000_041f,
  ua: 0x0000_0422,
  us: 0x0000_0409,
} as const;

type LayoutName = keyof typeof LAYOUTS;

export const LAYOUT_NAMES = Object.keys(LAYOUTS) as [LayoutName, ...LayoutName[]];

/** The layout's number as xfreerdp takes it, `0x0000040c`. */
export function layoutNumber(layout: string): string {
  const known = Object.entries(LAYOUTS).find(([name]) => name === layout)?.[1];
  return known === undefined ? layout.toLowerCase() : `0x${known.toString(16).padStart(8, '0')}`;
}
