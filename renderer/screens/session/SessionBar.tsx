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
}) {
  const { session, onStop } = props;
  const i18n = useI18n();
  const { t } = i18n;
  const store = useStore();
  const { returnChord } = useKioskState();
  const others = useKiosk((snapshot) => snapshot.sessions);
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
      <span className="grow" />
      {others.length > 1 && (
        <ul className="switcher" aria-label={t.session.switchTo}>
          {others.map((other) => (
            <li key={other.id}>
              <Button
                className="switch"
                aria-current={other.id === session.id ? 'true' : 'false'}
                onPress={() => store.show(other.id)}
              >
                {sessionName(other, i18n)}
              </Button>
            </li>
          ))}
        </ul>
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
