import { type RefObject, useEffect, useRef, useState } from 'react';
import type { Session } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKiosk, useStore } from '../../store/hooks.ts';
import { isActive } from '../../store/sessions.ts';
import { FailedView } from './FailedView.tsx';
import { NoticesDialog } from './NoticesDialog.tsx';
import { PendingView } from './PendingView.tsx';
import { QuestionView } from './QuestionView.tsx';
import { SessionBar } from './SessionBar.tsx';
import { type FrameHub, SessionFrame } from './SessionFrame.tsx';
import { StopDialog } from './StopDialog.tsx';
import { WindowView } from './WindowView.tsx';
import './session.css';

/**
 * The session that has the screen, under its bar. The frames of all running sessions stay in the
 * page, so that going from one to another shows its picture at once.
 */
export function SessionLayer({ shown }: { readonly shown: Session | undefined }) {
  const { t, format } = useI18n();
  const sessions = useKiosk((snapshot) => snapshot.sessions);
  const [stopping, setStopping] = useState<string | null>(null);
  const hub = useRef<FrameHub>({ senders: new Map(), clipboard: '' });
  const idle = sessions.length === 0;
  // What one person copied is not for the next one.
  useEffect(() => {
    if (idle) hub.current.clipboard = '';
  }, [idle]);
  const [noticesOpen, setNoticesOpen] = useState(false);
  const area = useRef<HTMLDivElement>(null);
  useBarHeight(area, shown !== undefined);
  const asked = sessions.find(({ id }) => id === stopping);
  return (
    <section
      className="session-layer"
      aria-label={shown === undefined ? t.session.bar : t.session.region(format.text(shown.title))}
      inert={shown === undefined}
      data-open={shown !== undefined}
    >
      {shown !== undefined && (
        <SessionBar
          session={shown}
          onStop={() => setStopping(shown.id)}
          onNotices={() => setNoticesOpen(true)}
          onAttention={() => hub.current.senders.get(shown.id)?.({ type: 'ctrl-alt-delete' })}
        />
      )}
      <div className="session-area" ref={area}>
        {sessions
          .filter(({ surface, state }) => surface === 'frame' && state === 'running')
          .map((session) => (
            <SessionFrame key={session.id} session={session} hub={hub} />
          ))}
        {shown !== undefined && <Overlay session={shown} />}
      </div>
      {noticesOpen && shown !== undefined && (
        <NoticesDialog session={shown} onClose={() => setNoticesOpen(false)} />
      )}
      {asked !== undefined && <StopDialog session={asked} onClose={() => setStopping(null)} />}
    </section>
  );
}

/** Windows of other programs leave the bar free: main places them, and has to know its height. */
function useBarHeight(area: RefObject<HTMLDivElement | null>, wanted: boolean): void {
  const store = useStore();
  useEffect(() => {
    const element = area.current;
    if (!wanted || element === null) return;
    const tell = () => {
      const { top } = element.getBoundingClientRect();
      store.sessionBar(Math.round(top * devicePixelRatio));
    };
    const observer = new ResizeObserver(tell);
    observer.observe(element);
    return () => observer.disconnect();
  }, [area, wanted, store]);
}

/** What is shown in place of the picture. */
function Overlay({ session }: { readonly session: Session }) {
  const { question } = session;
  if (question !== null && isActive(session)) {
    return <QuestionView session={session} question={question} />;
  }
  switch (session.state) {
    case 'failed':
      return <FailedView session={session} />;
    case 'running':
      return session.surface === 'frame' ? null : <WindowView session={session} />;
    case 'stopped':
      return null;
    default:
      return <PendingView session={session} />;
  }
}
