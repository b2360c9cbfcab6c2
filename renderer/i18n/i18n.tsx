import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { I18nProvider } from 'react-aria-components/I18nProvider';
import type { Locale } from '../../preload/contract/model.ts';
import type { KioskFailure } from '../kiosk.ts';
import { type Catalogue, DIRECTIONS, ENGLISH, type ErrorText, loadCatalogue } from './catalogue.ts';
import type { Messages } from './en/messages.ts';
import { createFormat, type Format } from './format.ts';

export interface I18n {
  readonly locale: Locale;
  readonly t: Messages;
  readonly format: Format;
  readonly errorText: (error: KioskFailure) => ErrorText;
}

const I18nContext = createContext<I18n | null>(null);

export function useI18n(): I18n {
  const i18n = useContext(I18nContext);
  if (i18n === null) throw new Error('useI18n needs a LanguageProvider');
  return i18n;
}

/**
 * Gives the language to everything below, and `lang` and `dir` to the document. While another
 * language is on its way the one before stays; the first one is awaited, so that nobody sees the
 * page change its language. A catalogue that cannot be loaded leaves English.
 */
export function LanguageProvider(props: {
  readonly locale: Locale;
  readonly onError: (error: unknown) => void;
  readonly children: ReactNode;
}) {
  const { locale, onError, children } = props;
  const [catalogue, setCatalogue] = useState<Catalogue | null>(locale === 'en' ? ENGLISH : null);

  useEffect(() => {
    let current = true;
    const take = (next: Catalogue) => current && setCatalogue(next);
    loadCatalogue(locale).then(take, (error: unknown) => {
      onError(error);
      take(ENGLISH);
    });
    return () => {
      current = false;
    };
  }, [locale, onError]);

  const i18n = useMemo<I18n | null>(
    () =>
      catalogue && {
        locale: catalogue.locale,
        t: catalogue.messages,
        format: createFormat(catalogue.locale),
        errorText: (error) => catalogue.errors[error.code],
      },
    [catalogue],
  );

  useEffect(() => {
    if (i18n === null) return;
    document.documentElement.lang = i18n.locale;
    document.documentElement.dir = DIRECTIONS[i18n.locale];
  }, [i18n]);

  if (i18n === null) return null;
  return (
    <I18nContext value={i18n}>
      <I18nProvider locale={i18n.format.intl}>{children}</I18nProvider>
    </I18nContext>
  );
}
