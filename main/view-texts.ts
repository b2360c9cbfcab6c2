/** What is said around web sessions and pages of the campus, in the person's language. */
import type { Locale, Text } from '../preload/contract/model.ts';
import { inLocale } from './bridge/kiosk-view.ts';
import type { PagesTexts } from './pages-screen.ts';
import { RETURN_CHORD, type ViewOptions } from './shell/shell.ts';

interface Texts {
  readonly back: string;
  readonly refused: string;
  readonly sessions: string;
  readonly unavailable: string;
  readonly start: string;
}

const TEXTS: Readonly<Record<Locale, Texts>> = {
  en: {
    back: 'Back',
    refused: 'This session may not open this address.',
    sessions: 'Sessions',
    unavailable: 'This page cannot be shown without the network.',
    start: 'Start page',
  },
  fr: {
    back: 'Retour',
    refused: 'Cette session ne peut pas ouvrir cette adresse.',
    sessions: 'Sessions',
    unavailable: 'Cette page ne peut pas être affichée sans le réseau.',
    start: 'Page d’accueil',
  },
  es: {
    back: 'Volver',
    refused: 'Esta sesión no puede abrir esta dirección.',
    sessions: 'Sesiones',
    unavailable: 'Esta página no se puede mostrar sin la red.',
    start: 'Página de inicio',
  },
  de: {
    back: 'Zurück',
    refused: 'Diese Sitzung darf diese Adresse nicht öffnen.',
    sessions: 'Sitzungen',
    unavailable: 'Diese Seite kann ohne Netz nicht gezeigt werden.',
    start: 'Startseite',
  },
  ar: {
    back: 'رجوع',
    refused: 'لا يمكن لهذه الجلسة فتح هذا العنوان.',
    sessions: 'الجلسات',
    unavailable: 'لا يمكن عرض هذه الصفحة بدون الشبكة.',
    start: 'صفحة البداية',
  },
};

/** The strip over a web session, in the language of who sits there. */
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

/** @param campus the name of the campus */
export function pagesTexts(campus: Text, locale: Locale): PagesTexts {
  const { sessions, refused, unavailable, start } = TEXTS[locale];
  return {
    title: inLocale(campus, locale),
    backLabel: `${sessions} (${RETURN_CHORD.label})`,
    refusedText: refused,
    unavailable,
    startLabel: start,
  };
}
