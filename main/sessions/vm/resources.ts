/**
 * May this machine start here and now, and how large? Pure: figures in, figures or a refusal out.
 */
import { KioskError } from '../../base/errors.ts';
import type { MachineDescription } from './description.ts';

/** What the computer has, in MiB and processors. */
export interface HostResources {
  readonly cpus: number;
  readonly memoryTotalMib: number;
  /** MemAvailable of /proc/meminfo. */
  readonly memoryAvailableMib: number;
  /** Promised to machines that run and have not touched it yet: still counted as available. */
  readonly memoryPromisedMib: number;
  /** Free on the file system of the overlays. */
  readonly diskFreeMib: number;
}

export interface MachineSize {
  readonly cpus: number;
  readonly memoryMib: number;
}

/** What QEMU needs beside the guest's memory; the emulator's code cache comes on top. */
const OVERHEAD_MIB = { kvm: 192, tcg: 448 } as const;
/** Guest memory comes in whole steps of this. */
const STEP_MIB = 32;

/**
 * @param diskReserveMib free space that a start must leave for overlays to grow
 * @throws KioskError `NOT_ENOUGH_MEMORY`, `NOT_ENOUGH_DISK`, each with the figures
 */
export function sizeMachine(
  description: Pick<MachineDescription, 'cpu' | 'memory'>,
  host: HostResources,
  accelerator: 'kvm' | 'tcg',
  diskReserveMib: number,
): MachineSize {
  if (host.diskFreeMib < diskReserveMib) {
    throw new KioskError(
      'NOT_ENOUGH_DISK',
      `The machine needs ${diskReserveMib} MiB of free disk space; ${host.diskFreeMib} MiB are free.`,
      { details: { neededMib: diskReserveMib, freeMib: host.diskFreeMib } },
    );
  }
  return {
    cpus: cpusFor(description.cpu, host.cpus),
    memoryMib: memoryFor(description.memory, host, OVERHEAD_MIB[accelerator]),
  };
}

function cpusFor(cpu: MachineDescription['cpu'], hostCpus: number): number {
  if (cpu.count !== undefined) return cpu.count;
  const usable = Math.max(1, hostCpus - cpu.reserve);
  return Math.max(1, Math.round(usable * cpu.share));
}

function memoryFor(
  memory: MachineDescription['memory'],
  host: HostResources,
  overheadMib: number,
): number {
  const free = Math.floor(
    host.memoryAvailableMib - host.memoryPromisedMib - memory.reserveMib - overheadMib,
  );
  if (memory.mib !== undefined) {
    if (memory.mib > free) throw notEnough(memory.mib, free);
    return memory.mib;
  }
  const wanted = (host.memoryTotalMib - memory.reserveMib) * memory.share;
  // A share shrinks to what is left, down to the minimum.
  const given = Math.floor(Math.min(wanted, free) / STEP_MIB) * STEP_MIB;
  if (given < memory.minimumMib) {
    if (memory.minimumMib > free) throw notEnough(memory.minimumMib, free);
    return memory.minimumMib;
  }
  return given;
}

function notEnough(neededMib: number, freeMib: number): KioskError {
  const free = Math.max(0, freeMib);
  return new KioskError(
    'NOT_ENOUGH_MEMORY',
    `The machine needs ${neededMib} MiB of memory; ${free} MiB can be given.`,
    { details: { neededMib, freeMib: free } },
  );
}
