import type { Session } from '../../../preload/contract/model.ts';
import type { Messages } from '../../i18n/en/messages.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKioskState, useStore } from '../../store/hooks.ts';
import { isEnding, isStarting } from '../../store/sessions.ts';
import { Button } from '../../ui/Button.tsx';
import { Progress } from '../../ui/Progress.tsx';
import { SessionNotices } from './SessionNotices.tsx';

/** On its way up or down. */
export function PendingView({ session }: { readonly session: Session }) {
  const { t, format } = useI18n();
  const store = useStore();
  const { returnChord } = useKioskState();
  const heading = headingOf(session, t);
  const ending = isEnding(session);
  return (
    <div className="session-message">
      <div className="panel" role="status">
        <h2>{heading}</h2>
        <Progress
          value={session.state === 'preparing' ? session.progress : null}
          label={`${heading}: ${format.text(session.title)}`}
        />
        <p>{ending ? t.session.stoppingNext : t.session.preparingNext}</p>
        {!ending && <p>{t.session.chordHint(returnChord)}</p>}
        <SessionNotices session={session} />
        <div className="panel-actions">
          {isStarting(session) && (
            <Button onPress={() => store.stop([session])}>{t.common.cancel}</Button>
          )}
          {session.state === 'stopping' && (
            <Button tone="danger" onPress={() => store.stop([session], true)}>
              {t.session.endNow}
            </Button>
          )}
        </div>
      </div>
    </div>
  );
}

function headingOf(session: Session, t: Messages): string {
  if (isEnding(session)) return t.session.stopping;
  if (session.state === 'preparing') return t.session.preparing;
  return session.kind === 'vm' ? t.session.launching : t.session.launchingRemote;
}
