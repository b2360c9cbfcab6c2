/** Starts a job that never ends, prints its id, and waits to be killed. */
import { z } from 'zod';
import { createJobs } from '../../../main/jobs/jobs.ts';
import { silentLogger } from '../../../main/log/logger.ts';

const jobs = createJobs({ path: process.argv[2] ?? '', log: silentLogger });
jobs.define('a', {
  params: z.strictObject({ name: z.string() }),
  run: () => new Promise(() => setInterval(() => {}, 1_000)),
});
jobs.on('changed', ([job]) => {
  if (job?.state === 'running') console.log(job.id);
});
jobs.start();
jobs.enqueue('a', { name: 'survivor' }, { title: 'x' });
