/**
 * The root helper's entry, started by systemd when the kiosk first connects
 * (`vestibule-helper.socket`). What it may do is in main/helper; its log goes to the journal.
 */
import { KioskError } from './base/errors.ts';
import { systemdPower } from './helper/power.ts';
import { HELPER_SOCKET } from './helper/protocol.ts';
import { serveHelper } from './helper/service.ts';
import { createLog } from './log/log.ts';
import { Launcher } from './process/launcher.ts';

/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3;

const log = createLog({ level: 'info', destination: { type: 'stderr' } });
const launcher = new Launcher(log.scope('process'));
const { LISTEN_FDS, LISTEN_PID } = process.env;
const handedOver = LISTEN_FDS === '1' && LISTEN_PID === String(process.pid);

/** Verbs whose work this image does not carry. */
const refuse = (): Promise<never> =>
  Promise.reject(new KioskError('HELPER_REFUSED', 'This system cannot do that.'));

try {
  await serveHelper({
    socket: HELPER_SOCKET,
    ...(handedOver ? { descriptor: FIRST_DESCRIPTOR } : {}),
    executors: {
      power: async ({ action }) => {
        await systemdPower(launcher, action);
        return null;
      },
      'boot.repair': refuse,
      'install.overview': refuse,
      'install.plan': refuse,
      'install.remove': refuse,
      'install.run': refuse,
      'slot.choose': refuse,
      'slot.good': refuse,
      'slot.try': refuse,
      'slot.verify': refuse,
      'slot.write': refuse,
      'system.read': refuse,
    },
    log: log.scope('helper'),
  });
} catch (error) {
  log.error('The root helper cannot serve.', { error });
  process.exitCode = 1;
}
