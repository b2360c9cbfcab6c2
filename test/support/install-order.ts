/** The installation's executors in this process, without a socket: for tests of what a disk holds. */
import { join } from 'node:path';
import { Installed } from '../../main/install/installed.ts';
import { Installer, type InstallerOptions } from '../../main/install/installer.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { InstallRequest } from '../../preload/contract/install.ts';
import { CONFIGURATION } from './install-disk.ts';

export interface LocalInstaller extends AsyncDisposable {
  readonly installer: Installer;
  readonly installed: Installed;
  /** Plans and carries out. */
  install(request: InstallRequest, onStep?: (step: string) => Promise<void>): Promise<void>;
}

/**
 * @param folder with `boot/keys`, and room for the helper's own
 * @param device the one loop device that it sees: others belong to other tests
 */
export function localInstaller(
  folder: string,
  image: string,
  device: () => string,
): LocalInstaller {
  const launcher = new Launcher(silentLogger);
  const options: InstallerOptions = {
    launcher,
    log: silentLogger,
    folder: join(folder, 'helper'),
    places: { imageFolder: image, bootFolder: join(folder, 'boot') },
    loader: {
      biosFolder: '/usr/lib/grub/i386-pc',
      shimFolder: '/usr/lib/shim',
      signedGrub: '/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed',
      configuration: CONFIGURATION,
    },
    commandLine: async () => 'console=ttyS0 loglevel=6',
    boot: async () => ({ firmware: 'bios', secureBoot: false, nvram: false, tpm: false }),
    get loops() {
      return [device()];
    },
  };
  const installer = new Installer(options);
  return {
    installer,
    installed: new Installed(options, installer),
    async install(request, onStep) {
      const plan = await installer.plan(request);
      let last: string | null = null;
      const waits: Promise<void>[] = [];
      await installer.run(
        { planId: plan.id, request, confirmation: plan.confirmWord, folder: null },
        {
          signal: new AbortController().signal,
          progress: (step) => {
            if (step === null || step === last) return;
            last = step;
            if (onStep) waits.push(onStep(step));
          },
        },
      );
      await Promise.all(waits);
    },
    [Symbol.asyncDispose]: () => launcher.stopAll(),
  };
}
