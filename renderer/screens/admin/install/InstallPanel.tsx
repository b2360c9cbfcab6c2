import { useCallback, useState } from 'react';
import type {
  InstallOverview,
  InstallPlan,
  InstallRequest,
} from '../../../../preload/contract/install.ts';
import type { Job } from '../../../../preload/contract/model.ts';
import { useI18n } from '../../../i18n/i18n.tsx';
import { useAsked, useKiosk, useStore, useSubmission } from '../../../store/hooks.ts';
import { Button } from '../../../ui/Button.tsx';
import { Problem } from '../../../ui/Failure.tsx';
import { Answer } from '../Answer.tsx';
import { DiskChoice } from './DiskChoice.tsx';
import { InstallProgress } from './InstallProgress.tsx';
import { PlanView } from './PlanView.tsx';
import { TargetChoice } from './TargetChoice.tsx';
import './install.css';

const UNDER_WAY: ReadonlySet<Job['state']> = new Set(['queued', 'running', 'paused']);

/** From the disks as they are to the restart: choose, read the plan, confirm, watch. */
export function InstallPanel() {
  const { api } = useStore();
  const jobs = useKiosk((snapshot) => snapshot.jobs);
  const [watched, setWatched] = useState<string | null>(null);
  // One that was begun before, on this screen or by the campus, is what there is to see.
  const job =
    jobs.find(({ id }) => id === watched) ??
    jobs.find(({ kind, state }) => kind === 'install' && UNDER_WAY.has(state));
  const asked = useAsked(useCallback(() => api.install.overview(), [api]));
  if (job) {
    const again = () => {
      setWatched(null);
      asked.ask();
    };
    return <InstallProgress job={job} onAgain={again} />;
  }
  if (asked.error?.code === 'HELPER_ABSENT') return <NoHelper />;
  return (
    <Answer asked={asked}>
      {(overview) => (
        <Preparation overview={overview} onRefresh={asked.ask} onStarted={setWatched} />
      )}
    </Answer>
  );
}

function NoHelper() {
  const { t } = useI18n();
  return <p>{t.admin.install.noHelper}</p>;
}

function Preparation(props: {
  readonly overview: InstallOverview;
  readonly onRefresh: () => void;
  readonly onStarted: (jobId: string) => void;
}) {
  const { t } = useI18n();
  const { api } = useStore();
  const i = t.admin.install;
  const { overview } = props;
  const [request, setRequest] = useState<InstallRequest | null>(null);
  const [plan, setPlan] = useState<InstallPlan | null>(null);
  const { busy, failure, run } = useSubmission();
  const disk = overview.disks.find(({ path }) => path === request?.disk);

  const show = (wanted: InstallRequest) => run(async () => setPlan(await api.install.plan(wanted)));
  const back = () => {
    setPlan(null);
    // The disk may not be what it was.
    props.onRefresh();
  };
  if (overview.source === null) return <p>{i.noSource}</p>;
  if (plan !== null) return <PlanView plan={plan} onBack={back} onStarted={props.onStarted} />;
  return (
    <>
      <p>{i.lead}</p>
      {overview.disks.length === 0 && <p>{i.noDisks}</p>}
      <DiskChoice
        disks={overview.disks}
        value={request?.disk ?? null}
        onChange={(path) =>
          setRequest({ disk: path, target: { mode: 'whole' }, swapMiB: 0, encrypt: false })
        }
      />
      {disk && request && (
        <TargetChoice disk={disk} tpm={overview.boot.tpm} request={request} onChange={setRequest} />
      )}
      <Problem error={failure} />
      <div className="row">
        <Button onPress={props.onRefresh}>{i.refresh}</Button>
        {request && (
          <Button tone="primary" isDisabled={busy} onPress={() => show(request)}>
            {busy ? i.planning : i.showPlan}
          </Button>
        )}
      </div>
    </>
  );
}
