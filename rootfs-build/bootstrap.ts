/** Debian's part of the tree: mmdebstrap, with a cache of packages. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SUITE, sources } from './debian.ts';
import { packageList } from './lists.ts';
import type { RootfsOptions } from './options.ts';
import { run } from './run.ts';

/** Never unpacked: documentation, and translations into languages that the kiosk has not. */
const EXCLUDED = [
  '/usr/share/doc/*',
  '/usr/share/man/*',
  '/usr/share/info/*',
  '/usr/share/locale/*',
  '/usr/share/gtk-doc/*',
  '/usr/share/help/*',
  '/usr/share/lintian/*',
  '/usr/lib/chromium/locales/*',
];
const INCLUDED = [
  '/usr/share/doc/*/copyright',
  ...['ar', 'de', 'en-GB', 'en-US', 'es', 'fr'].map(
    (name) => `/usr/lib/chromium/locales/${name}.pak`,
  ),
];

/**
 * @param packages a folder with the runtime's package and its index
 * @param tree must not exist
 */
export async function bootstrap(
  options: RootfsOptions,
  packages: string,
  tree: string,
  epoch: number,
): Promise<void> {
  const { profile, architecture, mirror, cache } = options;
  const kept = join(cache, 'packages', architecture);
  await mkdir(kept, { recursive: true });
  const archives = '"$1"/var/cache/apt/archives';
  const list = [...packageList(profile, architecture), 'vestibule'];
  await run(
    'mmdebstrap',
    [
      '--quiet',
      '--mode=root',
      '--variant=minbase',
      `--architectures=${architecture}`,
      `--include=${list.join(',')}`,
      '--aptopt=APT::Install-Recommends "false"',
      '--aptopt=Acquire::Retries "3"',
      '--dpkgopt=force-confdef',
      ...EXCLUDED.map((path) => `--dpkgopt=path-exclude=${path}`),
      ...INCLUDED.map((path) => `--dpkgopt=path-include=${path}`),
      // Packages stay for the next build; hard links, for both are on one file system.
      '--skip=download/empty',
      '--skip=essential/unlink',
      `--setup-hook=mkdir -p ${archives} && find '${kept}' -name '*.deb' -exec cp -l -t ${archives} {} +`,
      `--customize-hook=find ${archives} -name '*.deb' ! -name 'vestibule_*' -exec cp -ln -t '${kept}' {} +`,
      SUITE,
      tree,
      ...sources(mirror),
      `deb [trusted=yes] copy:${packages} ./`,
    ],
    {
      env: {
        SOURCE_DATE_EPOCH: String(epoch),
        // The initrd is made by squashfs/, not by the kernel package (initramfs-tools' postinst hook).
        INITRD: 'No',
        DEBIAN_FRONTEND: 'noninteractive',
      },
    },
  );
}
