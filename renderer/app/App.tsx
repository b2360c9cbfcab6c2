import { useEffect } from 'react';
import { LanguageProvider } from '../i18n/i18n.tsx';
import { Starting } from '../screens/start/Starting.tsx';
import { StoreContext, useKiosk, useStore } from '../store/hooks.ts';
import type { KioskStore } from '../store/store.ts';
import { afterPaint, type Report } from '../vitals.ts';
import { ErrorBoundary } from './ErrorBoundary.tsx';
import { Kiosk } from './Kiosk.tsx';
import { useAppearance } from './useAppearance.ts';

export function App({ store, report }: { readonly store: KioskStore; readonly report: Report }) {
  return (
    <ErrorBoundary report={report}>
      <StoreContext value={store}>
        <Start report={report} />
      </StoreContext>
    </ErrorBoundary>
  );
}

function Start({ report }: { readonly report: Report }) {
  const preferences = useKiosk((snapshot) => snapshot.state?.preferences);
  useAppearance(preferences);
  if (preferences === undefined) return <Starting />;
  return (
    <LanguageProvider locale={preferences.locale} onError={report}>
      <Kiosk />
      <Rendered report={report} />
    </LanguageProvider>
  );
}

/** Mounted with the first real screen: tells main that this version of the UI works. */
function Rendered({ report }: { readonly report: Report }) {
  const { api } = useStore();
  useEffect(
    () => afterPaint(() => void api.ui.rendered().catch((error: unknown) => report(error))),
    [api, report],
  );
  return null;
}
