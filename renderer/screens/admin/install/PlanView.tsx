import { type FormEvent, useEffect, useRef, useState } from 'react';
import type { Finding, InstallPlan } from '../../../../preload/contract/install.ts';
import type { I18n } from '../../../i18n/i18n.tsx';
import { useI18n } from '../../../i18n/i18n.tsx';
import { useStore, useSubmission } from '../../../store/hooks.ts';
import { Button } from '../../../ui/Button.tsx';
import { Problem } from '../../../ui/Failure.tsx';
import { Field } from '../../../ui/Field.tsx';
import { diskName } from './DiskChoice.tsx';
import { DiskPicture, piecesOfPlan } from './DiskPicture.tsx';

const MIB = 1024 * 1024;

/** What will happen, in words, as a picture and as commands; and the word that confirms it. */
export function PlanView(props: {
  readonly plan: InstallPlan;
  readonly onBack: () => void;
  readonly onStarted: (jobId: string) => void;
}) {
  const i18n = useI18n();
  const { t } = i18n;
  const { plan } = props;
  const i = t.admin.install;
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const refusals = plan.findings.filter(({ severity }) => severity === 'refuse');
  const warnings = plan.findings.filter(({ severity }) => severity === 'warn');
  return (
    <>
      <h3 ref={heading} tabIndex={-1}>
        {i.planTitle}
      </h3>
      <Findings title={i.refused} findings={refusals} tone="refused" />
      <Findings title={i.warnings} findings={warnings} tone="warned" />
      {refusals.length === 0 && (
        <ul className="plan-words">
          {planWords(plan, i18n).map((sentence) => (
            <li key={sentence}>{sentence}</li>
          ))}
        </ul>
      )}
      <div className="before-after">
        <div>
          <h4>{i.before}</h4>
          <DiskPicture label={i.before} pieces={piecesOfPlan(plan.before, t)} />
        </div>
        {refusals.length === 0 && (
          <div>
            <h4>{i.after}</h4>
            <DiskPicture label={i.after} pieces={piecesOfPlan(plan.after, t)} />
          </div>
        )}
      </div>
      {plan.steps.length > 0 && <Commands plan={plan} />}
      {refusals.length === 0 ? (
        <Confirmation {...props} />
      ) : (
        <div className="row">
          <Button onPress={props.onBack}>{i.back}</Button>
        </div>
      )}
    </>
  );
}

function Findings(props: {
  readonly title: string;
  readonly findings: readonly Finding[];
  readonly tone: 'refused' | 'warned';
}) {
  const i18n = useI18n();
  if (props.findings.length === 0) return null;
  return (
    <div className={`findings ${props.tone}`} role={props.tone === 'refused' ? 'alert' : 'note'}>
      <h4>{props.title}</h4>
      <ul>
        {props.findings.map((finding) => {
          const text = findingText(finding, i18n);
          return <li key={text}>{text}</li>;
        })}
      </ul>
    </div>
  );
}

/** Numbers among the details are bytes; names and paths keep their own direction of writing. */
function findingText({ code, details }: Finding, { t, format }: I18n): string {
  const words = Object.entries(details).map(([key, value]) => [
    key,
    typeof value === 'number' ? format.bytes(value) : isolated(value),
  ]);
  return t.admin.install.findings[code](Object.fromEntries(words));
}

/** U+2068 and U+2069: isolated from the direction of the text around it. */
function isolated(text: string): string {
  return text === '' ? '' : `\u2068${text}\u2069`;
}

function planWords(plan: InstallPlan, i18n: I18n): string[] {
  const { t, format } = i18n;
  const w = t.admin.install.words;
  const { request, source, before } = plan;
  const { target } = request;
  const named = before.map((part) => ({
    ...part,
    title:
      part.systems.map(({ name }) => name).join(', ') ||
      part.label ||
      t.admin.install.partition(String(part.number ?? '')),
  }));
  const kept = named.filter(({ kind, number }) => kind === 'kept' && number !== null);
  const replaced = named.find(({ kind }) => kind === 'erased');
  const disk = `${diskName(plan.disk, i18n)} (${format.bytes(plan.disk.size)})`;
  const room = plan.after.filter(({ kind }) => !['kept', 'free', 'erased'].includes(kind));
  const systems = kept.flatMap(({ systems: found }) => found);
  return [
    target.mode === 'whole' ? w.whole(disk) : '',
    target.mode === 'free'
      ? w.free(format.bytes(room.reduce((sum, { size }) => sum + size, 0)))
      : '',
    target.mode === 'partition' ? w.replace(replaced?.title ?? '') : '',
    target.mode !== 'whole' && kept.length > 0
      ? w.keeps(format.list(kept.map(({ title }) => title)))
      : '',
    w.writes(source.version, format.bytes(source.bytes)),
    request.swapMiB > 0 ? w.swap(format.bytes(request.swapMiB * MIB)) : '',
    request.encrypt ? w.encrypts : '',
    w.starts,
    target.mode !== 'whole' && systems.length > 0 ? w.chooses : '',
  ].filter((sentence) => sentence !== '');
}

function Commands({ plan }: { readonly plan: InstallPlan }) {
  const { t } = useI18n();
  const i = t.admin.install;
  return (
    <details className="commands">
      <summary>{i.commands}</summary>
      {plan.steps.map(({ step, commands }) => (
        <div key={step}>
          <h4>{i.steps[step]}</h4>
          {/* Commands are read from left to right in every language. */}
          <pre dir="ltr">{commands.join('\n')}</pre>
        </div>
      ))}
    </details>
  );
}

function Confirmation(props: {
  readonly plan: InstallPlan;
  readonly onBack: () => void;
  readonly onStarted: (jobId: string) => void;
}) {
  const { t } = useI18n();
  const { api } = useStore();
  const { plan } = props;
  const i = t.admin.install;
  const [word, setWord] = useState('');
  const { busy, failure, run } = useSubmission();
  const right = word.trim() === plan.confirmWord;

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!right || busy) return;
    run(async () => {
      const { id: planId, request } = plan;
      const job = await api.install.start({ planId, request, confirmation: word.trim() });
      props.onStarted(job.id);
    });
  };
  return (
    <form className="form" onSubmit={submit}>
      <Field
        label={i.confirmLabel(plan.confirmWord)}
        name="confirmation"
        value={word}
        onChange={setWord}
        maxLength={64}
      />
      <Problem error={failure} />
      <div className="row">
        <Button onPress={props.onBack}>{i.back}</Button>
        <Button type="submit" tone="danger" isDisabled={!right || busy}>
          {buttonText(plan, busy, i)}
        </Button>
      </div>
    </form>
  );
}

function buttonText(plan: InstallPlan, busy: boolean, i: I18n['t']['admin']['install']): string {
  if (busy) return i.starting;
  return plan.request.target.mode === 'free' ? i.install : i.installErase;
}
