/** What a job may do next. */
import type { JobState } from '../../preload/contract/model.ts';
import type { Table } from '../base/machine.ts';

export type JobEvent =
  | 'start'
  | 'pause'
  /** Its work, which waits, goes on. */
  | 'resume'
  /** It waits for its turn (again): its work is not under way. */
  | 'requeue'
  | 'succeed'
  | 'fail'
  | 'cancel'
  /** Main ended or died while its work was under way. */
  | 'interrupt';

/**
 * `interrupted` lasts where the kind cannot be resumed; a person may still queue it again.
 * A paused job's work may be over before it meets its next waiting point, hence the ends of
 * `paused`.
 */
export const JOB_TABLE: Table<JobState, JobEvent> = {
  queued: { start: 'running', pause: 'paused', cancel: 'cancelled' },
  running: {
    pause: 'paused',
    succeed: 'succeeded',
    fail: 'failed',
    cancel: 'cancelled',
    interrupt: 'interrupted',
  },
  paused: {
    resume: 'running',
    requeue: 'queued',
    succeed: 'succeeded',
    fail: 'failed',
    cancel: 'cancelled',
    interrupt: 'interrupted',
  },
  interrupted: { requeue: 'queued', cancel: 'cancelled' },
  succeeded: {},
  failed: {},
  cancelled: {},
};

/** Nothing is under way or waits in these. */
export function isOver(state: JobState): boolean {
  return state === 'interrupted' || Object.keys(JOB_TABLE[state]).length === 0;
}
