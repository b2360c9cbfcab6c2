import type { HomeState } from '../../preload/contract/model.ts';
import type { I18n } from '../i18n/i18n.tsx';
import { useI18n } from '../i18n/i18n.tsx';
import { useKioskState } from '../store/hooks.ts';

/** Whether the person's files are safe on the campus; nothing for those who have none. */
export function FilesPill() {
  const i18n = useI18n();
  const { home } = useKioskState();
  if (home === null) return null;
  const { tone, text } = filesText(home, i18n);
  return (
    <span className={`pill ${tone}`} role="status">
      <span aria-hidden="true">●</span> {text}
    </span>
  );
}

function filesText(home: HomeState, { t }: I18n): { tone: 'on' | 'wait' | 'off'; text: string } {
  const f = t.files;
  switch (home.state) {
    case 'opening':
      return { tone: 'wait', text: f.opening };
    case 'syncing':
      return { tone: 'wait', text: f.syncing };
    case 'failed':
      return { tone: 'off', text: f.failed };
    case 'waiting':
      return { tone: 'off', text: home.unsent > 0 ? f.unsent(home.unsent) : f.waiting };
    case 'synced':
      return { tone: 'on', text: home.conflicts > 0 ? f.conflicts(home.conflicts) : f.synced };
  }
}
