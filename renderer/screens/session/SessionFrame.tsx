import { type RefObject, useEffect, useRef, useState } from 'react';
import type { Session } from '../../../preload/contract/model.ts';
import type { PageMessage } from '../../display/protocol.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { Button } from '../../ui/Button.tsx';
import { Failure } from '../../ui/Failure.tsx';
import { sessionName } from './SessionBar.tsx';
import { useDisplay } from './useDisplay.ts';

/** What the frames of one person's sessions share. */
export interface FrameHub {
  /** How to reach each frame, by session. */
  readonly senders: Map<string, (message: PageMessage) => void>;
  /** The text that was copied last in any of them. */
  clipboard: string;
}

/** The picture of one session, in a frame of the display's own origin. */
export function SessionFrame(props: {
  readonly session: Session;
  readonly hub: RefObject<FrameHub>;
}) {
  const { session, hub } = props;
  const { id, shown } = session;
  const i18n = useI18n();
  const { t } = i18n;
  const frame = useRef<HTMLIFrameElement>(null);
  const { url, connected, error, send, retry } = useDisplay({
    sessionId: id,
    frame,
    onClipboard: useRef((text: string) => {
      hub.current.clipboard = text;
    }).current,
  });
  // A picture that was there lies greyed behind the words.
  const [seen, setSeen] = useState(false);
  useEffect(() => {
    if (connected) setSeen(true);
  }, [connected]);
  const name = sessionName(session, i18n);

  useEffect(() => {
    const { senders } = hub.current;
    senders.set(id, send);
    return () => {
      senders.delete(id);
    };
  }, [hub, id, send]);

  useEffect(() => {
    if (connected) send({ type: 'label', text: name });
  }, [connected, name, send]);

  // Keys belong to the machine as soon as its picture has the screen.
  useEffect(() => {
    if (!shown || !connected || error !== null) return;
    frame.current?.focus();
    send({ type: 'focus' });
    if (hub.current.clipboard !== '') send({ type: 'clipboard', text: hub.current.clipboard });
  }, [shown, connected, error, send, hub]);

  return (
    <div className="session-frame" data-shown={shown} inert={!shown}>
      {url !== null && error === null && (
        // biome-ignore lint/a11y/useIframeTitle: a title is a tooltip over the machine's picture; the label names it to screen readers all the same
        <iframe
          ref={frame}
          aria-label={name}
          src={url}
          // Scripts, on the display's own origin: no forms, no popups, no way out of the frame.
          sandbox="allow-scripts allow-same-origin"
          allow="autoplay"
          referrerPolicy="no-referrer"
        />
      )}
      {shown && error === null && !connected && (
        <p className="frame-wait" role="status">
          <span>{seen ? t.session.reconnecting : t.session.connectingPicture}</span>
        </p>
      )}
      {error !== null && (
        <div className="session-message">
          <div className="panel" role={shown ? 'alert' : undefined}>
            <h2>{t.session.lostPicture}</h2>
            <Failure error={error} />
            <div className="panel-actions">
              <Button tone="primary" onPress={retry}>
                {t.common.retry}
              </Button>
            </div>
          </div>
        </div>
      )}
    </div>
  );
}
