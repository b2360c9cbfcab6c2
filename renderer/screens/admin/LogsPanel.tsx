import { useCallback, useEffect, useState } from 'react';
import { Input, Label, SearchField } from 'react-aria-components/SearchField';
import type { LogLine } from '../../../preload/contract/model.ts';
import { useI18n } from '../../i18n/i18n.tsx';
import { useAsked, useStore } from '../../store/hooks.ts';
import { Choice } from '../../ui/Choice.tsx';
import { Toggle } from '../../ui/Toggle.tsx';
import { Answer } from './Answer.tsx';

const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
const LIMIT = 300;
const FOLLOW_MS = 2000;

/** The log's last lines, newest first. */
export function LogsPanel() {
  const { t } = useI18n();
  const { api } = useStore();
  const [level, setLevel] = useState<LogLine['level']>('info');
  const [contains, setContains] = useState('');
  const [live, setLive] = useState(false);
  const asked = useAsked(
    useCallback(
      () => api.logs.read({ level, limit: LIMIT, ...(contains === '' ? {} : { contains }) }),
      [api, level, contains],
    ),
  );
  const { ask, busy } = asked;
  const l = t.admin.log;

  // The next question waits for the last answer: a slow kiosk is not asked faster than it speaks.
  useEffect(() => {
    if (!live || busy) return;
    const timer = setTimeout(ask, FOLLOW_MS);
    return () => clearTimeout(timer);
  }, [live, busy, ask]);

  return (
    <>
      <div className="row log-tools">
        <Choice
          label={l.level}
          value={level}
          options={LEVELS.map((value) => ({ value, label: l[value] }))}
          onChange={setLevel}
        />
        <SearchField className="field" value={contains} onChange={setContains} maxLength={200}>
          <Label>{l.search}</Label>
          <Input className="input" />
        </SearchField>
        <Toggle label={l.live} isSelected={live} onChange={setLive} />
      </div>
      <Answer asked={asked}>
        {(lines) => (lines.length === 0 ? <p>{l.none}</p> : <Lines lines={newestFirst(lines)} />)}
      </Answer>
    </>
  );
}

function newestFirst(lines: readonly LogLine[]): LogLine[] {
  return lines.toSorted((a, b) => b.time - a.time);
}

function Lines({ lines }: { readonly lines: readonly LogLine[] }) {
  const { t, format } = useI18n();
  return (
    <section
      className="log-lines"
      aria-label={t.admin.log.lines}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
      tabIndex={0}
      dir="ltr"
    >
      {lines.map((line, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: lines have no identity of their own
        <p key={index} className={line.level}>
          <time>{format.stamp(line.time)}</time> <b>{line.level}</b> <span>{line.scope}</span>{' '}
          {line.message}
          {line.code !== null && <span> {line.code}</span>}
          {Object.keys(line.fields).length > 0 && <span> {JSON.stringify(line.fields)}</span>}
        </p>
      ))}
    </section>
  );
}
