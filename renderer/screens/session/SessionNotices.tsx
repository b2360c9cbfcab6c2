import type { Session } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';

/** What was asked for and is missing. */
export function SessionNotices({ session }: { readonly session: Session }) {
  const { t, errorText } = useI18n();
  if (session.notices.length === 0) return null;
  return (
    <>
      <h3>{t.session.notices}</h3>
      <ul className="names">
        {session.notices.map((notice) => (
          <li key={`${notice.code} ${notice.message}`}>{errorText(notice).what}</li>
        ))}
      </ul>
    </>
  );
}
