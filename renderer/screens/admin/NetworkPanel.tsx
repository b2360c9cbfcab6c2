import { useCallback, useState } from 'react';
import { useI18n } from '../../i18n/i18n.tsx';
import { type KioskFailure, toFailure } from '../../kiosk.ts';
import { useAsked, useKioskState, useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Problem } from '../../ui/Failure.tsx';
import { Answer } from './Answer.tsx';
import { Certificates } from './Certificates.tsx';

const SIGNS = { ok: '✓', failed: '✗', skipped: '–' } as const;

/** Checks in the order in which they depend on each other, each with what was seen. */
export function NetworkPanel() {
  const { t, format } = useI18n();
  const { api } = useStore();
  const { outbox } = useKioskState();
  const asked = useAsked(
    useCallback(() => api.device.networkCheck(), [api]),
    { atOnce: false },
  );
  const [refresh, setRefresh] = useState<'idle' | 'busy' | 'done'>('idle');
  const [error, setError] = useState<KioskFailure | null>(null);
  const c = t.admin.checks;

  const askCampus = () => {
    setRefresh('busy');
    setError(null);
    api.campus.refresh().then(
      () => setRefresh('done'),
      (thrown: unknown) => {
        setRefresh('idle');
        setError(toFailure(thrown));
      },
    );
  };
  return (
    <>
      <p>{c.lead}</p>
      <div className="row">
        <Button tone="primary" isPending={asked.busy} onPress={asked.ask}>
          {asked.busy ? c.running : c.run}
        </Button>
        <Button isPending={refresh === 'busy'} onPress={askCampus}>
          {t.admin.refreshCampus}
        </Button>
        <span role="status">{refresh === 'done' ? t.admin.refreshed : ''}</span>
      </div>
      {outbox > 0 && <p>{t.header.waiting(outbox)}</p>}
      <Problem error={error} />
      <Answer asked={asked}>
        {({ checks }) => (
          <ol className="checks" aria-label={t.admin.network}>
            {checks.map(({ id, result, detail, milliseconds }) => (
              <li key={id} className={result}>
                <span className="sign" aria-hidden="true">
                  {SIGNS[result]}
                </span>
                <span>
                  <strong>{c[id]}</strong> · {c[result]}
                  <span className="hint">{detail}</span>
                </span>
                <span className="hint">{format.number(Math.round(milliseconds))} ms</span>
              </li>
            ))}
          </ol>
        )}
      </Answer>
      <Certificates />
    </>
  );
}
