/**
 * LUKS2 for what people and machines leave, unlocked by the computer's TPM as long as Secure
 * Boot's state is what it was (systemd-cryptenroll(1), PCR 7). The key that makes it lives in
 * memory for a moment only; afterwards the TPM alone can open it.
 */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Launcher } from '../process/launcher.ts';
import { type Command, encryptCommands, PROGRAM_MS } from './commands.ts';
import { type MountOptions, withMounted } from './mounts.ts';

const MAPPED = '/dev/mapper/vestibule-data';

/** Formats `partition` with its subvolumes inside. */
export async function encryptData(options: MountOptions, partition: string): Promise<void> {
  const { launcher, folder } = options;
  // Letters only: a key file is read to its end, a prompt to the end of the line.
  const key = randomBytes(48).toString('base64url');
  const [format, open, makeFileSystem] = encryptCommands(partition);
  if (!format || !open || !makeFileSystem) return;
  await run(launcher, { ...format, input: key });
  await run(launcher, { ...open, input: key });
  try {
    await run(launcher, makeFileSystem);
    await withMounted(options, MAPPED, { type: 'btrfs', options: 'rw' }, async (root) => {
      for (const name of ['data', 'vm']) {
        await run(launcher, { program: 'btrfs', args: ['subvolume', 'create', join(root, name)] });
      }
    });
  } finally {
    await run(launcher, { program: 'cryptsetup', args: ['close', 'vestibule-data'] });
  }
  // The helper's folder is in memory, and nobody but root sees into it.
  const keyFile = join(folder, 'enrolment');
  await writeFile(keyFile, key, { mode: 0o600 });
  try {
    await run(launcher, {
      program: 'systemd-cryptenroll',
      args: [
        ...['--unlock-key-file', keyFile, '--tpm2-device=auto', '--tpm2-pcrs=7'],
        ...['--wipe-slot=password', partition],
      ],
    });
  } finally {
    await rm(keyFile, { force: true });
  }
}

async function run(launcher: Launcher, { program, args, input }: Command): Promise<void> {
  await launcher.run({
    program,
    args,
    ...(input === undefined ? {} : { input }),
    signal: AbortSignal.timeout(PROGRAM_MS),
  });
}
