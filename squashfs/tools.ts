/**
 * Programs for the initrd, and loaders for boot servers, from Debian packages of the release that
 * the root file system is made of. Unpacked, never installed: nothing of them runs here.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const RELEASE = 'trixie';
const MIRROR = 'http://deb.debian.org/debian';
const COMMON = [
  'busybox-static',
  'ca-certificates',
  'cryptsetup-bin',
  'curl',
  'kbd',
  'kexec-tools',
  'kmod',
  'openssl',
  'systemd-boot-efi',
  'unifont',
];
/** Boot loaders, for PC firmware. */
const LOADERS = ['grub-efi-amd64-signed', 'ipxe', 'pxelinux', 'shim-signed', 'syslinux-common'];

export type Architecture = 'amd64' | 'arm64';

/**
 * The folder of the unpacked packages. The first call downloads about 60 MB and takes ten seconds;
 * later ones find it.
 *
 * @param cache kept between runs
 * @throws Error where mmdebstrap fails; it needs root, or user namespaces
 */
export async function bootTools(
  cache: string,
  architecture: Architecture,
  signal?: AbortSignal,
): Promise<string> {
  const packages = architecture === 'amd64' ? [...COMMON, ...LOADERS] : COMMON;
  const inputs = [RELEASE, architecture, ...packages].join(' ');
  const hash = createHash('sha256').update(inputs).digest('hex').slice(0, 16);
  const folder = join(cache, hash);
  if (await stat(folder).catch(() => undefined)) return folder;
  await mkdir(cache, { recursive: true });
  // Made aside and renamed: a run that was cut leaves nothing half done.
  const work = await mkdtemp(join(cache, '.tools-'));
  try {
    await run(
      'mmdebstrap',
      [
        '--quiet',
        '--variant=extract',
        `--architectures=${architecture}`,
        `--include=${packages.join(',')}`,
        RELEASE,
        join(work, 'tree'),
        MIRROR,
      ],
      { maxBuffer: 1 << 24, ...(signal === undefined ? {} : { signal }) },
    );
    await rename(join(work, 'tree'), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}
