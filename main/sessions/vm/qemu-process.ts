/** A machine's QEMU as a process: started, heard from for the first time, and found again. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KioskError } from '../../base/errors.ts';
import type { Child, Launcher } from '../../process/launcher.ts';
import { deathError, isMissing } from './faults.ts';
import { processesNaming } from './processes.ts';
import { Qmp } from './qmp.ts';

export interface QemuStart {
  readonly launcher: Launcher;
  /** Looked up in PATH. */
  readonly program: string;
  readonly args: readonly string[];
  /** Of the monitor's socket. */
  readonly qmpPath: string;
  /** Milliseconds until QEMU must answer for the first time. */
  readonly launchMs: number;
  readonly signal: AbortSignal;
}

/**
 * Starts QEMU and waits for its first answer.
 * @throws KioskError `MACHINE_PROGRAM_MISSING`, `MACHINE_SILENT`, or what it said when it died
 */
export async function startQemu(start: QemuStart): Promise<{ child: Child; qmp: Qmp }> {
  const { launcher, program, args, signal } = start;
  const child = await launcher
    .launch({ program, args, lifetime: 'adopt', signal })
    .catch((error: unknown) => {
      throw isMissing(error) ? programMissing(program, error) : error;
    });
  return { child, qmp: await firstAnswer(child, start) };
}

/** The pids of the QEMU of a machine's runtime folder: the one that serves the monitor's socket. */
export async function qemuIn(runtime: string): Promise<number[]> {
  return processesNaming(`path=${join(runtime, 'qmp')}`);
}

/** Nobody can wait for a process that is not a child, so it is looked for. */
export async function whenGone(runtime: string): Promise<undefined> {
  while ((await qemuIn(runtime)).length > 0) await pause(500);
  return undefined;
}

async function firstAnswer(
  child: Child,
  { qmpPath: path, launchMs: timeoutMs, signal }: QemuStart,
): Promise<Qmp> {
  const connecting = new AbortController();
  const connected = Qmp.connect({
    path,
    timeoutMs,
    signal: AbortSignal.any([signal, connecting.signal]),
  });
  const died = child.exited.then((exit) => {
    throw deathError(exit);
  });
  try {
    return await Promise.race([connected, died]);
  } catch (error) {
    connecting.abort();
    await Promise.allSettled([connected.then((qmp) => qmp.close()), child.kill()]);
    // Refused connections and a closed monitor are only how a death looks from outside.
    const exit = await child.exited;
    throw exit.signal === 'SIGKILL' ? error : deathError(exit);
  }
}

function programMissing(program: string, cause: unknown): KioskError {
  return new KioskError('MACHINE_PROGRAM_MISSING', `${program} is not installed.`, {
    cause,
    details: { program },
  });
}
