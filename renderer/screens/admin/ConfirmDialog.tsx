import { useI18n } from '../../i18n/i18n.tsx';
import { Button } from '../../ui/Button.tsx';
import { ModalDialog } from '../../ui/ModalDialog.tsx';

export function ConfirmDialog(props: {
  readonly title: string;
  readonly text: string;
  readonly confirm: string;
  readonly onClose: () => void;
  readonly onConfirm: () => void;
}) {
  const { t } = useI18n();
  return (
    <ModalDialog
      role="alertdialog"
      title={props.title}
      onClose={props.onClose}
      actions={
        <>
          <Button autoFocus onPress={props.onClose}>
            {t.common.cancel}
          </Button>
          <Button tone="primary" onPress={props.onConfirm}>
            {props.confirm}
          </Button>
        </>
      }
    >
      <p>{props.text}</p>
    </ModalDialog>
  );
}
