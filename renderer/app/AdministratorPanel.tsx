import { type FormEvent, useState } from 'react';
import { useI18n } from '../i18n/i18n.tsx';
import { type KioskFailure, toFailure } from '../kiosk.ts';
import { SignInError } from '../screens/sign-in/SignInError.tsx';
import { useStore } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';
import { Field } from '../ui/Field.tsx';
import { ModalDialog } from '../ui/ModalDialog.tsx';
import { SessionNames } from './SessionNames.tsx';

const NOT_ADMIN: KioskFailure = {
  code: 'NOT_ALLOWED',
  message: 'The account is no administrator.',
};
const FORM = 'administrator-sign-in';

/** Signs in as an administrator, in place of whoever is signed in. */
export function AdministratorPanel(props: {
  readonly onClose: () => void;
  readonly onSignedIn: () => void;
}) {
  const { t } = useI18n();
  const store = useStore();
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<KioskFailure | null>(null);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (name === '' || secret === '' || busy) return;
    setBusy(true);
    try {
      await store.signIn(name, secret);
      if (store.getSnapshot().state?.person?.kind === 'admin') props.onSignedIn();
      else setError(NOT_ADMIN);
    } catch (thrown) {
      setError(toFailure(thrown));
    }
    setSecret('');
    setBusy(false);
  };
  return (
    <ModalDialog
      title={t.admin.signInTitle}
      onClose={props.onClose}
      actions={
        <>
          <Button onPress={props.onClose}>{t.common.cancel}</Button>
          <Button tone="primary" type="submit" form={FORM} isPending={busy}>
            {busy ? t.signIn.submitting : t.signIn.submit}
          </Button>
        </>
      }
    >
      <p>{t.admin.signInLead}</p>
      <SessionNames lead={t.admin.signInReplaces} />
      <form id={FORM} className="form" onSubmit={submit}>
        <Field
          label={t.signIn.name}
          name="name"
          value={name}
          onChange={setName}
          maxLength={256}
          autoFocus
        />
        <Field
          label={t.signIn.secret}
          name="secret"
          type="password"
          value={secret}
          onChange={setSecret}
          maxLength={1024}
        />
      </form>
      <SignInError error={error} />
    </ModalDialog>
  );
}
