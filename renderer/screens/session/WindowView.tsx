import type { Session } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKioskState, useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { SessionNotices } from './SessionNotices.tsx';

/** Behind a session that lies over the page (a web view) or has a window of its own. */
export function WindowView({ session }: { readonly session: Session }) {
  const { t } = useI18n();
  const store = useStore();
  const { returnChord } = useKioskState();
  return (
    <div className="session-message">
      <div className="panel">
        <h2>{t.session.elsewhere}</h2>
        <p>{t.session.elsewhereNext}</p>
        <p>{t.session.chordHint(returnChord)}</p>
        <SessionNotices session={session} />
        <div className="panel-actions">
          <Button tone="primary" onPress={() => store.show(session.id)}>
            {t.session.bringToFront}
          </Button>
        </div>
      </div>
    </div>
  );
}
