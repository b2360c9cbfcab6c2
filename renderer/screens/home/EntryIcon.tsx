import type { CSSProperties } from 'react';
import type { CatalogueEntry } from '../../../preload/contract/model.ts';

/** The letters of an entry on its colour, light or dark by which can be read better. */
export function EntryIcon({ icon }: { readonly icon: CatalogueEntry['icon'] }) {
  const style: CSSProperties & Record<'--icon-colour' | '--icon-ink', string> = {
    '--icon-colour': icon.colour,
    '--icon-ink': luminance(icon.colour) > CROSSOVER ? '#16202e' : '#ffffff',
  };
  return (
    <span className="icon" style={style} aria-hidden="true">
      {icon.letters}
    </span>
  );
}

/** Where black and white have the same contrast (WCAG 2.2, contrast ratio): √(1.05 × 0.05) − 0.05. */
const CROSSOVER = 0.179;

/** Relative luminance of `#rrggbb`, 0 to 1 (WCAG 2.2). */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
