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

const MIB = 2 ** 20;
/** A machine below these is of no use to a student. */
const MACHINE_MIB = 1_024;
const SCRATCH_MIB = 2_048;

/** Never rejects. The details `available` and `needed` are bytes. */
export async function readWarnings(options: WarningsOptions): Promise<WireError[]> {
  const warnings: WireError[] = [];
  const { kvm, reason } = await (options.virtualization ?? readVirtualization)();
  if (!kvm) {
    warnings.push({
      code: 'MACHINE_SLOW',
      message: `Virtual machines run slowly here. ${reason ?? ''}`.trim(),
    });
  }
  const memory = {
    available: options.totalMemory ?? totalmem(),
    needed: (options.memoryReserveMiB + MACHINE_MIB) * MIB,
  };
  if (memory.available < memory.needed) {
    warnings.push({
      code: 'NOT_ENOUGH_MEMORY',
      message: `This computer has ${inMib(memory.available)} of memory; virtual machines need ${inMib(memory.needed)}.`,
      details: memory,
    });
  }
  const space = await statfs(options.scratchFolder).catch(() => undefined);
  const disk = { available: space ? space.bavail * space.bsize : 0, needed: SCRATCH_MIB * MIB };
  if (disk.available < disk.needed) {
    warnings.push({
      code: 'NOT_ENOUGH_DISK',
      message: space
        ? `Only ${inMib(disk.available)} of disk space are free; virtual machines need ${inMib(disk.needed)}.`
        : 'There is no disk for virtual machines.',
      details: disk,
    });
  }
  return warnings;
}

function inMib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}
