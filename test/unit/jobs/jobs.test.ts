import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { KioskError } from '../../../main/base/errors.ts';
import { terminal } from '../../../main/base/machine.ts';
import { JOB_TABLE } from '../../../main/jobs/job-machine.ts';
import { createJobs, type JobContext, type Jobs } from '../../../main/jobs/jobs.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { Job } from '../../../preload/contract/model.ts';

let folder: string;
let open: Jobs[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-jobs-'));
});
afterEach(async () => {
  await Promise.all(open.map((jobs) => jobs.close()));
  open = [];
  rmSync(folder, { recursive: true, force: true });
});

function jobs(options: { keep?: number } = {}): Jobs {
  const made = createJobs({ path: join(folder, 'jobs.db'), log: silentLogger, ...options });
  open.push(made);
  return made;
}

/** A kind whose runs wait until the test lets each go. */
function gate(): {
  kind: { params: typeof Name; run(context: JobContext, params: Name): Promise<void> };
  runs: Map<string, { context: JobContext; finish(error?: Error): void }>;
} {
  const runs = new Map<string, { context: JobContext; finish(error?: Error): void }>();
  return {
    runs,
    kind: {
      params: Name,
      run: (context, { name }) =>
        new Promise((resolve, reject) => {
          context.signal.addEventListener('abort', () => reject(context.signal.reason));
          runs.set(name, { context, finish: (error) => (error ? reject(error) : resolve()) });
        }),
    },
  };
}
const Name = z.strictObject({ name: z.string() });
type Name = z.output<typeof Name>;

function state(from: Jobs, id: string): string | undefined {
  return from.list().find((job) => job.id === id)?.state;
}

test('the table: what ends a job, and that every state can be reached and left', () => {
  expect(terminal(JOB_TABLE).sort()).toEqual(['cancelled', 'failed', 'succeeded']);
  const reached = new Set(['queued']);
  for (let size = 0; size !== reached.size; ) {
    size = reached.size;
    for (const [from, events] of Object.entries(JOB_TABLE))
      if (reached.has(from)) for (const to of Object.values(events)) reached.add(to);
  }
  expect([...reached].sort()).toEqual(Object.keys(JOB_TABLE).sort());
});

describe('a job', () => {
  test('runs with its parameters, reports steps, and ends', async () => {
    const one = jobs();
    const seen: Job[][] = [];
    one.on('changed', (list) => seen.push(list));
    one.define('image.receive', {
      params: Name,
      steps: { receiving: 8, verifying: 2 },
      async run(context, { name }) {
        expect(name).toBe('debian');
        context.progress(0.5, 'receiving');
        context.progress(0, 'verifying');
        context.progress(0.5, 'verifying');
        // A second look at the first step does not take the bar back.
        context.progress(0.1, 'receiving');
      },
    });
    one.start();
    const job = one.enqueue('image.receive', { name: 'debian' }, { title: 'Debian' });
    expect(job).toMatchObject({ state: 'queued', progress: null, title: 'Debian' });
    const ended = await one.finished(job.id);
    expect(Job.parse(ended)).toMatchObject({ state: 'succeeded', progress: 1, error: null });
    expect(ended.finishedAt).not.toBeNull();
    const steps = seen.map(
      ([first]) => `${first?.state} ${first?.step} ${first?.progress?.toFixed(1)}`,
    );
    expect(steps).toEqual([
      'queued null undefined',
      'running null undefined',
      'running receiving 0.4',
      'running verifying 0.8',
      'running receiving 0.9',
      'succeeded receiving 1.0',
    ]);
    // What was handed out before did not change under the listener.
    expect(job.state).toBe('queued');
  });

  test('that fails says its code; an unforeseen failure does not leak its text', async () => {
    const one = jobs();
    one.define('a', {
      params: z.enum(['known', 'unknown']),
      async run(_, which) {
        if (which === 'known') throw new KioskError('DISK_FULL', 'The disk is full.');
        throw new Error('/root/secret');
      },
    });
    one.start();
    const known = one.enqueue('a', 'known', { title: 'x' });
    const unknown = one.enqueue('a', 'unknown', { title: 'x' });
    expect(await one.finished(known.id)).toMatchObject({
      state: 'failed',
      error: { code: 'DISK_FULL' },
    });
    const { error } = await one.finished(unknown.id);
    expect(error?.code).toBe('INTERNAL');
    expect(JSON.stringify(error)).not.toContain('secret');
  });

  test('of an unknown kind, or with wrong parameters, is refused and not kept', () => {
    const one = jobs();
    one.define('a', { params: Name, async run() {} });
    expect(() => one.enqueue('b', {}, { title: 'x' })).toThrow(
      expect.objectContaining({ code: 'JOB_UNKNOWN' }),
    );
    expect(() => one.enqueue('a', { name: 1 }, { title: 'x' })).toThrow(z.ZodError);
    expect(one.list()).toEqual([]);
  });

  test('with a key that is under way is not made twice; once over, it is', async () => {
    const { kind, runs } = gate();
    const one = jobs();
    one.define('a', kind);
    one.start();
    const first = one.enqueue('a', { name: '1' }, { title: 'x', key: 'k' });
    expect(one.enqueue('a', { name: '2' }, { title: 'x', key: 'k' }).id).toBe(first.id);
    await expect.poll(() => runs.size).toBe(1);
    expect(one.enqueue('a', { name: '3' }, { title: 'x', key: 'k' }).id).toBe(first.id);
    runs.get('1')?.finish();
    await one.finished(first.id);
    expect(one.enqueue('a', { name: '4' }, { title: 'x', key: 'k' }).id).not.toBe(first.id);
  });
});

describe('order', () => {
  test('so many of a kind at once, oldest first, kinds beside each other', async () => {
    const { kind, runs } = gate();
    const other = gate();
    const one = jobs();
    one.define('two', { ...kind, concurrency: 2 });
    one.define('other', other.kind);
    const ids = ['a', 'b', 'c', 'd'].map(
      (name) => one.enqueue('two', { name }, { title: name }).id,
    );
    one.enqueue('other', { name: 'o' }, { title: 'o' });
    expect(runs.size).toBe(0);
    one.start();
    await expect.poll(() => [...runs.keys()]).toEqual(['a', 'b']);
    expect(other.runs.size).toBe(1);
    runs.get('b')?.finish();
    await expect.poll(() => [...runs.keys()]).toEqual(['a', 'b', 'c']);
    expect(one.list().map((job) => job.title)).toEqual(['o', 'd', 'c', 'b', 'a']);
    expect(ids.map((id) => state(one, id))).toEqual(['running', 'succeeded', 'running', 'queued']);
  });

  test('a failure lets the next one run', async () => {
    const { kind, runs } = gate();
    const one = jobs();
    one.define('a', kind);
    one.start();
    one.enqueue('a', { name: '1' }, { title: 'x' });
    one.enqueue('a', { name: '2' }, { title: 'x' });
    await expect.poll(() => runs.has('1')).toBe(true);
    runs.get('1')?.finish(new Error('no'));
    await expect.poll(() => runs.has('2')).toBe(true);
  });
});

describe('pause and cancel', () => {
  test('paused work waits at its next waiting point and goes on', async () => {
    const one = jobs();
    const trace: number[] = [];
    const { promise: proceed, resolve: go } = Promise.withResolvers<void>();
    one.define('a', {
      params: z.null(),
      async run(context) {
        trace.push(1);
        await proceed;
        await context.throttleWhilePaused();
        trace.push(2);
      },
    });
    one.start();
    const { id } = one.enqueue('a', null, { title: 'x' });
    await expect.poll(() => trace).toEqual([1]);
    one.pause(id);
    expect(state(one, id)).toBe('paused');
    go();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(trace).toEqual([1]);
    one.resume(id);
    expect(await one.finished(id)).toMatchObject({ state: 'succeeded' });
    expect(trace).toEqual([1, 2]);
  });

  test('a queued job that is paused lets others pass and is queued again', async () => {
    const { kind, runs } = gate();
    const one = jobs();
    one.define('a', kind);
    const first = one.enqueue('a', { name: '1' }, { title: 'x' });
    one.enqueue('a', { name: '2' }, { title: 'x' });
    one.pause(first.id);
    one.start();
    await expect.poll(() => [...runs.keys()]).toEqual(['2']);
    one.resume(first.id);
    expect(state(one, first.id)).toBe('queued');
    runs.get('2')?.finish();
    await expect.poll(() => state(one, first.id)).toBe('running');
  });

  test('a cancelled job is cancelled at once; cancel resolves when its work has let go', async () => {
    const one = jobs();
    const { promise: cleaned, resolve: clean } = Promise.withResolvers<void>();
    let code: unknown;
    one.define('a', {
      params: z.null(),
      async run({ signal }) {
        await new Promise((resolve) => signal.addEventListener('abort', resolve));
        code = signal.reason instanceof KioskError ? signal.reason.code : undefined;
        await cleaned;
        throw signal.reason;
      },
    });
    one.start();
    const { id } = one.enqueue('a', null, { title: 'x' });
    const waiting = one.enqueue('a', null, { title: 'y' });
    await expect.poll(() => state(one, id)).toBe('running');
    let over = false;
    const cancelled = one.cancel(id).then(() => {
      over = true;
    });
    expect(state(one, id)).toBe('cancelled');
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(over).toBe(false);
    expect(code).toBe('CANCELLED');
    // Its place is taken until it has let go.
    expect(state(one, waiting.id)).toBe('queued');
    clean();
    await cancelled;
    expect(state(one, id)).toBe('cancelled');
    await expect.poll(() => state(one, waiting.id)).toBe('running');
  });

  test('a paused job can be cancelled, and its waiting work is told', async () => {
    const one = jobs();
    let told: unknown;
    one.define('a', {
      params: z.null(),
      async run(context) {
        for (;;) {
          await new Promise((resolve) => setTimeout(resolve, 1));
          await context.throttleWhilePaused().catch((error: unknown) => {
            told = error;
            throw error;
          });
        }
      },
    });
    one.start();
    const { id } = one.enqueue('a', null, { title: 'x' });
    await expect.poll(() => state(one, id)).toBe('running');
    one.pause(id);
    await new Promise((resolve) => setTimeout(resolve, 10));
    await one.cancel(id);
    expect(told).toMatchObject({ code: 'CANCELLED' });
  });

  test('what a state does not allow is refused', async () => {
    const one = jobs();
    one.define('a', { params: z.null(), async run() {} });
    one.start();
    const { id } = one.enqueue('a', null, { title: 'x' });
    await one.finished(id);
    const wrong = expect.objectContaining({ code: 'JOB_STATE' });
    expect(() => one.pause(id)).toThrow(wrong);
    expect(() => one.resume(id)).toThrow(wrong);
    await expect(one.cancel(id)).rejects.toMatchObject({ code: 'JOB_STATE' });
    expect(() => one.pause('none')).toThrow(expect.objectContaining({ code: 'JOB_UNKNOWN' }));
    await expect(one.finished('none')).rejects.toMatchObject({ code: 'JOB_UNKNOWN' });
  });
});

describe('a restart', () => {
  test('after a clean end: what ran is run again where it can be resumed', async () => {
    const before = gate();
    const one = jobs();
    one.define('resumable', { ...before.kind, resumable: true });
    one.define('once', before.kind);
    one.define('gone', before.kind);
    one.start();
    const a = one.enqueue('resumable', { name: 'a' }, { title: 'x' });
    const b = one.enqueue('once', { name: 'b' }, { title: 'x' });
    const waiting = one.enqueue('once', { name: 'c' }, { title: 'x' });
    const paused = one.enqueue('once', { name: 'd' }, { title: 'x' });
    one.pause(paused.id);
    await expect.poll(() => before.runs.size).toBe(2);
    const gone = one.enqueue('gone', { name: 'e' }, { title: 'x' });
    one.pause(gone.id);
    await one.close();

    const after = gate();
    const two = jobs();
    expect(state(two, a.id)).toBe('interrupted');
    two.define('resumable', { ...after.kind, resumable: true });
    two.define('once', after.kind);
    two.start();
    await expect.poll(() => [...after.runs.keys()].sort()).toEqual(['a', 'c']);
    expect([a, b, waiting, paused, gone].map(({ id }) => state(two, id))).toEqual([
      'running',
      'interrupted',
      'running',
      'paused',
      'cancelled',
    ]);
    // An administrator may run it again all the same.
    two.resume(b.id);
    expect(state(two, b.id)).toBe('queued');
  });

  test('after main was killed: the same', async () => {
    const program = fileURLToPath(new URL('./killed-main.ts', import.meta.url));
    const child = spawn(process.execPath, [program, join(folder, 'jobs.db')], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    const [id] = (await once(child.stdout, 'data')) as [Buffer];
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { kind, runs } = gate();
    const one = jobs();
    expect(one.list()).toMatchObject([{ id: id.toString().trim(), state: 'interrupted' }]);
    one.define('a', { ...kind, resumable: true });
    one.start();
    await expect.poll(() => [...runs.keys()]).toEqual(['survivor']);
  });

  test('ended jobs are remembered, but only so many', async () => {
    const one = jobs({ keep: 2 });
    one.define('a', { params: Name, async run() {} });
    one.start();
    for (const name of ['1', '2', '3', '4']) {
      await one.finished(one.enqueue('a', { name }, { title: name }).id);
    }
    one.enqueue('a', { name: '5' }, { title: '5' });
    expect(one.list().map((job) => job.title)).toEqual(['5', '4', '3']);
    await one.close();
    expect(
      jobs()
        .list()
        .map((job) => job.title),
    ).toEqual(['5', '4', '3']);
  });

  test('work that does not heed its signal cannot start anything after the end', async () => {
    const { kind, runs } = gate();
    const one = jobs();
    one.define('a', kind);
    one.start();
    one.enqueue('a', { name: '1' }, { title: 'x' });
    one.enqueue('a', { name: '2' }, { title: 'x' });
    await expect.poll(() => runs.size).toBe(1);
    await one.close();
    expect(runs.size).toBe(1);
    expect(() => one.enqueue('a', { name: '3' }, { title: 'x' })).toThrow(KioskError);
  });
});
