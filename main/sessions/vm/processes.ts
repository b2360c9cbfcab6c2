/**
 * Which processes work in a folder: found by their arguments in /proc, so that nothing has to be
 * remembered and a recycled process id is never mistaken for one of ours.
 */
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { errno } from '../../base/errors.ts';

/** Ids of processes that name something inside `folder` among their arguments, main excluded. */
export function processesIn(folder: string): Promise<number[]> {
  return processesNaming(`${folder}/`);
}

/** Ids of processes with `needle` in their arguments, main excluded. */
export async function processesNaming(needle: string): Promise<number[]> {
  const entries = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(
    entries.map(async (name) => {
      const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
      return line.includes(needle) && Number(name) !== process.pid ? Number(name) : undefined;
    }),
  );
  return found.filter((pid) => pid !== undefined);
}

/** Kills whatever works in `folder`, and waits until it is gone. */
export function killProcessesIn(folder: string): Promise<void> {
  return killProcessesNaming(`${folder}/`);
}

/**
 * Kills every process with `needle` in its arguments, and waits until all are gone; after some ten
 * seconds no longer, for one that waits uninterruptibly for a device cannot be ended.
 */
export async function killProcessesNaming(needle: string): Promise<void> {
  for (let round = 0; round < 1_000; round++) {
    const pids = await processesNaming(needle);
    if (pids.length === 0) return;
    for (const pid of pids) signal(pid, 'SIGKILL');
    await pause(10);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errno(error) !== 'ESRCH') throw error;
  }
}

/** Memory that the process has touched, in MiB; 0 once it is gone. */
export async function residentMib(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/statm`, 'utf8').catch(() => '');
  const pages = Number(text.split(' ')[1] ?? 0);
  return (pages * 4096) / (1024 * 1024);
}
