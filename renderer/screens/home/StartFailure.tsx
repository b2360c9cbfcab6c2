import { useI18n } from '../../i18n/i18n.tsx';
import type { KioskFailure } from '../../kiosk.ts';
import { Button } from '../../ui/Button.tsx';
import { Failure } from '../../ui/Failure.tsx';
import { ModalDialog } from '../../ui/ModalDialog.tsx';

/** @param props.error null: the entry is still arriving */
export function StartFailure(props: {
  readonly title: string;
  readonly error: KioskFailure | null;
  readonly onClose: () => void;
  readonly onRetry: (() => void) | undefined;
}) {
  const { t } = useI18n();
  return (
    <ModalDialog
      title={t.tile.notYet(props.title)}
      onClose={props.onClose}
      actions={
        <>
          <Button onPress={props.onClose} autoFocus>
            {t.common.close}
          </Button>
          {props.onRetry !== undefined && (
            <Button tone="primary" onPress={props.onRetry}>
              {t.common.retry}
            </Button>
          )}
        </>
      }
    >
      {props.error === null ? <p>{t.tile.notYetNext}</p> : <Failure error={props.error} />}
    </ModalDialog>
  );
}
