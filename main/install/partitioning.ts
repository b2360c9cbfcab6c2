/** Carries out the commands that change a partition table, again where an attempt was cut off. */
import { access } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { KioskError } from '../base/errors.ts';
import type { Launcher } from '../process/launcher.ts';
import { syncDevice } from './block-device.ts';
import { partitionCommands, type TableChange } from './commands.ts';
import { partitionPath } from './disk-table.ts';

/** udev may take a moment for names; the kernel's own are there at once. */
const TRIES = 100;
const BUSY_TRIES = 5;

/**
 * @throws KioskError `PROGRAM_FAILED` before the table is written where the kernel holds on to a
 * partition that is in use, `DISK_CHANGED` where new ones do not appear
 */
export async function changeTable(
  launcher: Launcher,
  disk: string,
  change: TableChange,
): Promise<void> {
  for (const { program, args, input } of partitionCommands(disk, change)) {
    // The kernel may know already, from an attempt that was cut off.
    const partition =
      program === 'partx' ? partitionPath(disk, Number(args[2])) : (args.at(-1) ?? '');
    if (program === 'partx' || program === 'wipefs') {
      const there = await exists(partition);
      if (args[0] === '--add' ? there : !there) continue;
    }
    await patiently(() =>
      launcher.run({
        program,
        args,
        ...(input === undefined ? {} : { input }),
        signal: AbortSignal.timeout(120_000),
      }),
    );
  }
  await syncDevice(disk);
  for (const { number } of change.added) await appears(partitionPath(disk, number));
}

/** Whoever looks at a new disk (udev, another probe) holds it for a moment. */
async function patiently(work: () => Promise<unknown>): Promise<void> {
  for (let left = BUSY_TRIES; ; left--) {
    try {
      await work();
      return;
    } catch (error) {
      const busy = error instanceof Error && /busy/i.test(error.message);
      if (!busy || left === 0) throw error;
      await sleep(1_000);
    }
  }
}

async function appears(path: string): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (await exists(path)) return;
    await sleep(100);
  }
  throw new KioskError('DISK_CHANGED', `The new partition ${path} did not appear.`);
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
