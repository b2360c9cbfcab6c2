import { useEffect, useRef } from 'react';
import { INSTALL_STEPS } from '../../../../preload/contract/install.ts';
import type { Job } from '../../../../preload/contract/model.ts';
import { useI18n } from '../../../i18n/i18n.tsx';
import { toFailure } from '../../../kiosk.ts';
import { useStore } from '../../../store/hooks.ts';
import { Button } from '../../../ui/Button.tsx';
import { Failure } from '../../../ui/Failure.tsx';
import { Progress } from '../../../ui/Progress.tsx';

/** The steps as they are carried out, and how it ended. */
export function InstallProgress({
  job,
  onAgain,
}: {
  readonly job: Job;
  readonly onAgain: () => void;
}) {
  const { t } = useI18n();
  const i = t.admin.install;
  const store = useStore();
  const heading = useRef<HTMLHeadingElement>(null);
  const over = job.state === 'succeeded' || job.state === 'failed' || job.state === 'cancelled';
  // biome-ignore lint/correctness/useExhaustiveDependencies: the heading changes with the outcome
  useEffect(() => heading.current?.focus(), [over]);
  const attempt = (call: Promise<unknown>) =>
    void call.catch((thrown: unknown) =>
      store.notify({ level: 'error', error: toFailure(thrown), about: job.id }),
    );
  const titles = { succeeded: i.doneTitle, failed: i.failedTitle, cancelled: i.failedTitle };
  return (
    <div className="installing">
      <h3 ref={heading} tabIndex={-1}>
        {over ? titles[job.state as keyof typeof titles] : i.progressTitle}
      </h3>
      {!over && <p>{i.progressLead}</p>}
      {!over && <Steps job={job} />}
      {job.state === 'succeeded' && (
        <>
          <p className="outcome ok" role="status">
            {i.done}
          </p>
          <Button
            tone="primary"
            onPress={() => attempt(store.api.power.act({ action: 'restart' }))}
          >
            {i.restart}
          </Button>
        </>
      )}
      {over && job.state !== 'succeeded' && (
        <>
          <div className="problem" role="alert">
            {job.error !== null && <Failure error={job.error} />}
            <p>{i.failed}</p>
          </div>
          <Button tone="primary" onPress={onAgain}>
            {i.again}
          </Button>
        </>
      )}
      {!over && (
        <Button onPress={() => attempt(store.api.jobs.cancel({ id: job.id }))}>{i.cancel}</Button>
      )}
    </div>
  );
}

function Steps({ job }: { readonly job: Job }) {
  const { t, format } = useI18n();
  const i = t.admin.install;
  const at = (INSTALL_STEPS as readonly (string | null)[]).indexOf(job.step);
  const stateOf = (index: number) => (index < at ? 'done' : index === at ? 'now' : 'waits');
  const said = { done: i.stepDone, now: i.stepNow, waits: i.stepWaits };
  const signs = { done: '✓', now: '▸', waits: '·' };
  const left = job.secondsLeft === null ? '' : t.tile.timeLeft(format.duration(job.secondsLeft));
  return (
    <>
      <ol className="steps">
        {INSTALL_STEPS.map((step, index) => {
          const state = stateOf(index);
          return (
            <li key={step} className={state} aria-current={state === 'now' ? 'step' : undefined}>
              <span className="sign" aria-hidden="true">
                {signs[state]}
              </span>
              {i.steps[step]} <span className="hint">{said[state]}</span>
            </li>
          );
        })}
      </ol>
      <Progress value={job.progress} label={i.progressTitle} />
      <p className="hint">
        {[job.progress === null ? '' : format.percent(job.progress), left]
          .filter((part) => part !== '')
          .join(' · ')}
      </p>
    </>
  );
}
