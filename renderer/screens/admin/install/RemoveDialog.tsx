import { type FormEvent, useState } from 'react';
import { useI18n } from '../../../i18n/i18n.tsx';
import { Button } from '../../../ui/Button.tsx';
import { Field } from '../../../ui/Field.tsx';
import { ModalDialog } from '../../../ui/ModalDialog.tsx';
import { shortName } from './DiskChoice.tsx';

const FORM = 'remove-vestibule';

/** Taking the system off the disk: the disk's name must be typed. */
export function RemoveDialog(props: {
  readonly disk: string;
  readonly onClose: () => void;
  readonly onConfirm: (confirmation: string) => void;
}) {
  const { t } = useI18n();
  const [word, setWord] = useState('');
  const wanted = shortName(props.disk);
  const right = word.trim() === wanted;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (right) props.onConfirm(wanted);
  };
  return (
    <ModalDialog
      role="alertdialog"
      title={t.admin.system.removeTitle}
      onClose={props.onClose}
      actions={
        <>
          <Button onPress={props.onClose}>{t.common.cancel}</Button>
          <Button tone="danger" type="submit" form={FORM} isDisabled={!right}>
            {t.admin.system.remove}
          </Button>
        </>
      }
    >
      <p>{t.admin.system.removeLead}</p>
      <form id={FORM} className="form" onSubmit={submit}>
        <Field
          label={t.admin.install.confirmLabel(wanted)}
          name="confirmation"
          value={word}
          onChange={setWord}
          maxLength={64}
          autoFocus
        />
      </form>
    </ModalDialog>
  );
}
