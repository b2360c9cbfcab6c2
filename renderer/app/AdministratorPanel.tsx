import { type FormEvent, useState } from 'react';
import { useI18n } from '../i18n/i18n.tsx';
import type { KioskFailure } from '../kiosk.ts';
import { NameField, SecretField } from '../screens/sign-in/fields.tsx';
import { SignInError } from '../screens/sign-in/SignInError.tsx';
import { useStore, useSubmission } from '../store/hooks.ts';
import { Button } from '../ui/Button.tsx';
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
  const { busy, failure, run } = useSubmission();

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name === '' || secret === '' || busy) return;
    run(async () => {
      try {
        await store.signIn(name, secret);
        if (store.getSnapshot().state?.person?.kind !== 'admin') throw NOT_ADMIN;
        props.onSignedIn();
      } finally {
        setSecret('');
      }
    });
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
        <NameField value={name} onChange={setName} autoFocus />
        <SecretField value={secret} onChange={setSecret} />
      </form>
      <SignInError error={failure} />
    </ModalDialog>
  );
}
