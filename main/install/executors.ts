/** The verbs of the root helper that concern disks. */
import { mkdir } from 'node:fs/promises';
import type { Executors } from '../helper/service.ts';
import { Installed } from './installed.ts';
import { Installer, type InstallerOptions } from './installer.ts';

/** @param options its folder is made here, for root alone */
export async function diskExecutors(options: InstallerOptions): Promise<Omit<Executors, 'power'>> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 });
  const installer = new Installer(options);
  const installed = new Installed(options, installer);
  return {
    'install.overview': async () => ({
      disks: (await installer.disks(true)).map(({ disk }) => disk),
      boot: await options.boot(),
      source: await installer.source(),
    }),
    'install.plan': ({ request }) => installer.plan(request),
    'install.run': async (order, context) => {
      await installer.run(order, context);
      return null;
    },
    'install.remove': async ({ disk, confirmation }) => {
      await installed.remove(disk, confirmation);
      return null;
    },
    'boot.repair': async ({ disk }) => {
      await installed.repair(disk);
      return null;
    },
    'system.read': () => installed.read(),
    'slot.write': ({ folder }, context) => installed.write(folder, context),
    'slot.verify': async ({ slot }, context) => {
      await installed.verify(slot, context);
      return null;
    },
    'slot.try': ({ slot, tries }) => installed.try(slot, tries),
    'slot.good': () => installed.good(),
    'slot.choose': ({ slot }) => installed.choose(slot),
  };
}
