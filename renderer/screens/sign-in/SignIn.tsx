import { type FormEvent, useRef, useState } from 'react';
import { useI18n } from '../../i18n/i18n.tsx';
import { detail, type KioskFailure, toFailure } from '../../kiosk.ts';
import { useKioskState, useNow, useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { NameField, SecretField } from './fields.tsx';
import { SignInError } from './SignInError.tsx';
import { Warnings } from './Warnings.tsx';
import './sign-in.css';

const SECOND = 1000;

/** Name and password, or on as a guest; offline it says who can still come in. */
export function SignIn() {
  const { t } = useI18n();
  const store = useStore();
  const { signIn, campus, warnings } = useKioskState();
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [busy, setBusy] = useState<'member' | 'guest' | null>(null);
  const [error, setError] = useState<KioskFailure | null>(null);
  const [missing, setMissing] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const locked = useLocked(error);
  const offline = campus.link !== 'online' && campus.error !== null;

  const enter = async (how: 'member' | 'guest', go: () => Promise<void>) => {
    setBusy(how);
    setError(null);
    try {
      await go();
    } catch (thrown) {
      setError(toFailure(thrown));
      setSecret('');
      // The one field to fill in again.
      form.current?.querySelector<HTMLInputElement>('input[name="secret"]')?.focus();
      setBusy(null);
    }
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy !== null || locked) return;
    setMissing(name === '' || secret === '');
    if (name === '' || secret === '') return;
    void enter('member', () => store.signIn(name, secret));
  };

  return (
    <main className="sign-in">
      <section className="card" aria-labelledby="sign-in-title">
        <h1 id="sign-in-title">{t.signIn.title}</h1>
        {signIn.members && <p className="lead">{t.signIn.lead}</p>}
        {!signIn.members && !signIn.guests && <p className="lead">{t.signIn.closed}</p>}
        {offline && signIn.members && (
          <p className="note">{signIn.guests ? t.signIn.offline : t.signIn.offlineNoGuests}</p>
        )}
        {signIn.members && (
          <form ref={form} className="form" onSubmit={submit}>
            <NameField value={name} onChange={setName} autoFocus />
            <SecretField value={secret} onChange={setSecret} />
            <SignInError error={error} missing={missing} />
            <Button tone="primary" type="submit" isDisabled={locked} isPending={busy === 'member'}>
              {busy === 'member' ? t.signIn.submitting : t.signIn.submit}
            </Button>
          </form>
        )}
        {!signIn.members && <SignInError error={error} />}
        {signIn.guests && (
          <>
            {signIn.members && <p className="or">{t.signIn.or}</p>}
            <Button
              tone={signIn.members ? 'plain' : 'primary'}
              isPending={busy === 'guest'}
              onPress={() => enter('guest', () => store.continueAsGuest())}
            >
              {t.signIn.guest}
            </Button>
            <p className="hint">{t.signIn.guestHint}</p>
          </>
        )}
      </section>
      <Warnings warnings={warnings} />
    </main>
  );
}

/** True until the time that a lock names is over. */
function useLocked(error: KioskFailure | null): boolean {
  const now = useNow(SECOND);
  const until = error === null ? undefined : detail(error, 'until');
  return until !== undefined && now < until;
}
