/** Debian's part of the tree: mmdebstrap, with a cache of packages. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ArchiveState, SUITE, sources } from './debian.ts';
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
 * Debian's part of the tree, before anything of ours. Kept, for it changes only with the archive
 * and the package lists.
 *
 * @param extra packages beside the profile's: another kind of tree
 * @returns a folder that must not be written to
 */
export async function debianTree(
  options: RootfsOptions,
  state: ArchiveState,
  fresh: boolean,
  extra: readonly string[] = [],
): Promise<string> {
  const { profile, architecture, cache } = options;
  const list = [...packageList(profile, architecture), ...extra];
  const key = createHash('sha256')
    .update(JSON.stringify({ list, state, architecture, EXCLUDED, INCLUDED }))
    .digest('hex')
    .slice(0, 32);
  const kind = `${profile}${extra.length > 0 ? '+' : ''}-${architecture}-`;
  const kept = join(cache, 'debian', `${kind}${key}`);
  if (existsSync(kept) && !fresh) return kept;
  await mkdir(join(cache, 'debian'), { recursive: true });
  await dropOlder(join(cache, 'debian'), kind);
  const part = await mkdtemp(join(cache, 'debian', '.part-'));
  try {
    await bootstrap(options, list, join(part, 'tree'), state.epoch);
    await rm(kept, { recursive: true, force: true });
    await rename(join(part, 'tree'), kept);
  } finally {
    await rm(part, { recursive: true, force: true });
  }
  return kept;
}

async function bootstrap(
  { architecture, mirror, cache }: RootfsOptions,
  list: readonly string[],
  tree: string,
  epoch: number,
): Promise<void> {
  const packages = join(cache, 'packages', architecture);
  await mkdir(packages, { recursive: true });
  const archives = '"$1"/var/cache/apt/archives';
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
      ...EXCLUDED.map((path) => `--dpkgopt=path-exclude=${path}`),
      ...INCLUDED.map((path) => `--dpkgopt=path-include=${path}`),
      // Packages stay for the next build; hard links, for both are on one file system.
      '--skip=download/empty',
      '--skip=essential/unlink',
      `--setup-hook=mkdir -p ${archives} && find '${packages}' -name '*.deb' -exec cp -l -t ${archives} {} +`,
      `--customize-hook=find ${archives} -name '*.deb' -exec cp -ln -t '${packages}' {} +`,
      SUITE,
      tree,
      ...sources(mirror),
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

/** One tree of a kind is enough: they are large. */
async function dropOlder(folder: string, prefix: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (name.startsWith(prefix)) await rm(join(folder, name), { recursive: true, force: true });
  }
}
