/** A TPM 2.0 in software (swtpm), one process and one state folder per machine. */
import { mkdir } from 'node:fs/promises';
import { KioskError } from '../../base/errors.ts';
import type { Launcher } from '../../process/launcher.ts';

/**
 * Resolves once QEMU can connect. The process ends when QEMU closes the connection.
 * @throws KioskError `MACHINE_TPM_FAILED`
 */
export async function startTpm(
  launcher: Launcher,
  options: { readonly socket: string; readonly stateFolder: string; readonly signal: AbortSignal },
): Promise<void> {
  await mkdir(options.stateFolder, { recursive: true, mode: 0o700 });
  try {
    const child = await launcher.launch({
      program: 'swtpm',
      lifetime: 'adopt',
      signal: options.signal,
      args: [
        ...['socket', '--tpm2', '--terminate', '--daemon'],
        ...['--tpmstate', `dir=${options.stateFolder},mode=0600`],
        ...['--ctrl', `type=unixio,path=${options.socket},mode=0600`],
      ],
    });
    const { code, stderrTail } = await child.exited;
    if (code !== 0) throw new Error(stderrTail.trim() || `ended with ${code}`);
  } catch (error) {
    throw new KioskError(
      'MACHINE_TPM_FAILED',
      `The machine runs without a TPM: ${error instanceof Error ? error.message : error}`,
      { cause: error },
    );
  }
}
