import { type RefObject, useCallback, useEffect, useRef, useState } from 'react';
import { type PageMessage, parseFrameMessage } from '../../display/protocol.ts';
import { type KioskFailure, toFailure } from '../../kiosk.ts';
import { useStore } from '../../store/hooks.ts';

/** A picture that breaks this often in a row without coming back is given up. */
const MAX_RECONNECTS = 10;
/** Before main is asked again when it has no address: the campus may be away too. */
const PAUSE_MS = 2_000;

/** Failures of the network that pass by themselves. */
const MENDABLE: ReadonlySet<KioskFailure['code']> = new Set([
  'CAMPUS_UNREACHABLE',
  'CAMPUS_TIMEOUT',
  'CAMPUS_HTTP_ERROR',
  'CAMPUS_TOO_SLOW',
  'REMOTE_REFUSED',
  'REMOTE_LOST',
  'REMOTE_TICKET_EXPIRED',
  'TIMEOUT',
]);

export interface DisplayOptions {
  readonly sessionId: string;
  readonly frame: RefObject<HTMLIFrameElement | null>;
  /** Text was copied in the guest. */
  readonly onClipboard: (text: string) => void;
}

export interface Display {
  /** What the frame loads; null until main has given an address. */
  readonly url: string | null;
  readonly connected: boolean;
  /** Why there is no picture, once nothing is tried any more. */
  readonly error: KioskFailure | null;
  readonly send: (message: PageMessage) => void;
  /** Begins anew, with a new frame. */
  readonly retry: () => void;
}

/**
 * The page's side of a display frame (`renderer/display/protocol.ts`): asks for addresses, which
 * hold a one-time token each, and gives a fresh one to a frame that lost its connection.
 */
export function useDisplay({ sessionId, frame, onClipboard }: DisplayOptions): Display {
  const store = useStore();
  const [attempt, setAttempt] = useState(0);
  const [url, setUrl] = useState<string | null>(null);
  const [connected, setConnected] = useState(false);
  const [error, setError] = useState<KioskFailure | null>(null);
  const lost = useRef(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt asks for a new address
  useEffect(() => {
    let current = true;
    setUrl(null);
    setError(null);
    setConnected(false);
    lost.current = 0;
    store.api.sessions.display({ id: sessionId }).then(
      ({ frameUrl }) => current && setUrl(frameUrl),
      (thrown: unknown) => current && setError(toFailure(thrown)),
    );
    return () => {
      current = false;
    };
  }, [store, sessionId, attempt]);

  const send = useCallback(
    (message: PageMessage) => {
      if (url !== null) frame.current?.contentWindow?.postMessage(message, new URL(url).origin);
    },
    [url, frame],
  );

  useEffect(() => {
    if (url === null) return;
    const { origin } = new URL(url);
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reconnect = async (code: KioskFailure['code']) => {
      setConnected(false);
      if (++lost.current > MAX_RECONNECTS) {
        setError({ code, message: 'The picture was lost again and again.' });
        return;
      }
      try {
        const fresh = await store.api.sessions.display({ id: sessionId });
        if (current) send({ type: 'connect', url: fresh.frameUrl });
      } catch (thrown) {
        const failure = toFailure(thrown);
        if (!current) return;
        if (!MENDABLE.has(failure.code)) setError(failure);
        else timer = setTimeout(() => void reconnect(failure.code), PAUSE_MS);
      }
    };
    const listen = (event: MessageEvent<unknown>) => {
      // Any frame may post: only this one's window, on the origin it was sent to, is believed.
      if (event.source !== frame.current?.contentWindow || event.origin !== origin) return;
      const message = parseFrameMessage(event.data);
      switch (message?.type) {
        case 'ready':
          lost.current = 0;
          setConnected(true);
          break;
        case 'lost':
          void reconnect(message.code);
          break;
        case 'ended':
          setError({
            code: message.code ?? 'DISPLAY_UNAVAILABLE',
            message: 'The display frame ended.',
          });
          break;
        case 'chord':
          store.hide();
          break;
        case 'clipboard':
          onClipboard(message.text);
          break;
      }
    };
    window.addEventListener('message', listen);
    return () => {
      current = false;
      clearTimeout(timer);
      window.removeEventListener('message', listen);
    };
  }, [url, frame, send, sessionId, store, onClipboard]);

  const retry = useCallback(() => setAttempt((before) => before + 1), []);
  return { url, connected, error, send, retry };
}
