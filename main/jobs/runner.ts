/** The implementation of jobs.ts. */
import { randomUUID } from 'node:crypto';
import type { z } from 'zod';
import type { Json } from '../../preload/contract/errors.ts';
import type { Job } from '../../preload/contract/model.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { KioskError, toWireError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import { next } from '../base/machine.ts';
import type { Logger } from '../log/logger.ts';
import { Estimate, overall, type Steps } from './estimate.ts';
import { isOver, JOB_TABLE, type JobEvent } from './job-machine.ts';
import type { EnqueueOptions, JobContext, JobKind, Jobs, JobsEvents, JobsOptions } from './jobs.ts';
import { JobStore, type StoredJob } from './store.ts';

/** A {@link JobKind} whose parameters are checked on the way in. */
interface Kind {
  readonly steps: Steps | undefined;
  readonly resumable: boolean;
  readonly concurrency: number;
  /** @throws ZodError */
  check(params: unknown): void;
  run(context: JobContext, params: unknown): Promise<void>;
}

/** A job whose work is under way. */
interface Run {
  readonly abort: AbortController;
  readonly estimate: Estimate;
  /** Present while the job is paused. */
  paused: PromiseWithResolvers<void> | undefined;
  settled: Promise<void>;
}

const PROGRESS_EVENT_MS = 250;
/** Work that does not heed its signal is left behind after this. */
const CLOSE_MS = 10_000;

export class Runner implements Jobs {
  readonly #store: JobStore;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #keep: number;
  readonly #kinds = new Map<string, Kind>();
  readonly #jobs = new Map<string, StoredJob>();
  readonly #runs = new Map<string, Run>();
  readonly #events: Emitter<JobsEvents>;
  #started = false;
  #closing: Promise<void> | undefined;
  #announce: NodeJS.Timeout | undefined;

  constructor({ path, log, clock = systemClock, keep = 100 }: JobsOptions) {
    this.#log = log;
    this.#clock = clock;
    this.#keep = keep;
    this.#events = new Emitter((error) => log.error('A listener of jobs failed.', { error }));
    this.#store = new JobStore(path, log);
    for (const stored of this.#store.all()) this.#jobs.set(stored.job.id, stored);
    // What the file says runs was under way when main died.
    for (const stored of this.#jobs.values()) {
      if (stored.job.state === 'running') this.#apply(stored, 'interrupt');
    }
  }

  define<P extends z.ZodType>(kind: string, definition: JobKind<P>): void {
    if (this.#kinds.has(kind)) throw new Error(`The kind of job ${kind} is defined twice.`);
    this.#kinds.set(kind, {
      steps: definition.steps,
      resumable: definition.resumable ?? false,
      concurrency: definition.concurrency ?? 1,
      check: (params) => void definition.params.parse(params),
      run: (context, params) => definition.run(context, definition.params.parse(params)),
    });
  }

  start(): void {
    this.#started = true;
    for (const stored of this.#jobs.values()) {
      const { kind, state } = stored.job;
      const definition = this.#kinds.get(kind);
      if (state === 'interrupted' && definition?.resumable) this.#apply(stored, 'requeue');
      if (!definition && !isOver(state)) {
        this.#log.warn('This version knows no such kind of job.', { job: stored.job.id, kind });
        this.#apply(stored, 'cancel');
      }
    }
    this.#pump();
  }

  enqueue(kind: string, params: unknown, { title, key }: EnqueueOptions): Job {
    if (this.#closing) throw new KioskError('CANCELLED', 'The kiosk is ending.');
    const definition = this.#kinds.get(kind);
    if (!definition) throw new KioskError('JOB_UNKNOWN', `There is no kind of job ${kind}.`);
    definition.check(params);
    if (key !== undefined) {
      for (const { job, key: other } of this.#jobs.values()) {
        if (job.kind === kind && other === key && !isOver(job.state)) return job;
      }
    }
    const job: Job = {
      id: randomUUID(),
      kind,
      title,
      state: 'queued',
      progress: null,
      step: null,
      secondsLeft: null,
      createdAt: this.#clock.now(),
      finishedAt: null,
      error: null,
    };
    // The input, not the parsed value: it is parsed again before the run.
    const kept = JSON.parse(JSON.stringify(params ?? null)) as Json;
    const sequence = this.#store.insert(job, key ?? null, kept);
    this.#jobs.set(job.id, { job, sequence, key: key ?? null, params: kept });
    this.#forgetOld();
    this.#changed();
    // Later: the caller has the id before anything of the job happens.
    queueMicrotask(() => this.#pump());
    return job;
  }

  pause(id: string): void {
    const stored = this.#get(id);
    this.#require(stored, 'pause');
    const run = this.#runs.get(id);
    if (run) run.paused = Promise.withResolvers();
    this.#apply(stored, 'pause');
  }

  resume(id: string): void {
    const stored = this.#get(id);
    const run = this.#runs.get(id);
    const event = run && stored.job.state === 'paused' ? 'resume' : 'requeue';
    this.#require(stored, event);
    this.#apply(stored, event);
    run?.estimate.skip();
    run?.paused?.resolve();
    if (run) run.paused = undefined;
    this.#pump();
  }

  async cancel(id: string): Promise<void> {
    const stored = this.#get(id);
    this.#require(stored, 'cancel');
    // On disk before the work is told: a cancelled job never comes back after a power cut.
    this.#apply(stored, 'cancel');
    const run = this.#runs.get(id);
    run?.abort.abort(new KioskError('CANCELLED', 'The job was cancelled.'));
    await run?.settled;
  }

  list(): Job[] {
    return [...this.#jobs.values()].sort((a, b) => b.sequence - a.sequence).map(({ job }) => job);
  }

  async finished(id: string): Promise<Job> {
    const stored = this.#get(id);
    if (!isOver(stored.job.state)) {
      await new Promise<void>((resolve) => {
        const stop = this.#events.on('ended', (job) => {
          if (job.id !== id) return;
          stop();
          resolve();
        });
      });
    }
    await this.#runs.get(id)?.settled;
    return stored.job;
  }

  on<N extends keyof JobsEvents>(event: N, listener: (payload: JobsEvents[N]) => void): () => void {
    return this.#events.on(event, listener);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const runs = [...this.#runs.values()];
    for (const [id, run] of this.#runs) {
      const stored = this.#jobs.get(id);
      // A paused one stays paused on disk: the administrator's decision outlives a restart.
      if (stored && stored.job.state === 'running') this.#apply(stored, 'interrupt');
      run.abort.abort(new KioskError('CANCELLED', 'The kiosk is ending.'));
    }
    let timer: NodeJS.Timeout | undefined;
    await Promise.race([
      Promise.all(runs.map((run) => run.settled)),
      new Promise((resolve) => {
        timer = setTimeout(resolve, CLOSE_MS);
      }),
    ]);
    clearTimeout(timer);
    clearTimeout(this.#announce);
    this.#store.close();
  }

  /** Starts what may start, oldest first. */
  #pump(): void {
    if (!this.#started || this.#closing) return;
    const busy = new Map<string, number>();
    for (const id of this.#runs.keys()) {
      const kind = this.#jobs.get(id)?.job.kind ?? '';
      busy.set(kind, (busy.get(kind) ?? 0) + 1);
    }
    for (const stored of this.#jobs.values()) {
      const { kind, state } = stored.job;
      const definition = this.#kinds.get(kind);
      const running = busy.get(kind) ?? 0;
      if (state !== 'queued' || !definition || running >= definition.concurrency) continue;
      // Cancelled and queued again while its first run has not let go yet: not twice at once.
      if (this.#runs.has(stored.job.id)) continue;
      busy.set(kind, running + 1);
      this.#run(stored, definition);
    }
  }

  #run(stored: StoredJob, definition: Kind): void {
    const run: Run = {
      abort: new AbortController(),
      estimate: new Estimate(this.#clock),
      paused: undefined,
      settled: Promise.resolve(),
    };
    this.#runs.set(stored.job.id, run);
    this.#apply(stored, 'start');
    run.settled = this.#work(stored, definition, run).finally(() => {
      this.#runs.delete(stored.job.id);
      this.#pump();
    });
  }

  async #work(stored: StoredJob, definition: Kind, run: Run): Promise<void> {
    const { id, kind } = stored.job;
    const log = this.#log.scope(`jobs.${kind}`);
    const { signal } = run.abort;
    try {
      await definition.run(
        {
          id,
          signal,
          log,
          progress: (fraction, step) => this.#progress(stored, definition, run, fraction, step),
          throttleWhilePaused: () => untilResumed(run),
        },
        stored.params,
      );
      if (next(JOB_TABLE, stored.job.state, 'succeed')) this.#apply(stored, 'succeed');
    } catch (error) {
      if (signal.aborted) {
        log.debug('The job stopped.', { job: id, state: stored.job.state });
        return;
      }
      log.error(`The job "${stored.job.title}" failed.`, { job: id, error });
      this.#set(stored, { error: toWireError(error) });
      if (next(JOB_TABLE, stored.job.state, 'fail')) this.#apply(stored, 'fail');
    }
  }

  #progress(
    stored: StoredJob,
    definition: Kind,
    run: Run,
    fraction: number,
    step: string | undefined,
  ): void {
    if (isOver(stored.job.state) || this.#runs.get(stored.job.id) !== run) return;
    run.estimate.report(overall(definition.steps, step, fraction));
    const newStep = step !== undefined && step !== stored.job.step;
    this.#set(stored, {
      progress: run.estimate.progress,
      secondsLeft: stored.job.state === 'running' ? run.estimate.secondsLeft : null,
      ...(step === undefined ? {} : { step }),
    });
    if (newStep) this.#changed();
    else this.#changedSoon();
  }

  #get(id: string): StoredJob {
    const stored = this.#jobs.get(id);
    if (!stored) throw new KioskError('JOB_UNKNOWN', `There is no job ${id}.`);
    return stored;
  }

  #require(stored: StoredJob, event: JobEvent): void {
    if (next(JOB_TABLE, stored.job.state, event)) return;
    throw new KioskError('JOB_STATE', `A job that is ${stored.job.state} cannot ${event}.`, {
      details: { state: stored.job.state },
    });
  }

  /** The only place where a job's state changes: in memory, on disk, then told. */
  #apply(stored: StoredJob, event: JobEvent): void {
    const state = next(JOB_TABLE, stored.job.state, event);
    if (!state) {
      this.#log.error('A job was told what its state does not allow.', {
        job: stored.job.id,
        state: stored.job.state,
        event,
      });
      return;
    }
    const over = isOver(state);
    this.#set(stored, {
      state,
      secondsLeft: null,
      finishedAt: over ? this.#clock.now() : null,
      ...(state === 'succeeded' ? { progress: 1 } : {}),
      ...(state === 'queued' ? { progress: null, step: null, error: null } : {}),
    });
    try {
      this.#store.update(stored.job);
    } catch (error) {
      // A full disk must not stop the work; what is lost is at most one state after a restart.
      this.#log.error('The state of a job could not be kept.', { job: stored.job.id, error });
    }
    this.#changed();
    if (over) this.#events.emit('ended', stored.job);
  }

  /** Jobs are replaced, not changed: what was handed out before stays what it was. */
  #set(stored: StoredJob, change: Partial<Job>): void {
    stored.job = { ...stored.job, ...change };
  }

  #changed(): void {
    clearTimeout(this.#announce);
    this.#announce = undefined;
    this.#events.emit('changed', this.list());
  }

  #changedSoon(): void {
    this.#announce ??= setTimeout(() => this.#changed(), PROGRESS_EVENT_MS).unref();
  }

  #forgetOld(): void {
    const over = [...this.#jobs.values()].filter(
      ({ job }) => isOver(job.state) && !this.#runs.has(job.id),
    );
    const old = over.slice(0, Math.max(0, over.length - this.#keep)).map(({ job }) => job.id);
    if (old.length === 0) return;
    for (const id of old) this.#jobs.delete(id);
    this.#store.remove(old);
  }
}

async function untilResumed(run: Run): Promise<void> {
  const { signal } = run.abort;
  signal.throwIfAborted();
  // Paused again before this was scheduled: wait again.
  while (run.paused) {
    signal.throwIfAborted();
    const { promise } = run.paused;
    await new Promise<void>((resolve, reject) => {
      const aborted = (): void => reject(signal.reason);
      signal.addEventListener('abort', aborted, { once: true });
      void promise.then(() => {
        signal.removeEventListener('abort', aborted);
        resolve();
      });
    });
  }
}
