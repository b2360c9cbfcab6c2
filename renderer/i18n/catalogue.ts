/** The catalogues: English is always at hand, the others are fetched when they are chosen. */
import type { ErrorCode } from '../../preload/contract/errors.ts';
import type { Locale } from '../../preload/contract/model.ts';
import { errors as englishErrors } from './en/errors.ts';
import { messages as englishMessages, type Messages } from './en/messages.ts';

/** What a failure means for a person: what happened, and what to do next. */
export interface ErrorText {
  readonly what: string;
  readonly next: string;
}
export type ErrorTexts = Readonly<Record<ErrorCode, ErrorText>>;

export interface Catalogue {
  readonly locale: Locale;
  readonly messages: Messages;
  readonly errors: ErrorTexts;
}

export const ENGLISH: Catalogue = {
  locale: 'en',
  messages: englishMessages,
  errors: englishErrors,
};

/** Each language in its own words, for menus. */
export const LOCALE_NAMES: Readonly<Record<Locale, string>> = {
  en: 'English',
  fr: 'Français',
  es: 'Español',
  de: 'Deutsch',
  ar: 'العربية',
};

export const DIRECTIONS: Readonly<Record<Locale, 'ltr' | 'rtl'>> = {
  en: 'ltr',
  fr: 'ltr',
  es: 'ltr',
  de: 'ltr',
  ar: 'rtl',
};

const LOADERS: Readonly<Record<Locale, () => Promise<Omit<Catalogue, 'locale'>>>> = {
  en: async () => ENGLISH,
  fr: () => import('./fr/index.ts'),
  es: () => import('./es/index.ts'),
  de: () => import('./de/index.ts'),
  ar: () => import('./ar/index.ts'),
};

/** @throws when the catalogue's file cannot be loaded (a damaged UI cache) */
export async function loadCatalogue(locale: Locale): Promise<Catalogue> {
  const { messages, errors } = await LOADERS[locale]();
  return { locale, messages, errors };
}
