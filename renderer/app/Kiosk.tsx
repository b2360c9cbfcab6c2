import { lazy, Suspense, useCallback, useEffect, useRef, useState } from 'react';
import { Home } from '../screens/home/Home.tsx';
import { SessionLayer } from '../screens/session/SessionLayer.tsx';
import { SignIn } from '../screens/sign-in/SignIn.tsx';
import { useKiosk, useKioskState } from '../store/hooks.ts';
import { AwayDialog } from './AwayDialog.tsx';
import { Footer } from './Footer.tsx';
import { Header } from './Header.tsx';
import type { Panel } from './panels.ts';
import { Toasts } from './Toasts.tsx';

const Panels = lazy(() => import('./Panels.tsx'));
const AdminArea = lazy(() => import('../screens/admin/AdminArea.tsx'));

/** Everything below the first state: which screen is up, and what lies over it. */
export function Kiosk() {
  const { person } = useKioskState();
  const shown = useKiosk((snapshot) => snapshot.sessions.find((session) => session.shown));
  const [panel, setPanel] = useState<Panel | null>(null);
  const [adminOpen, setAdminOpen] = useState(false);
  const left = useRef<HTMLElement | null>(null);
  const covered = shown !== undefined;
  const close = useCallback(() => setPanel(null), []);
  const admin = adminOpen && person?.kind === 'admin';
  const personId = person?.id;

  // Back from a session, the focus is where one left: what is inert has lost it.
  useEffect(() => {
    if (!covered && left.current?.isConnected) left.current.focus();
  }, [covered]);

  // The area belongs to the administrator who opened it, not to whoever signs in next.
  useEffect(() => {
    if (personId === undefined) setAdminOpen(false);
  }, [personId]);

  // A short press of the computer's power button asks; logind leaves it to us. The key is handled
  // in the page's first moment, before anything that has the focus.
  useEffect(() => {
    const asked = (event: KeyboardEvent) => {
      if (event.code !== 'Power' && event.key !== 'PowerOff') return;
      event.preventDefault();
      setPanel('shutdown');
    };
    window.addEventListener('keydown', asked, true);
    return () => window.removeEventListener('keydown', asked, true);
  }, []);

  const openPanel = (next: Panel) => {
    if (next === 'administrator' && person?.kind === 'admin') setAdminOpen(true);
    else setPanel(next);
  };
  const opened = () => {
    setPanel(null);
    setAdminOpen(true);
  };

  return (
    <>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: it only remembers where the focus was */}
      <div
        className="screen"
        inert={covered}
        onFocus={(event) => {
          left.current = event.target;
        }}
      >
        <Header />
        {admin ? (
          <Suspense fallback={<main />}>
            <AdminArea onClose={() => setAdminOpen(false)} />
          </Suspense>
        ) : (
          <>
            {person === null ? <SignIn /> : <Home key={person.id} />}
            <Footer onPanel={openPanel} />
          </>
        )}
      </div>
      <SessionLayer shown={shown} />
      <AwayDialog />
      <Toasts />
      {panel !== null && (
        <Suspense fallback={null}>
          <Panels panel={panel} onClose={close} onAdministrator={opened} />
        </Suspense>
      )}
    </>
  );
}
