import { useEffect, useState } from 'react';
import { useI18n } from '../i18n/i18n.tsx';
import { type KioskFailure, toFailure } from '../kiosk.ts';
import { useKiosk, useStore } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';
import { Failure } from '../ui/Failure.tsx';
import { ModalDialog } from '../ui/ModalDialog.tsx';
import { countActive, SessionNames } from './SessionNames.tsx';

/** Signs out at once when nothing runs; else says first what ends. */
export function SignOutPanel({ onClose }: { readonly onClose: () => void }) {
  const { t } = useI18n();
  const store = useStore();
  const running = useKiosk((snapshot) => countActive(snapshot.sessions));
  const [asked, setAsked] = useState(running === 0);
  const [error, setError] = useState<KioskFailure | null>(null);

  useEffect(() => {
    if (!asked) return;
    store.signOut().then(onClose, (thrown: unknown) => {
      setAsked(false);
      setError(toFailure(thrown));
    });
  }, [asked, onClose, store]);

  if (asked && running === 0) return null;
  return (
    <ModalDialog
      role="alertdialog"
      title={t.signOut.title}
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose} autoFocus>
            {t.common.cancel}
          </Button>
          <Button tone="danger" isPending={asked} onPress={() => setAsked(true)}>
            {asked ? t.signOut.busy : t.signOut.confirm}
          </Button>
        </>
      }
    >
      {error !== null && <Failure error={error} />}
      <SessionNames lead={t.signOut.running(running)} />
      {running > 0 && <p>{t.signOut.lead}</p>}
    </ModalDialog>
  );
}
