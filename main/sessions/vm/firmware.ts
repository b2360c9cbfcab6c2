/** Where distributions keep OVMF (UEFI for virtual machines), and a session's copy of its variables. */
import { constants } from 'node:fs';
import { access, copyFile } from 'node:fs/promises';
import { errno, fromDiskError, KioskError } from '../../base/errors.ts';
import type { MachineDescription } from './description.ts';

interface FirmwareFiles {
  readonly code: string;
  /** The template; each session writes to a copy. */
  readonly variables: string;
}

/** Debian and Ubuntu, then Fedora. The 4 MiB builds: the 2 MiB ones cannot hold today's revocation lists. */
const PLAIN: readonly FirmwareFiles[] = [
  { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
  { code: '/usr/share/edk2/ovmf/OVMF_CODE.fd', variables: '/usr/share/edk2/ovmf/OVMF_VARS.fd' },
];
const SECURE: readonly FirmwareFiles[] = [
  {
    code: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
    variables: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
  },
  {
    code: '/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd',
    variables: '/usr/share/edk2/ovmf/OVMF_VARS.secboot.fd',
  },
];

/**
 * Undefined for BIOS machines.
 * @throws KioskError `MACHINE_FIRMWARE_MISSING`
 */
export async function findFirmware(
  wanted: MachineDescription['firmware'],
): Promise<FirmwareFiles | undefined> {
  if (wanted.type === 'bios') return undefined;
  for (const files of wanted.secureBoot ? SECURE : PLAIN) {
    if ((await readable(files.code)) && (await readable(files.variables))) return files;
  }
  throw new KioskError(
    'MACHINE_FIRMWARE_MISSING',
    `The computer lacks UEFI firmware for machines${wanted.secureBoot ? ' with Secure Boot' : ''} (package ovmf).`,
    { details: { secureBoot: wanted.secureBoot } },
  );
}

/** Makes the session's own variables; a kept copy stays as it is. */
export async function copyVariables(template: string, to: string): Promise<void> {
  try {
    await copyFile(template, to, constants.COPYFILE_EXCL);
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw fromDiskError(error, "copying a machine's UEFI variables");
  }
}

async function readable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}
