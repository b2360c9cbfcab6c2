/**
 * Declares a running machine to systemd as a scope with limits, where systemd is there. Done
 * after the start, by D-Bus and process id, so that it costs the click nothing; a failure is
 * logged and changes nothing.
 */
import { access } from 'node:fs/promises';
import type { Logger } from '../../log/logger.ts';
import type { Launcher } from '../../process/launcher.ts';
import { isMissing } from './faults.ts';

/** QEMU's own memory beside the guest's, and room so that a limit never kills a healthy machine. */
const HEADROOM_MIB = 1024;
const TASKS = 512;
/** systemd's default is 100; the shell and main come first. */
const CPU_WEIGHT = 50;

export interface LimitOptions {
  readonly launcher: Launcher;
  readonly log: Logger;
  readonly pid: number;
  /** Unique, `[a-z0-9-]`. */
  readonly name: string;
  readonly memoryMib: number;
  /** Exists where systemd runs, see sd_booted(3). */
  readonly marker?: string;
}

/**
 * Puts the machine into a scope of systemd with a ceiling of memory, processor weight and tasks.
 * Never throws: where there is no systemd, and where it refuses, the machine runs without.
 */
export async function declareLimits(options: LimitOptions): Promise<void> {
  const { launcher, log, marker = '/run/systemd/system' } = options;
  const booted = await access(marker).then(
    () => true,
    () => false,
  );
  if (!booted) return;
  try {
    await launcher.run({ program: 'busctl', args: scopeCall(options, process.getuid?.() ?? 0) });
  } catch (error) {
    if (isMissing(error)) return;
    log.warn('a machine runs without limits', { machine: options.name, error });
  }
}

/** The D-Bus call StartTransientUnit, see org.freedesktop.systemd1(5). */
export function scopeCall(
  { pid, name, memoryMib }: Pick<LimitOptions, 'pid' | 'name' | 'memoryMib'>,
  user: number,
): string[] {
  const bytes = (memoryMib + HEADROOM_MIB) * 1024 * 1024;
  return [
    ...(user === 0 ? ['--system'] : ['--user']),
    ...['call', 'org.freedesktop.systemd1', '/org/freedesktop/systemd1'],
    ...['org.freedesktop.systemd1.Manager', 'StartTransientUnit', 'ssa(sv)a(sa(sv))'],
    ...[`vestibule-${name}.scope`, 'fail', '4'],
    ...['PIDs', 'au', '1', String(pid)],
    ...['MemoryMax', 't', String(bytes)],
    ...['CPUWeight', 't', String(CPU_WEIGHT)],
    ...['TasksMax', 't', String(TASKS)],
    '0',
  ];
}
