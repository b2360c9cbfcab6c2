import { useI18n } from '../i18n/i18n.tsx';
import { detail, type KioskFailure } from '../kiosk.ts';

/** What happened and what to do next, in the person's language, with the code for the support. */
export function Failure({ error }: { readonly error: KioskFailure }) {
  const { t, format, errorText } = useI18n();
  const text = errorText(error);
  const needed = bytesIn(error, 'needed', 'neededMib');
  const available = bytesIn(error, 'available', 'freeMib');
  const amounts =
    needed === undefined || available === undefined
      ? null
      : ([format.bytes(needed), format.bytes(available)] as const);
  return (
    <div className="failure">
      <p className="what">{text.what}</p>
      {amounts !== null && error.code === 'NOT_ENOUGH_MEMORY' && (
        <p>{t.failure.memory(...amounts)}</p>
      )}
      {amounts !== null && error.code === 'NOT_ENOUGH_DISK' && <p>{t.failure.disk(...amounts)}</p>}
      <p>{text.next}</p>
      <p className="code">{t.common.code(error.code)}</p>
    </div>
  );
}

/** The same where something was asked for and refused: said aloud. Nothing where nothing failed. */
export function Problem({ error }: { readonly error: KioskFailure | null }) {
  if (error === null) return null;
  return (
    <div className="problem" role="alert">
      <Failure error={error} />
    </div>
  );
}

const MIB = 1024 * 1024;

/** An amount among the details: some parts of the kiosk count in bytes, machines in MiB. */
function bytesIn(error: KioskFailure, bytes: string, mebibytes: string): number | undefined {
  const amount = detail(error, mebibytes);
  return detail(error, bytes) ?? (amount === undefined ? undefined : amount * MIB);
}
