import { useEffect, useRef } from 'react';
import type { Session } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Failure } from '../../ui/Failure.tsx';
import { sessionName } from './SessionBar.tsx';

/** Why a session failed, and the ways on. */
export function FailedView({ session }: { readonly session: Session }) {
  const i18n = useI18n();
  const { t } = i18n;
  const store = useStore();
  const actions = useRef<HTMLDivElement>(null);

  useEffect(() => {
    actions.current?.querySelector('button')?.focus();
  }, []);

  return (
    <div className="session-message">
      <div className="panel" role="alert">
        <h2>{t.session.failedTitle(sessionName(session, i18n))}</h2>
        <Failure error={session.error ?? { code: 'INTERNAL', message: 'No reason was given.' }} />
        <div className="panel-actions" ref={actions}>
          <Button
            tone="primary"
            onPress={() => {
              store.dismiss(session.id);
              void store.startEntry(session.entryId);
            }}
          >
            {t.session.startAgain}
          </Button>
          <Button onPress={() => store.dismiss(session.id)}>{t.session.removeFailed}</Button>
        </div>
      </div>
    </div>
  );
}
