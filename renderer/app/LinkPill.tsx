import type { KioskState } from '../../preload/contract/model.ts';
import type { I18n } from '../i18n/i18n.tsx';
import { useI18n } from '../i18n/i18n.tsx';
import { useKioskState, useNow } from '../store/hooks.ts';

const MINUTE = 60_000;

/** Whether the campus is there, and how old what is shown is when it is not. */
export function LinkPill() {
  const i18n = useI18n();
  const { campus } = useKioskState();
  const now = useNow(MINUTE);
  const { tone, text } = linkText(campus, i18n, now);
  return (
    <span className={`pill ${tone}`} role="status">
      <span aria-hidden="true">●</span> {text}
    </span>
  );
}

function linkText(
  campus: KioskState['campus'],
  { t, format }: I18n,
  now: number,
): { tone: 'on' | 'wait' | 'off'; text: string } {
  if (campus.link === 'online') return { tone: 'on', text: t.header.online };
  // A new attempt after a failure is still offline for a person: the pill must not flicker.
  if (campus.link === 'connecting' && campus.error === null)
    return { tone: 'wait', text: t.header.connecting };
  return {
    tone: 'off',
    text:
      campus.dataAsOf === null
        ? t.header.offlineNever
        : t.header.offline(format.moment(campus.dataAsOf, now)),
  };
}
