/**
 * The peer of `npm run bench -- boot`: the same packages as an image that Debian's live-build would
 * make of them. live-boot's own initrd, live-config, Debian's tree as it is; what live-build itself
 * would add (its package lists, hooks of its own) is left out, in the peer's favour.
 */
import { createHash } from 'node:crypto';
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { debianTree } from '../../rootfs-build/bootstrap.ts';
import { installPackage } from '../../rootfs-build/build.ts';
import { archiveState } from '../../rootfs-build/debian.ts';
import { kernelRelease } from '../../rootfs-build/modules.ts';
import { readRootfsOptions } from '../../rootfs-build/options.ts';
import { run } from '../../rootfs-build/run.ts';
import { repository } from '../../squashfs/inputs.ts';
import { type Compressor, makeSquashfs } from '../../squashfs/packing.ts';

const PACKAGES = [
  'initramfs-tools',
  'live-boot',
  'live-boot-initramfs-tools',
  'live-config',
  'live-config-systemd',
];
const ENABLED = ['systemd-networkd', 'systemd-resolved', 'systemd-timesyncd'];

/** What a hook of a live-build configuration does for a kiosk. */
const HOOK = `set -e
systemctl enable ${ENABLED.join(' ')}
systemctl set-default graphical.target
systemctl mask getty@tty1.service systemd-networkd-wait-online.service
update-initramfs -c -k "$1"
`;

/**
 * @param rootfs what `npm run rootfs` made: the runtime's package comes from there
 * @returns a folder with `vmlinuz`, `initrd.img` and `live.squashfs`, kept for the next time
 */
export async function liveImage(rootfs: string, compressor: Compressor): Promise<string> {
  const options = readRootfsOptions([], repository);
  const state = await archiveState(options.mirror, options.architecture, options.cache);
  const tree = await readFile(join(rootfs, 'complete'), 'utf8');
  const inputs = JSON.stringify([tree, state, PACKAGES, HOOK, compressor]);
  const hash = createHash('sha256').update(inputs).digest('hex').slice(0, 16);
  const cache = join(repository, '.cache', 'bench-live');
  const folder = join(cache, hash);
  if ((await readFile(join(folder, 'complete'), 'utf8').catch(() => '')) === hash) return folder;
  await rm(cache, { recursive: true, force: true });
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, '.live-'));
  try {
    const debian = await debianTree(options, state, false, PACKAGES);
    const root = join(work, 'root');
    await run('cp', ['-a', '--reflink=auto', debian, root]);
    const deb = (await readdir(rootfs)).find((name) => name.endsWith('.deb')) ?? '';
    await installPackage(join(rootfs, deb), root, state.epoch);
    const release = await kernelRelease(root);
    await run('chroot', [root, 'sh', '-c', HOOK, 'hook', release]);
    await writeFile(join(root, 'etc/machine-id'), '');
    await copyFile(join(root, `boot/vmlinuz-${release}`), join(work, 'vmlinuz'));
    await copyFile(join(root, `boot/initrd.img-${release}`), join(work, 'initrd.img'));
    await run('find', [join(root, 'boot'), join(root, 'tmp'), '-mindepth', '1', '-delete']);
    await makeSquashfs(root, join(work, 'live.squashfs'), compressor);
    await rm(root, { recursive: true });
    await writeFile(join(work, 'complete'), hash);
    await rename(work, folder);
    return folder;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
