import type { Job } from '../../../preload/contract/model.ts';
import type { I18n } from '../../i18n/i18n.tsx';
import { useI18n } from '../../i18n/i18n.tsx';
import { toFailure } from '../../kiosk.ts';
import { useKiosk, useStore } from '../../store/hooks.ts';
import { Button } from '../../ui/Button.tsx';
import { Failure } from '../../ui/Failure.tsx';
import { Progress } from '../../ui/Progress.tsx';

const ENDED: ReadonlySet<Job['state']> = new Set(['succeeded', 'failed', 'cancelled']);

/** Long work, followed by events. */
export function JobsPanel() {
  const { t } = useI18n();
  const jobs = useKiosk((snapshot) => snapshot.jobs);
  if (jobs.length === 0) return <p>{t.admin.job.none}</p>;
  return (
    <ul className="jobs">
      {jobs.map((job) => (
        <li key={job.id}>
          <JobItem job={job} />
        </li>
      ))}
    </ul>
  );
}

function JobItem({ job }: { readonly job: Job }) {
  const i18n = useI18n();
  const { t, format } = i18n;
  const store = useStore();
  const j = t.admin.job;
  const attempt = (call: Promise<unknown>) =>
    void call.catch((thrown: unknown) =>
      store.notify({ level: 'error', error: toFailure(thrown), about: job.id }),
    );
  const ref = { id: job.id };
  return (
    <>
      <div className="job-head">
        <strong>{job.title}</strong>
        <span className="hint">{format.stamp(job.finishedAt ?? job.createdAt)}</span>
      </div>
      <p>{describeJob(job, i18n)}</p>
      {(job.state === 'running' || job.state === 'paused') && (
        <Progress value={job.progress} label={job.title} />
      )}
      {job.error !== null && <Failure error={job.error} />}
      {!ENDED.has(job.state) && (
        <div className="row">
          {job.state === 'running' && (
            <Button
              aria-label={j.pauseOf(job.title)}
              onPress={() => attempt(store.api.jobs.pause(ref))}
            >
              {j.pause}
            </Button>
          )}
          {(job.state === 'paused' || job.state === 'interrupted') && (
            <Button
              aria-label={j.resumeOf(job.title)}
              onPress={() => attempt(store.api.jobs.resume(ref))}
            >
              {j.resume}
            </Button>
          )}
          <Button
            aria-label={j.cancelOf(job.title)}
            onPress={() => attempt(store.api.jobs.cancel(ref))}
          >
            {j.cancel}
          </Button>
        </div>
      )}
    </>
  );
}

function describeJob(job: Job, { t, format }: I18n): string {
  const j = t.admin.job;
  const live = job.state === 'running';
  return [
    j[job.state],
    live && job.step !== null && stepName(job.step, j.steps),
    live && job.progress !== null && format.percent(job.progress),
    live && job.secondsLeft !== null && t.tile.timeLeft(format.duration(job.secondsLeft)),
  ]
    .filter(Boolean)
    .join(' · ');
}

/** A step that has no word in the catalogue keeps its own. */
function stepName(step: string, names: Readonly<Record<string, string>>): string {
  return (Object.hasOwn(names, step) ? names[step] : undefined) ?? step;
}
