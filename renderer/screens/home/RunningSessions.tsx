import type { I18n } from '../../i18n/i18n.tsx';
import { useI18n } from '../../i18n/i18n.tsx';
import { useKiosk, useNow, useStore } from '../../store/hooks.ts';
import { groupSessions, groupState, type SessionGroup } from '../../store/sessions.ts';
import { Button } from '../../ui/Button.tsx';

const SECOND = 1000;

/** One way back per click that started something, with the time it has run. */
export function RunningSessions() {
  const i18n = useI18n();
  const store = useStore();
  const sessions = useKiosk((snapshot) => snapshot.sessions);
  const now = useNow(SECOND);
  return (
    <ul className="runs" aria-label={i18n.t.home.running}>
      {groupSessions(sessions).map((group) => {
        const [first] = group;
        const target = group.find(({ state }) => state === 'failed') ?? first;
        return (
          <li key={first.groupId}>
            <Button
              className={`run ${groupState(group)}`}
              data-session={target.id}
              onPress={() => store.show(target.id)}
            >
              {describeRun(i18n, group, now)}
            </Button>
          </li>
        );
      })}
    </ul>
  );
}

function describeRun({ t, format }: I18n, group: SessionGroup, now: number) {
  const [first] = group;
  const title = format.text(first.title);
  const [sign, text] = {
    failed: ['!', t.home.failed(title)],
    starting: ['…', t.home.startingUp(title)],
    ending: ['■', t.home.ending(title)],
    running: ['▶', t.home.runningFor(title, format.elapsed(now - first.startedAt))],
  }[groupState(group)];
  return (
    <>
      <span className="sign" aria-hidden="true">
        {sign}
      </span>{' '}
      {text}
    </>
  );
}
