/** What is mounted, and mounting for a moment: in the helper's own folder, which nobody else sees into. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launcher } from '../process/launcher.ts';
import { PROGRAM_MS } from './commands.ts';

/** One line of /proc/self/mountinfo (proc_pid_mountinfo(5)). */
export interface Mount {
  readonly source: string;
  readonly target: string;
  /** `major:minor`; of BTRFS an invented one. */
  readonly device: string;
  readonly type: string;
}

export async function readMounts(): Promise<Mount[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const dash = fields.indexOf('-');
    const [target, device] = [fields[4], fields[2]];
    const [type, source] = [fields[dash + 1], fields[dash + 2]];
    if (dash < 0 || !target || !device || !type || !source) return [];
    return [{ source: unquote(source), target: unquote(target), device, type }];
  });
}

/** Blanks and backslashes stand as octal numbers. */
function unquote(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}

export interface MountOptions {
  readonly launcher: Launcher;
  /** The helper's own folder, mode 0700. */
  readonly folder: string;
}

/** Mounts a device, runs `work` with the mount point, and unmounts whatever happens. */
export async function withMounted<T>(
  { launcher, folder }: MountOptions,
  device: string,
  { type, options }: { readonly type: string; readonly options: string },
  work: (path: string) => Promise<T>,
): Promise<T> {
  const path = join(folder, `mount-${randomUUID()}`);
  await mkdir(path, { recursive: true, mode: 0o700 });
  try {
    await launcher.run({
      program: 'mount',
      args: ['-t', type, '-o', `${options},nosuid,nodev,noexec`, device, path],
      signal: AbortSignal.timeout(PROGRAM_MS),
    });
    try {
      return await work(path);
    } finally {
      await launcher.run({
        program: 'umount',
        args: [path],
        signal: AbortSignal.timeout(PROGRAM_MS),
      });
    }
  } finally {
    await rmdir(path).catch(() => {});
  }
}
