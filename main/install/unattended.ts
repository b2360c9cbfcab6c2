/**
 * Installing without anybody at the screen: which disk a profile means, as a pure function, and
 * the installation that follows. The guards of the plan hold here as they do for a person; what a
 * person would be asked about in a warning must be allowed by the profile.
 */
import type { Disk, InstallOverview, InstallRequest } from '../../preload/contract/install.ts';
import type { Job } from '../../preload/contract/model.ts';
import { KioskError } from '../base/errors.ts';
import type { InstallProfile } from '../base/system.ts';
import type { Install } from './install.ts';

/** Who asked: a command line asks again at each start, an order only once. */
export type Asker = 'command-line' | 'order';

/**
 * The request that a profile makes of this computer.
 * @throws KioskError `INSTALL_REFUSED` with `details.reason`: `no-disk`, `ambiguous`,
 * `not-empty`, `installed`, `no-free-space`, `no-tpm`
 */
export function requestFor(
  profile: InstallProfile,
  overview: InstallOverview,
  asker: Asker,
): InstallRequest {
  const disk = chooseDisk(profile, overview.disks);
  const installed = disk.installation?.state === 'installed';
  if (installed && !(profile.replace && asker === 'order')) {
    throw refused('installed', 'Vestibule is installed on the disk already.');
  }
  if (profile.encrypt === 'always' && !overview.boot.tpm) {
    throw refused('no-tpm', 'The profile asks for encryption, and there is no TPM.');
  }
  const common = {
    disk: disk.path,
    swapMiB: profile.swapMiB,
    encrypt: profile.encrypt !== 'never' && overview.boot.tpm,
  };
  if (profile.target === 'free') {
    const [largest] = [...disk.free].sort((a, b) => b.size - a.size);
    if (!largest) throw refused('no-free-space', 'The disk has no free space.');
    return { ...common, target: { mode: 'free', start: largest.start } };
  }
  const ours = disk.installation !== null;
  if (disk.partitions.length > 0 && !profile.erase && !ours) {
    throw refused('not-empty', 'The disk has partitions, which the profile does not let erase.');
  }
  return { ...common, target: { mode: 'whole' } };
}

/**
 * The one disk that a profile means.
 * @throws KioskError `INSTALL_REFUSED`, `details.reason` `no-disk` or `ambiguous`
 */
function chooseDisk({ disk: rule }: InstallProfile, disks: readonly Disk[]): Disk {
  const fitting = disks.filter(
    (disk) =>
      !disk.removable &&
      !disk.readOnly &&
      !disk.bootMedium &&
      disk.transport !== 'usb' &&
      disk.size >= rule.minimumBytes &&
      disk.size <= (rule.maximumBytes ?? Number.POSITIVE_INFINITY) &&
      (rule.transports?.includes(disk.transport) ?? true) &&
      (rule.model === undefined || disk.model.includes(rule.model)) &&
      (rule.serials?.includes(disk.serial) ?? true),
  );
  const left = rule.prefer === undefined ? fitting : extremes(fitting, rule.prefer);
  const [disk] = left;
  if (!disk) throw refused('no-disk', 'No disk of this computer fits the profile.');
  if (left.length > 1) {
    throw new KioskError('INSTALL_REFUSED', 'Several disks fit the profile.', {
      details: { reason: 'ambiguous', disks: left.map(({ path }) => path) },
    });
  }
  return disk;
}

/** The smallest or the largest; several where they are equal. */
function extremes(disks: readonly Disk[], prefer: 'smallest' | 'largest'): Disk[] {
  const sizes = disks.map(({ size }) => size);
  const wanted = prefer === 'smallest' ? Math.min(...sizes) : Math.max(...sizes);
  return disks.filter(({ size }) => size === wanted);
}

export interface UnattendedOptions {
  readonly install: Pick<Install, 'overview' | 'plan' | 'start'>;
  /** Profiles of the signed manifest. */
  readonly profiles: () => readonly InstallProfile[];
  /** The room of this computer; null: unknown. */
  readonly room: () => string | null;
}

/**
 * Begins the installation that a profile describes.
 * @throws KioskError `INSTALL_REFUSED` with `details.reason` (also `unknown-profile`,
 * `other-room`, and `findings` where the plan is refused), `HELPER_ABSENT`, `INSTALL_SOURCE_MISSING`
 */
export async function installUnattended(
  { install, profiles, room }: UnattendedOptions,
  id: string,
  asker: Asker,
): Promise<{ readonly job: Job; readonly profile: InstallProfile }> {
  const profile = profiles().find((one) => one.id === id);
  if (!profile) throw refused('unknown-profile', `The campus has no profile "${id}".`);
  const here = room();
  if (profile.rooms && (here === null || !profile.rooms.includes(here))) {
    throw refused('other-room', 'The profile is for other rooms.');
  }
  const overview = await install.overview();
  if (overview.source === null) {
    throw new KioskError('INSTALL_SOURCE_MISSING', 'What runs here is no system image.');
  }
  const plan = await install.plan(requestFor(profile, overview, asker));
  const findings = plan.findings.filter(({ severity }) => severity === 'refuse');
  if (findings.length > 0) {
    throw new KioskError('INSTALL_REFUSED', 'The plan cannot be carried out.', {
      details: { reason: 'findings', findings: findings.map(({ code }) => code) },
    });
  }
  const { id: planId, request, confirmWord: confirmation } = plan;
  const title = `Install by profile ${profile.id}`;
  return { job: await install.start({ planId, request, confirmation }, title), profile };
}

function refused(reason: string, message: string): KioskError {
  return new KioskError('INSTALL_REFUSED', message, { details: { reason } });
}
