/** From Debian's tree to the kiosk's: what goes, what is locked, what is the same in every build. */

import { globSync } from 'node:fs';
import {
  chmod,
  copyFile,
  lstat,
  lutimes,
  mkdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { maskedUnits, moduleList, trimList } from './lists.ts';
import { kernelRelease, trimModules } from './modules.ts';
import type { RootfsOptions } from './options.ts';
import { run } from './run.ts';
import { walk } from './runtime-package.ts';
import { warmCompileCache } from './warm.ts';

const ENABLED = [
  'systemd-networkd.service',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
];

/** Generators that would start shells or logins because of a word on the command line. */
const MASKED_GENERATORS = [
  'systemd-getty-generator',
  'systemd-debug-generator',
  'systemd-run-generator',
];

/** In the place of systemd's own shells for emergencies. */
const TROUBLE = ['emergency.service', 'rescue.service'];

export interface FinishOptions {
  readonly version: string;
  readonly epoch: number;
  /** Of the inputs; names the image. */
  readonly hash: string;
  /** Where the kernel goes. */
  readonly out: string;
}

/** @throws Error when a list names something that is not there */
export async function finish(
  tree: string,
  options: RootfsOptions,
  image: FinishOptions,
): Promise<void> {
  const { profile, architecture } = options;
  const release = await kernelRelease(tree);
  await copyFile(join(tree, 'boot', `vmlinuz-${release}`), join(image.out, 'vmlinuz'));

  await configure(tree, options, image);
  await mask(tree, maskedUnits(profile, architecture));
  const modules = moduleList(profile, architecture);
  if (modules) {
    const unknown = await trimModules(tree, modules);
    if (unknown.length > 0) throw new Error(`the kernel has no module ${unknown.join(', ')}`);
  }
  await trim(tree, trimList(profile, architecture));
  await warmCompileCache(tree, image.epoch);
  await run('ldconfig', ['-r', tree, '-X']);
  await rm(join(tree, 'var/cache/ldconfig'), { recursive: true, force: true });
  await closeRights(tree);
  await settle(tree, image.epoch);
}

/** What programs that ran in the tree left behind goes, and every time is the image's. */
export async function settle(tree: string, epoch: number): Promise<void> {
  await trim(tree, ['run/*', 'tmp/*']);
  await setTimes(tree, epoch);
}

async function configure(
  tree: string,
  options: RootfsOptions,
  image: FinishOptions,
): Promise<void> {
  await run('systemctl', ['--root', tree, 'enable', ...ENABLED]);
  await run('systemctl', ['--root', tree, 'set-default', 'graphical.target']);
  await put(tree, 'etc/machine-id', '');
  await put(tree, 'etc/fstab', '# The boot mounts the root, vestibule-state.service the disk.\n');
  await put(tree, 'etc/hosts', '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n');
  await put(tree, 'etc/locale.conf', 'LANG=C.UTF-8\n');
  await put(tree, 'etc/default/locale', 'LANG=C.UTF-8\n');
  await rm(join(tree, 'etc/hostname'), { force: true });
  await link(tree, 'etc/resolv.conf', '/run/systemd/resolve/stub-resolv.conf');
  await link(tree, 'etc/localtime', '/usr/share/zoneinfo/Etc/UTC');
  await link(tree, 'var/lib/dbus/machine-id', '/etc/machine-id');
  const { profile, architecture } = options;
  const release = (await readFile(join(tree, 'usr/lib/os-release'), 'utf8')).trimEnd();
  await put(
    tree,
    'usr/lib/os-release',
    `${release}\nVARIANT="Vestibule"\nVARIANT_ID=vestibule-${profile}\nIMAGE_ID=vestibule-${profile}-${architecture}\nIMAGE_VERSION=${image.version}-${image.hash.slice(0, 12)}\nDEFAULT_HOSTNAME=kiosk\n`,
  );
  // Memory is what a diskless computer has least of.
  await put(
    tree,
    'usr/lib/systemd/journald.conf.d/vestibule.conf',
    '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\n',
  );
  await put(tree, 'usr/lib/systemd/coredump.conf.d/vestibule.conf', '[Coredump]\nStorage=none\n');
}

async function mask(tree: string, units: readonly string[]): Promise<void> {
  for (const unit of units) await link(tree, `etc/systemd/system/${unit}`, '/dev/null');
  for (const name of MASKED_GENERATORS) {
    await link(tree, `etc/systemd/system-generators/${name}`, '/dev/null');
  }
  for (const unit of TROUBLE) {
    await link(
      tree,
      `etc/systemd/system/${unit}`,
      '/usr/lib/systemd/system/vestibule-trouble.service',
    );
  }
}

async function trim(tree: string, globs: readonly string[]): Promise<void> {
  for (const pattern of globs) {
    for (const path of globSync(pattern, { cwd: tree })) {
      await rm(join(tree, path), { recursive: true, force: true });
    }
  }
}

/** No program gives its caller another user's rights; nobody has a password. */
async function closeRights(tree: string): Promise<void> {
  for await (const path of walk(tree)) {
    const stat = await lstat(path);
    if (stat.isFile() && (stat.mode & 0o6000) !== 0) await chmod(path, stat.mode & 0o1777);
  }
  const shadow = join(tree, 'etc/shadow');
  const lines = (await readFile(shadow, 'utf8')).split('\n');
  // The third field is the day of the last change, which would be the day of the build.
  await writeFile(
    shadow,
    lines.map((line) => line.replace(/^([^:]+):[^:]*:[^:]*:/, '$1:!*:1:')).join('\n'),
  );
}

async function setTimes(tree: string, epoch: number): Promise<void> {
  for await (const path of walk(tree)) await lutimes(path, epoch, epoch);
}

async function put(tree: string, path: string, text: string): Promise<void> {
  const file = join(tree, path);
  await mkdir(dirname(file), { recursive: true });
  await rm(file, { force: true });
  await writeFile(file, text, { mode: 0o644 });
}

async function link(tree: string, path: string, target: string): Promise<void> {
  const file = join(tree, path);
  await mkdir(dirname(file), { recursive: true });
  await rm(file, { force: true, recursive: true });
  await symlink(target, file);
}
