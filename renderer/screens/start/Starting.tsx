import { useKiosk } from '../../store/hooks.ts';
import { Splash } from './Splash.tsx';
import { startupMessages } from './startup.ts';

/** Until main has answered for the first time. */
export function Starting() {
  const error = useKiosk((snapshot) => snapshot.startError);
  const t = startupMessages();
  return error === null ? (
    <Splash title={t.starting} />
  ) : (
    <Splash title={t.waiting} next={t.waitingNext} code={error.code} />
  );
}
