import type { Session } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { Button } from '../../ui/Button.tsx';
import { ModalDialog } from '../../ui/ModalDialog.tsx';

/** What a running session does without, each with what can be done about it. */
export function NoticesDialog(props: { readonly session: Session; readonly onClose: () => void }) {
  const { t, errorText } = useI18n();
  return (
    <ModalDialog
      title={t.session.notices}
      onClose={props.onClose}
      actions={
        <Button tone="primary" autoFocus onPress={props.onClose}>
          {t.common.close}
        </Button>
      }
    >
      {props.session.notices.map((notice) => (
        <p key={`${notice.code} ${notice.message}`}>
          <strong>{errorText(notice).what}</strong> {errorText(notice).next}
        </p>
      ))}
    </ModalDialog>
  );
}
