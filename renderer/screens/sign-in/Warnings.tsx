import { useI18n } from '../../i18n/i18n.tsx';
import type { KioskFailure } from '../../kiosk.ts';

/** What this computer lacks, said before anyone has invested time in it. */
export function Warnings({ warnings }: { readonly warnings: readonly KioskFailure[] }) {
  const { t, errorText } = useI18n();
  if (warnings.length === 0) return null;
  return (
    <aside className="warnings" aria-labelledby="warnings-title">
      <h2 id="warnings-title">{t.signIn.warnings}</h2>
      <ul>
        {warnings.map((warning) => (
          <li key={`${warning.code} ${warning.message}`}>
            {errorText(warning).what} {errorText(warning).next}
          </li>
        ))}
      </ul>
    </aside>
  );
}
