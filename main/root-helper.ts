/**
 * The root helper's entry, started by systemd when the kiosk first connects
 * (`vestibule-helper.socket`). What it may do is in main/helper; its log goes to the journal.
 */
import { readFile } from 'node:fs/promises';
import { systemdPower } from './helper/power.ts';
import { HELPER_SOCKET } from './helper/protocol.ts';
import { serveHelper } from './helper/service.ts';
import { readFirmware } from './install/boot-facts.ts';
import { diskExecutors } from './install/executors.ts';
import { SYSTEM_PLACES } from './install/source.ts';
import { createLog } from './log/log.ts';
import { Launcher } from './process/launcher.ts';

/** The first descriptor that systemd hands over (sd_listen_fds(3)). */
const FIRST_DESCRIPTOR = 3;

const log = createLog({ level: 'info', destination: { type: 'stderr' } });
const launcher = new Launcher(log.scope('process'));
const { LISTEN_FDS, LISTEN_PID } = process.env;
const handedOver = LISTEN_FDS === '1' && LISTEN_PID === String(process.pid);

/** As Debian's packages and ours place them. */
const LOADER = {
  biosFolder: '/usr/lib/grub/i386-pc',
  shimFolder: '/usr/lib/shim',
  signedGrub: '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed',
  configuration: '/usr/lib/vestibule/grub.cfg',
};

try {
  await serveHelper({
    socket: HELPER_SOCKET,
    ...(handedOver ? { descriptor: FIRST_DESCRIPTOR } : {}),
    executors: {
      power: async ({ action }) => {
        await systemdPower(launcher, action);
        return null;
      },
      ...(await diskExecutors({
        launcher,
        log: log.scope('install'),
        folder: '/run/vestibule-helper',
        places: SYSTEM_PLACES,
        loader: LOADER,
        boot: readFirmware,
        commandLine: () => readFile('/proc/cmdline', 'utf8'),
        loops: [],
      })),
    },
    log: log.scope('helper'),
  });
} catch (error) {
  log.error('The root helper cannot serve.', { error });
  process.exitCode = 1;
}
