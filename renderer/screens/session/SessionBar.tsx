import { useEffect, useRef } from 'react';
import type { Session } from '../../../preload/contract/model.ts';
import type { I18n } from '../../i18n/i18n.tsx';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKiosk, useKioskState, useStore } from '../../store/hooks.ts';
import { isActive, isEnding, isStarting } from '../../store/sessions.ts';
import { Button } from '../../ui/Button.tsx';

/** Where one is, how to come back, and what else runs. */
export function SessionBar(props: {
  readonly session: Session;
  readonly onStop: () => void;
  /** Ctrl+Alt+Del for the machine: the keys themselves never reach it. */
  readonly onAttention: () => void;
  /** What the session runs without. */
  readonly onNotices: () => void;
}) {
  const { session, onStop } = props;
  const i18n = useI18n();
  const { t, format } = i18n;
  const store = useStore();
  const { returnChord } = useKioskState();
  const sessions = useKiosk((snapshot) => snapshot.sessions);
  const others = sessions.filter(({ id }) => id !== session.id);
  const bar = useRef<HTMLElement>(null);

  // The screen behind is inert now: the focus must not stay there. The picture takes it later.
  useEffect(() => {
    bar.current?.querySelector('button')?.focus();
  }, []);

  const cancel = isStarting(session);
  return (
    <nav ref={bar} className="session-bar" aria-label={t.session.bar}>
      <Button onPress={store.hide}>
        <span className="arrow" aria-hidden="true">
          ←
        </span>{' '}
        {t.session.backToTiles}
      </Button>
      <h1>{sessionName(session, i18n)}</h1>
      <kbd className="chord">{t.session.chord(returnChord)}</kbd>
      {others.length === 0 ? (
        <span className="grow" />
      ) : (
        <ul className="switcher" aria-label={t.session.switchTo}>
          {others.map((other) => (
            <li key={other.id}>
              <Button
                className="switch"
                data-session={other.id}
                onPress={() => store.show(other.id)}
              >
                {other.groupId === session.groupId && other.machine !== null ? (
                  other.machine
                ) : (
                  <>
                    <span className="switch-title">{format.text(other.title)}</span>
                    {other.machine !== null && (
                      <span className="switch-machine">{` · ${other.machine}`}</span>
                    )}
                  </>
                )}
              </Button>
            </li>
          ))}
        </ul>
      )}
      {session.state === 'running' && session.notices.length > 0 && (
        <Button aria-label={t.session.notices} onPress={props.onNotices}>
          <span aria-hidden="true">⚠</span> {format.number(session.notices.length)}
        </Button>
      )}
      {session.surface === 'frame' && session.state === 'running' && (
        <Button onPress={props.onAttention}>Ctrl+Alt+Del</Button>
      )}
      {isActive(session) && (
        <Button
          isDisabled={isEnding(session)}
          onPress={() => (cancel ? store.stop([session]) : onStop())}
        >
          {cancel ? t.common.cancel : t.session.stop}
        </Button>
      )}
    </nav>
  );
}

/** The title, and which machine of several. */
export function sessionName({ title, machine }: Session, { format }: I18n): string {
  return machine === null ? format.text(title) : `${format.text(title)} · ${machine}`;
}
