/**
 * A computer in QEMU whose whole system is in memory: a kernel, the product's root helper with the
 * programs that it calls, and small systems to install. It installs on, or updates, the disk that it
 * is given, and can lose its power at any moment.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { debianKernel, moduleFiles } from '../../scripts/debian-kernel.ts';
import { repository } from '../../squashfs/inputs.ts';
import type { Machine } from '../../squashfs/machine.ts';
import { CONFIGURATION } from '../support/install-disk.ts';
import { EMULATED } from './installed-disk.ts';
import type { Bench } from './scenario.ts';

const run = promisify(execFile);

/** What the installation's commands name; the rest is busybox. */
const PROGRAMS = [
  ...['sfdisk', 'partx', 'wipefs', 'lsblk', 'blkid', 'mount', 'umount', 'dd', 'mkswap'],
  ...['mkfs.vfat', 'mkfs.btrfs', 'btrfs', 'mtools', 'grub-mkimage', 'setpriv'],
];
const MTOOLS = ['mcopy', 'mmd', 'mdir', 'mdel', 'mdeltree', 'mtype'];
const FOLDERS = [
  '/usr/lib/grub/i386-pc',
  '/usr/lib/shim',
  '/usr/lib/grub/x86_64-efi-signed',
  // mtools names files in the code page of DOS.
  '/usr/lib/x86_64-linux-gnu/gconv/gconv-modules',
  '/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.d',
  '/usr/lib/x86_64-linux-gnu/gconv/IBM850.so',
];
const MODULES = ['virtio_pci', 'virtio_blk', 'crc32c_generic', 'btrfs', 'vfat', 'nls_ascii'];

const ORDER = join(import.meta.dirname, '../support/installer-guest-child.ts');

const INIT = `#!/bin/busybox sh
export PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir -m 700 /run/vestibule-helper
mkdir -p /run/vestibule /run/udev
ln -s /boot /run/vestibule/boot
ln -s /first /run/vestibule/image
for module in /modules/*.ko; do insmod $module; done
# Somebody uses the disk.
grep -q installer.busy /proc/cmdline && mkdir /busy && mount -o ro /dev/vda3 /busy
node /order.ts
poweroff -f
`;

export interface InstallerGuest {
  /**
   * Starts it with this disk as /dev/vda. It says `installer: done` or why not, and goes off.
   *
   * @param busy the disk's system partition is mounted when the order comes
   */
  start(order: 'install' | 'update', disk: string, busy?: boolean): Promise<Machine>;
}

/**
 * @param first folder of the system that is installed
 * @param second of the one that it is updated to
 */
export async function installerGuest(
  bench: Bench,
  first: string,
  second: string,
): Promise<InstallerGuest> {
  const kernel = await debianKernel(join(repository, '.cache', 'kernel'));
  const root = join(bench.folder, 'guest');
  const initrd = join(bench.folder, 'guest.cpio.zst');
  for (const name of ['dev', 'proc', 'sys', 'run', 'tmp', 'modules', 'boot/keys', 'usr/bin'])
    await mkdir(join(root, name), { recursive: true });
  for (const [link, target] of [
    ['bin', 'usr/bin'],
    ['sbin', 'usr/bin'],
    ['usr/sbin', 'bin'],
    ['lib', 'usr/lib'],
    ['lib64', 'usr/lib64'],
  ] as const)
    await run('ln', ['-s', target, join(root, link)]);
  const modules = await moduleFiles(kernel, MODULES);
  for (const [index, file] of modules.entries())
    await cp(file, join(root, 'modules', `${String(index).padStart(3, '0')}.ko`));
  await addPrograms(root);
  await cp(ORDER, join(root, 'order.ts'));
  const product = join(root, 'usr/lib/vestibule');
  await cp(join(repository, 'dist/main'), join(product, 'dist/main'), { recursive: true });
  await writeFile(join(product, 'package.json'), '{"type":"module"}');
  await cp(CONFIGURATION, join(product, 'grub.cfg'));
  await cp(join(bench.keys, 'root.public.pem'), join(root, 'boot/keys/campus.pem'));
  await cp(first, join(root, 'first'), { recursive: true, dereference: true });
  await cp(second, join(root, 'second'), { recursive: true, dereference: true });
  await writeFile(join(root, 'init'), INIT, { mode: 0o755 });
  const pack = `find . | cpio --quiet -o -H newc | zstd -q -1 -o ${initrd}`;
  await run('sh', ['-c', pack], { cwd: root });
  await rm(root, { recursive: true });
  return {
    start: (order, disk, busy = false) =>
      bench.start({
        ...{ firmware: 'bios', memoryMib: 1536, cards: [], disks: [disk] },
        kernel: {
          image: kernel.image,
          initrd,
          line: `console=ttyS0 loglevel=6 panic=10 ${EMULATED} installer.order=${order}${busy ? ' installer.busy' : ''}`,
        },
      }),
  };
}

/** Programs of this computer under the same paths, with the libraries that they load. */
async function addPrograms(root: string): Promise<void> {
  const bin = join(root, 'usr/bin');
  await cp('/bin/busybox', join(bin, 'busybox'));
  const { stdout: applets } = await run('/bin/busybox', ['--list']);
  const own = new Set(['busybox', ...PROGRAMS]);
  for (const applet of applets.split('\n').filter((name) => name !== '' && !own.has(name)))
    await run('ln', ['-s', 'busybox', join(bin, applet)]);
  const found = await Promise.all(
    PROGRAMS.map(async (name) => (await run('sh', ['-c', `command -v ${name}`])).stdout.trim()),
  );
  const programs = [process.execPath, ...found];
  for (const path of programs)
    await cp(path, join(bin, path === process.execPath ? 'node' : basename(path)), {
      dereference: true,
    });
  for (const name of MTOOLS) await run('ln', ['-sf', 'mtools', join(bin, name)]);
  const libraries = new Set<string>();
  for (const path of programs) {
    const { stdout } = await run('ldd', [path]).catch(() => ({ stdout: '' }));
    for (const [library] of stdout.matchAll(/\/[\w./+-]+\.so[.\d]*/g)) libraries.add(library);
  }
  for (const library of libraries) {
    // /lib and /lib64 are links here.
    const target = join(root, library.replace(/^\/lib/, '/usr/lib'));
    await mkdir(dirname(target), { recursive: true });
    await cp(library, target, { dereference: true });
  }
  for (const folder of FOLDERS) {
    await mkdir(dirname(join(root, folder)), { recursive: true });
    await cp(folder, join(root, folder), { recursive: true, dereference: true });
  }
}
