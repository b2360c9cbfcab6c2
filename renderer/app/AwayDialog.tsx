import { useI18n } from '../i18n/i18n.tsx';
import { useKioskState, useNow } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';
import { ModalDialog } from '../ui/ModalDialog.tsx';

const SECOND = 1000;

/** Nobody has moved anything for long: any key or movement takes it away again. */
export function AwayDialog() {
  const { signOutAt, person } = useKioskState();
  const { t, format } = useI18n();
  const now = useNow(SECOND);
  if (signOutAt === null || person === null) return null;
  const seconds = Math.max(0, Math.ceil((signOutAt - now) / SECOND));
  return (
    <ModalDialog
      role="alertdialog"
      title={t.away.title}
      // Main hears of the key or the click by itself.
      onClose={() => undefined}
      actions={
        <Button tone="primary" autoFocus>
          {t.away.stay}
        </Button>
      }
    >
      <p>{t.away.lead(format.duration(seconds))}</p>
    </ModalDialog>
  );
}
