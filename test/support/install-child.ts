/**
 * The root helper with the verbs of the installation, as a process of its own that a test can
 * kill. Loop devices are its disks; everything else is the product's.
 */

import { serveHelper } from '../../main/helper/service.ts';
import { readFirmware } from '../../main/install/boot-facts.ts';
import { diskExecutors } from '../../main/install/executors.ts';
import { createLog } from '../../main/log/log.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { BootFacts } from '../../preload/contract/install.ts';

export interface ChildOptions {
  readonly socket: string;
  readonly folder: string;
  readonly imageFolder: string;
  readonly bootFolder: string;
  readonly configuration: string;
  /** Loop devices that are disks; default: all. */
  readonly loops?: readonly string[];
  /** Instead of this computer's. */
  readonly boot?: BootFacts;
}

const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const log = createLog({ level: 'info', destination: { type: 'stderr' } });
const launcher = new Launcher(log.scope('process'));
await serveHelper({
  socket: options.socket,
  executors: {
    power: () => Promise.reject(new Error('not in this test')),
    ...(await diskExecutors({
      launcher,
      log: log.scope('install'),
      folder: options.folder,
      places: { imageFolder: options.imageFolder, bootFolder: options.bootFolder },
      loader: {
        biosFolder: '/usr/lib/grub/i386-pc',
        shimFolder: '/usr/lib/shim',
        signedGrub: '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed',
        configuration: options.configuration,
      },
      commandLine: async () => 'vestibule.campus.servers=https://campus.example/',
      boot: async () => options.boot ?? (await readFirmware()),
      loops: options.loops ?? 'all',
    })),
  },
  log: log.scope('helper'),
});
process.stdout.write('ready\n');
