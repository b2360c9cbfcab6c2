import type { Session } from '../../preload/contract/model.ts';
import { useI18n } from '../i18n/i18n.tsx';
import { useKiosk } from '../store/hooks.ts';
import { groupSessions, isActive } from '../store/sessions.ts';

/** The sessions that would end or stop, under a sentence that says so; nothing without any. */
export function SessionNames({ lead }: { readonly lead: string }) {
  const { format } = useI18n();
  const sessions = useKiosk((snapshot) => snapshot.sessions);
  const groups = groupSessions(sessions.filter(isActive));
  if (groups.length === 0) return null;
  return (
    <>
      <p>{lead}</p>
      <ul className="names">
        {groups.map(([first]) => (
          <li key={first.id}>{format.text(first.title)}</li>
        ))}
      </ul>
    </>
  );
}

/** How many names that makes: machines of one group are one session to a person. */
export function countActive(sessions: readonly Session[]): number {
  return groupSessions(sessions.filter(isActive)).length;
}
