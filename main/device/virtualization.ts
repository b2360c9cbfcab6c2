/** Whether machines can run at the processor's speed, and if not, what to do about it. */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { errno } from '../base/errors.ts';
import { readText } from './sysfs.ts';

export interface Virtualization {
  readonly kvm: boolean;
  /** One sentence for an administrator; null where KVM is usable. */
  readonly reason: string | null;
}

export interface VirtualizationSources {
  /** Default `/dev/kvm`. */
  readonly device?: string;
  /** Default `/proc/cpuinfo`. */
  readonly cpuinfo?: string;
}

/**
 * What can be seen without starting a machine. It is an upper bound: an emulated KVM that cannot
 * run a guest is only found by running one, which `main/sessions/vm` does.
 */
export async function readVirtualization({
  device = '/dev/kvm',
  cpuinfo = '/proc/cpuinfo',
}: VirtualizationSources = {}): Promise<Virtualization> {
  try {
    await access(device, constants.R_OK | constants.W_OK);
    return { kvm: true, reason: null };
  } catch (error) {
    if (errno(error) === 'EACCES')
      return { kvm: false, reason: `${device} may not be opened: add this user to the group kvm.` };
  }
  const flags = /^flags\s*:(.*)$/m.exec((await readText(cpuinfo)) ?? '')?.[1] ?? '';
  return / (?:vmx|svm)\b/.test(flags)
    ? {
        kvm: false,
        reason: `The processor can virtualize but ${device} is missing: enable VT-x or AMD-V in the firmware, and check that the kernel module kvm_intel or kvm_amd is loaded.`,
      }
    : {
        kvm: false,
        reason:
          'The processor offers no virtualization: enable VT-x or AMD-V in the firmware where it has the setting.',
      };
}
