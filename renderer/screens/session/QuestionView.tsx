import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { Session, SessionQuestion } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { detail } from '../../kiosk.ts';
import { useKioskState, useNow, useStore, useSubmission } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Field } from '../../ui/Field.tsx';
import { NameField, SecretField } from '../sign-in/fields.tsx';
import { SignInError } from '../sign-in/SignInError.tsx';
import { sessionName } from './SessionBar.tsx';

type Question<T extends SessionQuestion['type']> = Extract<SessionQuestion, { type: T }>;

/** What a session waits for: a name and a password, or an administrator's word. */
export function QuestionView({
  session,
  question,
}: {
  readonly session: Session;
  readonly question: SessionQuestion;
}) {
  return (
    <div className="session-message">
      {question.type === 'credentials' ? (
        <Credentials session={session} question={question} />
      ) : (
        <Certificate session={session} question={question} />
      )}
    </div>
  );
}

function Credentials({
  session,
  question,
}: {
  readonly session: Session;
  readonly question: Question<'credentials'>;
}) {
  const i18n = useI18n();
  const { t, format, errorText } = i18n;
  const store = useStore();
  const [user, setUser] = useState(question.user ?? '');
  const [domain, setDomain] = useState(question.domain ?? '');
  const [secret, setSecret] = useState('');
  const [missing, setMissing] = useState(false);
  const { busy, failure, run } = useSubmission();
  const error = failure ?? question.error;
  const until = error === null ? undefined : detail(error, 'until');
  const attempts = error === null ? undefined : detail(error, 'attemptsLeft');
  const locked = useNow(SECOND) < (until ?? 0);
  const form = useFocus(question.user === '' ? 'user' : 'secret');

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy || locked) return;
    const incomplete = secret === '' || (question.user !== null && user.trim() === '');
    setMissing(incomplete);
    if (incomplete) return;
    setSecret('');
    run(() => store.answer(session.id, { type: 'credentials', user, domain, secret }));
  };
  return (
    <form ref={form} className="panel question form" onSubmit={submit}>
      <h2>{t.session.question.title(sessionName(session, i18n))}</h2>
      <p>{t.session.question.lead(question.server)}</p>
      {question.user !== null && <NameField name="user" value={user} onChange={setUser} />}
      {question.domain !== null && (
        <Field
          label={t.session.question.domain}
          name="domain"
          value={domain}
          onChange={setDomain}
          maxLength={256}
        />
      )}
      <SecretField value={secret} onChange={setSecret} />
      <div role="alert" className={error === null && !missing ? 'quiet' : 'problem'}>
        {missing && <strong>{t.session.question.required}</strong>}
        {!missing && error !== null && (
          <>
            <strong>{errorText(error).what}</strong>
            {(until !== undefined || attempts !== undefined) && (
              <p>
                {until === undefined
                  ? t.signIn.attempts(attempts ?? 0)
                  : t.signIn.lockedUntil(format.clock(until))}
              </p>
            )}
          </>
        )}
      </div>
      <div className="panel-actions">
        <Button tone="primary" type="submit" isDisabled={locked} isPending={busy}>
          {t.session.question.connect}
        </Button>
        <Button onPress={() => store.stop([session])}>{t.common.cancel}</Button>
      </div>
    </form>
  );
}

function Certificate({
  session,
  question,
}: {
  readonly session: Session;
  readonly question: Question<'certificate'>;
}) {
  const i18n = useI18n();
  const { t } = i18n;
  const store = useStore();
  const { person } = useKioskState();
  const signedIn = person?.kind === 'admin';
  const [name, setName] = useState('');
  const [secret, setSecret] = useState('');
  const [missing, setMissing] = useState(false);
  const { busy, failure, run } = useSubmission();
  const form = useFocus('administrator');

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    const incomplete = !signedIn && (name.trim() === '' || secret === '');
    setMissing(incomplete);
    if (incomplete) return;
    setSecret('');
    const administrator = signedIn ? null : { name, secret };
    run(() => store.answer(session.id, { type: 'certificate', administrator }));
  };
  return (
    <form ref={form} className="panel question form" onSubmit={submit}>
      <h2>{t.session.question.certificateTitle(sessionName(session, i18n))}</h2>
      <p>{t.session.question.certificateLead(question.server)}</p>
      <h3>{t.session.question.fingerprint}</h3>
      <output className="fingerprint" dir="ltr">
        {question.fingerprint.match(/.{4}/g)?.join(' ')}
      </output>
      {!signedIn && (
        <>
          <p>{t.session.question.administrator}</p>
          <NameField name="administrator" value={name} onChange={setName} />
          <SecretField value={secret} onChange={setSecret} />
        </>
      )}
      <SignInError error={failure} missing={missing} />
      <div className="panel-actions">
        <Button tone="primary" type="submit" isPending={busy}>
          {t.session.question.trust}
        </Button>
        <Button onPress={() => store.stop([session])}>{t.common.cancel}</Button>
      </div>
    </form>
  );
}

const SECOND = 1000;

/** The first field that somebody has to fill in, else the first button. */
function useFocus(name: string) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const field = form.current?.querySelector<HTMLElement>(`input[name="${name}"]`);
    (field ?? form.current?.querySelector('button'))?.focus();
  }, [name]);
  return form;
}
