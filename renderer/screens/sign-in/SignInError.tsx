import { useI18n } from '../../i18n/i18n.tsx';
import { detail, type KioskFailure } from '../../kiosk.ts';

/** Why signing in failed. The region is always there, so that screen readers hear the change. */
export function SignInError(props: {
  readonly error: KioskFailure | null;
  /** A field was left empty. */
  readonly missing?: boolean;
}) {
  const { error, missing = false } = props;
  const { t, format, errorText } = useI18n();
  const until = error === null ? undefined : detail(error, 'until');
  const attempts = error === null ? undefined : detail(error, 'attemptsLeft');
  return (
    <div role="alert" className={error === null && !missing ? 'quiet' : 'problem'}>
      {missing && <strong>{t.signIn.required}</strong>}
      {!missing && error !== null && (
        <>
          <strong>{errorText(error).what}</strong>
          <p>
            {until === undefined
              ? errorText(error).next
              : t.signIn.lockedUntil(format.clock(until))}
            {attempts !== undefined && ` ${t.signIn.attempts(attempts)}`}
          </p>
        </>
      )}
    </div>
  );
}
