/** What this computer's firmware offers, from /sys (efivarfs) and /dev. */
import { access, readFile } from 'node:fs/promises';
import type { BootFacts } from '../../preload/contract/install.ts';
import { readMounts } from './mounts.ts';

const EFI = '/sys/firmware/efi';
const SECURE_BOOT = `${EFI}/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c`;

/** Of systemd-cryptsetup, which opens the data partition at each start. */
const ATTACH = '/usr/lib/systemd/systemd-cryptsetup';

export async function readFirmware(): Promise<BootFacts> {
  const uefi = await exists(EFI);
  const variables = (await readMounts()).some(({ target }) => target === `${EFI}/efivars`);
  // Four bytes of attributes, then the value (kernel, filesystems/efivarfs.rst).
  const secure = await readFile(SECURE_BOOT).catch(() => undefined);
  return {
    firmware: uefi ? 'uefi' : 'bios',
    secureBoot: secure?.at(4) === 1,
    nvram: uefi && variables,
    // What only a TPM can open is of use only where the image can ask it.
    tpm: (await exists('/dev/tpmrm0')) && (await exists(ATTACH)),
  };
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
