/** What a web session's view says around its page, in the person's language. */
import type { Locale, Text } from '../preload/contract/model.ts';
import { inLocale } from './bridge/kiosk-view.ts';
import { RETURN_CHORD, type ViewOptions } from './shell/shell.ts';

const TEXTS: Readonly<Record<Locale, { readonly back: string; readonly refused: string }>> = {
  en: { back: 'Back', refused: 'This session may not open this address.' },
  fr: { back: 'Retour', refused: 'Cette session ne peut pas ouvrir cette adresse.' },
  es: { back: 'Volver', refused: 'Esta sesión no puede abrir esta dirección.' },
  de: { back: 'Zurück', refused: 'Diese Sitzung darf diese Adresse nicht öffnen.' },
  ar: { back: 'رجوع', refused: 'لا يمكن لهذه الجلسة فتح هذا العنوان.' },
};

export function viewTexts(
  title: Text,
  locale: Locale,
): Pick<ViewOptions, 'title' | 'backLabel' | 'refusedText'> {
  const { back, refused } = TEXTS[locale];
  return {
    title: inLocale(title, locale),
    backLabel: `${back} (${RETURN_CHORD.label})`,
    refusedText: refused,
  };
}
