import { Splash } from './Splash.tsx';
import { STARTUP } from './startup.ts';

/** The page was opened by a browser that is no kiosk. */
export function Outside() {
  return <Splash title={STARTUP.en.outside} next={STARTUP.en.outsideNext} />;
}
