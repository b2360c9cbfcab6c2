/** What this computer lacks, said before anyone signs in (idea: bwLehrpool's system check). */
import { statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import type { WireError } from '../../preload/contract/errors.ts';
import { readVirtualization, type Virtualization } from './virtualization.ts';

export interface WarningsOptions {
  /** Where machines write while they run. */
  readonly scratchFolder: string;
  /** Memory that the kiosk keeps for itself, in MiB (`sessions.memoryReserveMiB`). */
  readonly memoryReserveMiB: number;
  readonly virtualization?: () => Promise<Virtualization>;
  /** Bytes; default: what the computer has. */
  readonly totalMemory?: number;
}

/** A machine below these is of no use to a student. */
const MACHINE_MIB = 1_024;
const SCRATCH_MIB = 2_048;

/** Never rejects. */
export async function readWarnings(options: WarningsOptions): Promise<WireError[]> {
  const warnings: WireError[] = [];
  const { kvm, reason } = await (options.virtualization ?? readVirtualization)();
  if (!kvm) {
    warnings.push({
      code: 'MACHINE_SLOW',
      message: `Virtual machines run slowly here. ${reason ?? ''}`.trim(),
    });
  }
  const totalMiB = Math.floor((options.totalMemory ?? totalmem()) / 2 ** 20);
  const neededMiB = options.memoryReserveMiB + MACHINE_MIB;
  if (totalMiB < neededMiB) {
    warnings.push({
      code: 'NOT_ENOUGH_MEMORY',
      message: `This computer has ${totalMiB} MiB of memory; virtual machines need ${neededMiB} MiB.`,
      details: { totalMiB, neededMiB },
    });
  }
  const space = await statfs(options.scratchFolder).catch(() => undefined);
  const freeMiB = space ? Math.floor((space.bavail * space.bsize) / 2 ** 20) : 0;
  if (freeMiB < SCRATCH_MIB) {
    warnings.push({
      code: 'NOT_ENOUGH_DISK',
      message: space
        ? `Only ${freeMiB} MiB of disk space are free; virtual machines need ${SCRATCH_MIB} MiB.`
        : 'There is no disk for virtual machines.',
      details: { freeMiB, neededMiB: SCRATCH_MIB },
    });
  }
  return warnings;
}
