import { useState } from 'react';
import { useI18n } from '../i18n/i18n.tsx';
import { type KioskFailure, toFailure } from '../kiosk.ts';
import { useKiosk, useStore } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';
import { Failure } from '../ui/Failure.tsx';
import { ModalDialog } from '../ui/ModalDialog.tsx';
import { countActive, SessionNames } from './SessionNames.tsx';

/** Asks before the computer goes, and names what goes with it. */
export function PowerPanel(props: {
  readonly action: 'shutdown' | 'restart' | 'suspend';
  readonly onClose: () => void;
}) {
  const { action, onClose } = props;
  const { t } = useI18n();
  const { api } = useStore();
  const running = useKiosk((snapshot) => countActive(snapshot.sessions));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KioskFailure | null>(null);

  const act = () => {
    setBusy(true);
    api.power.act({ action }).then(onClose, (thrown: unknown) => {
      setBusy(false);
      setError(toFailure(thrown));
    });
  };
  return (
    <ModalDialog
      role="alertdialog"
      title={t.power[`${action}Title`]}
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose} autoFocus>
            {t.common.cancel}
          </Button>
          <Button tone="danger" isPending={busy} onPress={act}>
            {t.power[action]}
          </Button>
        </>
      }
    >
      {error !== null && (
        <div role="alert">
          <Failure error={error} />
        </div>
      )}
      {running === 0 && <p>{t.power.nothing}</p>}
      <SessionNames lead={action === 'suspend' ? t.power.runningSleep : t.power.running} />
    </ModalDialog>
  );
}
