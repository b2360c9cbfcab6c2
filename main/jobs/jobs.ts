/**
 * Long work: each job is of a kind that a feature defines, is kept on disk from the moment it is
 * accepted, reports progress, can be paused and cancelled, and after main's death is queued again
 * where its kind can be resumed.
 */
import type { z } from 'zod';
import type { Job } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../log/logger.ts';
import type { Steps } from './estimate.ts';
import { Runner } from './runner.ts';

export interface JobContext {
  readonly id: string;
  /** Aborted when the job is cancelled or main ends. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  /**
   * Says how far the work is.
   * @param fraction 0 to 1 of the step (of the whole job where the kind has no steps)
   * @param step a stable word that the UI translates, e.g. `receiving`
   */
  progress(fraction: number, step?: string): void;
  /** Resolves at once, or when a paused job goes on. @throws when the job is aborted meanwhile */
  throttleWhilePaused(): Promise<void>;
}

export interface JobKind<P extends z.ZodType = z.ZodType> {
  /** Checked when the job is accepted, and again after a restart. */
  readonly params: P;
  /** Steps and their weights, in order; absent: progress is of the whole. */
  readonly steps?: Steps;
  /** Queued again when main died in the middle: running it twice does no harm. Default false. */
  readonly resumable?: boolean;
  /** How many of this kind run at once; a paused one keeps its place. Default 1. */
  readonly concurrency?: number;
  run(context: JobContext, params: z.output<P>): Promise<void>;
}

export interface EnqueueOptions {
  readonly title: string;
  /** While a job of this kind with the same key is not over, it is answered instead of a new one. */
  readonly key?: string;
}

export interface JobsOptions {
  /** The SQLite file, `jobs.db`. */
  readonly path: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Ended jobs that are kept for the list. Default 100. */
  readonly keep?: number;
}

export type JobsEvents = {
  /** The whole list, newest first; at most every quarter of a second for progress alone. */
  changed: Job[];
  ended: Job;
};

export interface Jobs {
  /** Tells how to do a kind of work. Each kind once, before {@link Jobs.start}. */
  define<P extends z.ZodType>(kind: string, definition: JobKind<P>): void;
  /** Begins to run jobs, those of before the restart first. */
  start(): void;
  /** @throws KioskError `JOB_UNKNOWN` where the kind is not defined; ZodError where parameters are wrong */
  enqueue(kind: string, params: unknown, options: EnqueueOptions): Job;
  /** @throws KioskError `JOB_UNKNOWN`, `JOB_STATE` */
  pause(id: string): void;
  /** Goes on with a paused job, or queues an interrupted one again. @throws as `pause` */
  resume(id: string): void;
  /** It counts as cancelled at once; resolves when its work has let go. @throws as `pause` */
  cancel(id: string): Promise<void>;
  /** Newest first. */
  list(): Job[];
  /** Resolves when the job is over and its work has let go. @throws KioskError `JOB_UNKNOWN` */
  finished(id: string): Promise<Job>;
  on<N extends keyof JobsEvents>(event: N, listener: (payload: JobsEvents[N]) => void): () => void;
  /** Interrupts what runs, waits for it, closes the file. */
  close(): Promise<void>;
}

/** @throws KioskError as `openDatabase` does */
export function createJobs(options: JobsOptions): Jobs {
  return new Runner(options);
}
