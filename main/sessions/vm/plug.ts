/** Laying the cables of a machine that already runs: its network starts beside its firmware. */
import { access, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { WireError } from '../../../preload/contract/errors.ts';
import { toWireError } from '../../base/errors.ts';
import type { Launcher } from '../../process/launcher.ts';
import { plugCommands } from './arguments.ts';
import { startUserNetwork } from './network.ts';
import { killProcessesNaming } from './processes.ts';
import type { Qmp } from './qmp.ts';

/**
 * Two more processes would compete with the firmware for its first picture; no guest asks for an
 * address so early.
 */
const DELAY_MS = 300;

export interface UserCards {
  readonly launcher: Launcher;
  readonly qmp: Qmp;
  /** The session's runtime folder. */
  readonly runtime: string;
  /** Which cards lead to the computer's networks. */
  readonly cards: readonly number[];
  /** The machine's life. */
  readonly signal: AbortSignal;
  readonly notice: (error: WireError) => void;
}

/**
 * Starts the network of each card and plugs it in, unless that was done before: a restarted main
 * takes up what its predecessor left half done. A network that cannot be had becomes a notice.
 */
export async function plugUserCards(options: UserCards): Promise<void> {
  const { signal, notice } = options;
  await Promise.all(
    options.cards.map((index) =>
      plugUserCard(options, index).catch((error: unknown) => {
        if (!signal.aborted) notice(toWireError(error));
      }),
    ),
  );
}

async function plugUserCard(
  { launcher, qmp, runtime, signal }: UserCards,
  index: number,
): Promise<void> {
  const socket = join(runtime, `net${index}`);
  const done = join(runtime, `plugged${index}`);
  if (await exists(done)) return;
  await pause(DELAY_MS, undefined, { signal });
  if (await exists(socket)) {
    await killProcessesNaming(socket);
    await rm(socket, { force: true });
  }
  await startUserNetwork(launcher, socket, signal);
  await unplug(qmp, index);
  await plugIn(qmp, index, socket);
  await writeFile(done, '');
}

/** Lays the cable of a card. */
export async function plugIn(qmp: Qmp, index: number, socket: string): Promise<void> {
  for (const command of plugCommands(index, socket)) await qmp.execute('netdev_add', command);
}

/** QEMU refuses to remove what is not there, which is the usual case. */
async function unplug(qmp: Qmp, index: number): Promise<void> {
  for (const { id } of plugCommands(index, '').reverse())
    await qmp.execute('netdev_del', { id }).catch(() => {});
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
