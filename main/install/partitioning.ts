/** Carries out the commands that change a partition table, again where an attempt was cut off. */
import { access, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KioskError } from '../base/errors.ts';
import type { Launcher } from '../process/launcher.ts';
import { syncDevice } from './block-device.ts';
import { PROGRAM_MS, partitionCommands, type TableChange } from './commands.ts';
import { partitionPath } from './disk-table.ts';

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
    if (args[0] === '--add') continue;
    // The kernel may know already, from an attempt that was cut off.
    const partition =
      program === 'partx' ? partitionPath(disk, Number(args[2])) : (args.at(-1) ?? '');
    if ((program === 'partx' || program === 'wipefs') && !(await exists(partition))) continue;
    await patiently(() =>
      launcher.run({
        program,
        args,
        ...(input === undefined ? {} : { input }),
        signal: AbortSignal.timeout(PROGRAM_MS),
      }),
    );
  }
  await syncDevice(disk);
  // udev has the kernel read the table again whenever somebody who wrote to the disk closes it.
  await settle(launcher);
  for (const entry of change.added) await appear(launcher, disk, entry);
}

/** Waits until udev, where there is one, has done what it does after a change. */
async function settle(launcher: Launcher): Promise<void> {
  const program = 'udevadm';
  const signal = AbortSignal.timeout(PROGRAM_MS);
  await launcher
    .run({ program, args: ['settle', '--timeout=20'], expect: [0, 1], signal })
    .catch((error: unknown) => {
      if (!(error instanceof KioskError)) throw error;
    });
}

/** The kernel knows the partition in its new place: from udev, or from here. */
async function appear(
  launcher: Launcher,
  disk: string,
  { number, start }: TableChange['added'][number],
): Promise<void> {
  const path = partitionPath(disk, number);
  const partx = (act: string): Promise<unknown> =>
    launcher
      .run({
        program: 'partx',
        args: [act, '--nr', String(number), disk],
        signal: AbortSignal.timeout(PROGRAM_MS),
      })
      // Somebody was faster; whether it is right is seen below.
      .catch(() => undefined);
  for (let tries = 0; tries < TRIES; tries++) {
    const known = await readFile(`/sys/class/block/${basename(path)}/start`, 'utf8').catch(
      () => undefined,
    );
    if (known !== undefined && Number(known) === start && (await exists(path))) return;
    if (known !== undefined && Number(known) !== start) await partx('--delete');
    await partx('--add');
    await sleep(tries === 0 ? 0 : 200);
  }
  throw new KioskError('DISK_CHANGED', `The new partition ${path} did not appear.`);
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

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
