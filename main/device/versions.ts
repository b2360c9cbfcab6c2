/** What runs here, for the administrator's screen and for reports. */
import { release } from 'node:os';
import type { Versions } from '../../preload/contract/model.ts';
import type { Launcher } from '../process/launcher.ts';
import { within } from './sysfs.ts';

/** What only the rest of the kiosk knows. */
export type OwnVersions = Pick<Versions, 'vestibule' | 'shell' | 'ui' | 'manifest'>;

/** Never rejects: a QEMU that is missing or hangs is null. */
export async function readVersions(launcher: Launcher, own: OwnVersions): Promise<Versions> {
  return {
    ...own,
    node: process.versions.node,
    qemu: await within(qemuVersion(launcher), 5_000, null),
    kernel: release(),
  };
}

async function qemuVersion(launcher: Launcher): Promise<string | null> {
  const { stdout } = await launcher.run({
    program: 'qemu-system-x86_64',
    args: ['--version'],
    signal: AbortSignal.timeout(5_000),
  });
  return /version (\d[\w.+-]*)/.exec(stdout)?.[1] ?? null;
}
