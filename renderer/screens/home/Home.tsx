import { useCallback, useState } from 'react';
import type { CatalogueEntry } from '../../../preload/contract/model.ts';
import type { I18n } from '../../i18n/i18n.tsx';
import { useI18n } from '../../i18n/i18n.tsx';
import type { KioskFailure } from '../../kiosk.ts';
import { useKiosk, useKioskState, useNow, useStore } from '../../store/hooks.ts';
import { StartFailure } from './StartFailure.tsx';
import { TileGrid } from './TileGrid.tsx';
import './home.css';

const MINUTE = 60_000;

/** The student screen: a greeting and what can be started. */
export function Home() {
  const i18n = useI18n();
  const { t, format } = i18n;
  const store = useStore();
  const { person } = useKioskState();
  const catalogue = useKiosk((snapshot) => snapshot.catalogue);
  const refused = useKiosk((snapshot) => snapshot.startFailure);
  const now = useNow(MINUTE);
  const [explained, setExplained] = useState<CatalogueEntry | null>(null);
  const close = useCallback(() => {
    setExplained(null);
    store.clearStartFailure();
  }, [store]);

  const greeting = greetingAt(new Date(now).getHours(), i18n);
  const failure = failureOf(explained, refused, catalogue);
  return (
    <main className="home">
      <h1>
        {person === null || person.kind === 'guest'
          ? greeting
          : t.home.greeting(greeting, person.name)}
      </h1>
      {catalogue?.length === 0 ? (
        <div className="empty">
          <h2>{t.home.empty}</h2>
          <p>{t.home.emptyNext}</p>
        </div>
      ) : (
        <>
          <p>{t.home.lead}</p>
          {catalogue === null ? (
            <p role="status">{t.common.loading}</p>
          ) : (
            <TileGrid catalogue={catalogue} onExplain={setExplained} />
          )}
        </>
      )}
      {failure !== null && (
        <StartFailure
          title={format.text(failure.entry.title)}
          error={failure.error}
          onClose={close}
          onRetry={
            failure.retry
              ? () => {
                  close();
                  void store.startEntry(failure.entry.id);
                }
              : undefined
          }
        />
      )}
    </main>
  );
}

function greetingAt(hour: number, { t }: I18n): string {
  if (hour >= 5 && hour < 12) return t.home.morning;
  return hour >= 12 && hour < 18 ? t.home.afternoon : t.home.evening;
}

/** Why an entry does not start: because it cannot now, or because main has just refused it. */
function failureOf(
  explained: CatalogueEntry | null,
  refused: { readonly entryId: string; readonly error: KioskFailure } | null,
  catalogue: readonly CatalogueEntry[] | null,
): { entry: CatalogueEntry; error: KioskFailure | null; retry: boolean } | null {
  if (refused !== null) {
    const entry = catalogue?.find(({ id }) => id === refused.entryId);
    return entry === undefined ? null : { entry, error: refused.error, retry: true };
  }
  if (explained === null) return null;
  const { availability } = explained;
  switch (availability.state) {
    case 'unavailable':
      return { entry: explained, error: availability.error, retry: false };
    case 'needs-network':
      return {
        entry: explained,
        error: { code: 'ENTRY_NEEDS_NETWORK', message: 'The entry needs the network.' },
        retry: false,
      };
    default:
      return { entry: explained, error: null, retry: false };
  }
}
