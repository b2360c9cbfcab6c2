import type { Messages } from '../i18n/en/messages.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { useKioskState, useNow } from '../store/hooks.ts';
import { FilesPill } from './FilesPill.tsx';
import { LanguageMenu } from './LanguageMenu.tsx';
import { LinkPill } from './LinkPill.tsx';

const MINUTE = 60_000;

/** Where this computer is, how its link does, the language and the time. */
export function Header() {
  const { t, format } = useI18n();
  const { campus, kiosk } = useKioskState();
  const now = useNow(MINUTE);
  const place = placeOf(t, kiosk.room, kiosk.seat);
  return (
    <header className="header">
      <b>{campus.name === null ? kiosk.name : format.text(campus.name)}</b>
      {place !== null && <span className="room">{place}</span>}
      <span className="grow" />
      <FilesPill />
      <LinkPill />
      <LanguageMenu />
      <time className="clock" dateTime={new Date(now).toISOString()}>
        {format.clock(now)}
      </time>
    </header>
  );
}

function placeOf(t: Messages, room: string | null, seat: string | null): string | null {
  if (room !== null) return seat !== null ? t.header.place(room, seat) : t.header.room(room);
  return seat !== null ? t.header.seat(seat) : null;
}
