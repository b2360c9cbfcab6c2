import type { Session } from '../../../preload/contract/model.ts';
import type { Messages } from '../../i18n/en/messages.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKiosk, useStore } from '../../store/hooks.ts';
import { isActive } from '../../store/sessions.ts';
import { Button } from '../../ui/Button.tsx';
import { ModalDialog } from '../../ui/ModalDialog.tsx';

/** Asks before a session ends, and says what happens with the work. */
export function StopDialog({
  session,
  onClose,
}: {
  readonly session: Session;
  readonly onClose: () => void;
}) {
  const { t, format } = useI18n();
  const store = useStore();
  const sessions = useKiosk((snapshot) => snapshot.sessions);
  const keep = useKiosk((s) => s.catalogue?.find(({ id }) => id === session.entryId)?.keep);
  const group = sessions.filter((one) => one.groupId === session.groupId && isActive(one));
  return (
    <ModalDialog
      role="alertdialog"
      title={t.stop.title(format.text(session.title))}
      onClose={onClose}
      actions={
        <>
          <Button onPress={onClose} autoFocus>
            {t.stop.keepRunning}
          </Button>
          <Button
            tone="danger"
            onPress={() => {
              onClose();
              store.stop(group);
            }}
          >
            {t.stop.confirm}
          </Button>
        </>
      }
    >
      <p>{consequence(session, keep, t)}</p>
      {group.length > 1 && <p>{t.stop.group(group.length)}</p>}
    </ModalDialog>
  );
}

/** What happens with the work. A machine about which nothing is known is taken to be reset. */
function consequence(session: Session, keep: 'reset' | 'person' | undefined, t: Messages): string {
  if (session.kind === 'web') return t.stop.web;
  if (session.kind !== 'vm') return t.stop.remote;
  return keep === 'person' ? t.stop.kept : t.stop.reset;
}
