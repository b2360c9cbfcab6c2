import { useI18n } from '../i18n/i18n.tsx';
import { useKiosk, useStore, useSubmission } from '../store/hooks.ts';
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
  const { busy, failure, run } = useSubmission();
  const act = () => run(() => api.power.act({ action }).then(onClose));

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
      {failure !== null && (
        <div role="alert">
          <Failure error={failure} />
        </div>
      )}
      {running === 0 && <p>{t.power.nothing}</p>}
      <SessionNames lead={action === 'suspend' ? t.power.runningSleep : t.power.running} />
    </ModalDialog>
  );
}
