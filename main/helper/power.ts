/** The helper's verb `power`, through systemd as root. */
import type { Launcher } from '../process/launcher.ts';
import type { PowerAction } from './protocol.ts';

const UNIT_COMMANDS: Readonly<Record<PowerAction, string>> = {
  shutdown: 'poweroff',
  restart: 'reboot',
  suspend: 'suspend',
};

/**
 * @param program systemctl, or what stands in for it in tests
 * @throws KioskError `PROGRAM_MISSING`, `PROGRAM_FAILED`
 */
export async function systemdPower(
  launcher: Launcher,
  action: PowerAction,
  program = 'systemctl',
): Promise<void> {
  await launcher.run({
    program,
    args: ['--no-ask-password', UNIT_COMMANDS[action]],
    signal: AbortSignal.timeout(30_000),
  });
}
