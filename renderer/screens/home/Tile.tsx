import type { CatalogueEntry, Session } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKioskState, useNow } from '../../store/hooks.ts';
import '../../ui/progress.css';
import { describeKind, describeState } from './describe.ts';
import { EntryIcon } from './EntryIcon.tsx';

const MINUTE = 60_000;

/**
 * One entry of the catalogue. What cannot start now stays in the focus order and says why when
 * it is pressed: hence `aria-disabled` and not `disabled`.
 */
export function Tile(props: {
  readonly entry: CatalogueEntry;
  /** The one that this entry's tile leads back to. */
  readonly session: Session | undefined;
  readonly starting: boolean;
  readonly onStart: () => void;
  readonly onReturn: (sessionId: string) => void;
  readonly onExplain: () => void;
}) {
  const { entry, session } = props;
  const i18n = useI18n();
  const { campus } = useKioskState();
  const now = useNow(MINUTE);
  const { tone, text, action } = describeState(i18n, {
    entry,
    session,
    starting: props.starting,
    online: campus.link === 'online',
    now,
  });
  const blocked = action === null && !props.starting;

  const press = () => {
    if (session !== undefined) props.onReturn(session.id);
    else if (blocked) props.onExplain();
    else if (!props.starting) props.onStart();
  };
  return (
    <button
      type="button"
      className="tile"
      data-entry={entry.id}
      aria-disabled={blocked}
      aria-busy={props.starting}
      onClick={press}
    >
      <EntryIcon icon={entry.icon} />
      <span className="name">{i18n.format.text(entry.title)}</span>
      <span className="kind">{describeKind(i18n, entry)}</span>
      <span className={`state ${tone}`}>
        <span>{text}</span>
        {action !== null && (
          <span>
            {action}
            <span className="enter" aria-hidden="true">
              {' '}
              ↵
            </span>
          </span>
        )}
      </span>
      {entry.availability.state === 'updating' && (
        // The words above say the same to who does not see it.
        <span className="bar" aria-hidden="true">
          <i style={{ inlineSize: `${entry.availability.progress * 100}%` }} />
        </span>
      )}
    </button>
  );
}
