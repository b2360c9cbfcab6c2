/**
 * The runtime as a Debian package: /usr/lib/vestibule (Node, the built product and its one native
 * module), the units and the configuration of rootfs-build/package. The same inputs give the same
 * bytes: names in order, one owner, one time.
 */
import { chmod, copyFile, cp, lstat, lutimes, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { nodeBinary } from './node-binary.ts';
import type { Architecture } from './options.ts';
import { run } from './run.ts';

export interface RuntimePackageOptions {
  /** The repository, with dist/ built. */
  readonly root: string;
  readonly architecture: Architecture;
  readonly version: string;
  /** Seconds since 1970, for every file. */
  readonly epoch: number;
  readonly cache: string;
  /** Must exist; gets `vestibule_VERSION_ARCH.deb`. */
  readonly out: string;
}

/** What the units need; what engines need is in the image's package lists. */
const DEPENDS = [
  'chromium',
  'dbus',
  'libpam-systemd',
  'openbox',
  'systemd',
  'xauth',
  'xserver-xorg-core',
];

/** The user first: units and folders name it. */
const POSTINST = `#!/bin/sh
set -e
systemd-sysusers vestibule.conf
if [ -d /run/systemd/system ]; then systemd-tmpfiles --create vestibule.conf; fi
`;

const NATIVE: Readonly<Record<Architecture, string>> = { amd64: 'linux-x64', arm64: 'linux-arm64' };

/** @returns the package's path */
export async function buildRuntimePackage(options: RuntimePackageOptions): Promise<string> {
  const { root, architecture, version, epoch, out } = options;
  const tree = join(out, 'tree');
  const lib = join(tree, 'usr/lib/vestibule');
  await cp(join(root, 'rootfs-build/package'), tree, { recursive: true, verbatimSymlinks: true });
  await mkdir(lib, { recursive: true });
  for (const part of ['main', 'preload', 'renderer', 'display']) {
    await cp(join(root, 'dist', part), join(lib, 'dist', part), { recursive: true });
  }
  await copyFile(await nodeBinary(architecture, options.cache), join(lib, 'node'));
  await chmod(join(lib, 'node'), 0o755);
  // What an installation writes to the disk's system partition.
  await copyFile(join(root, 'squashfs/grub/disk.cfg'), join(lib, 'grub.cfg'));
  await copyNativeModule(root, lib, NATIVE[architecture]);
  await writeFile(
    join(lib, 'package.json'),
    `${JSON.stringify({ name: 'vestibule', version, type: 'module', private: true })}\n`,
  );
  const doc = join(tree, 'usr/share/doc/vestibule');
  await mkdir(doc, { recursive: true });
  await copyFile(join(root, 'LICENSE'), join(doc, 'copyright'));
  await mkdir(join(tree, 'DEBIAN'));
  await writeFile(join(tree, 'DEBIAN/control'), control(options));
  await writeFile(join(tree, 'DEBIAN/conffiles'), await conffiles(tree));
  await writeFile(join(tree, 'DEBIAN/postinst'), POSTINST, { mode: 0o755 });
  await normalise(tree, epoch);

  const file = join(out, `vestibule_${version}_${architecture}.deb`);
  await run('dpkg-deb', ['--build', '--root-owner-group', '-Zzstd', '-z1', tree, file], {
    env: { SOURCE_DATE_EPOCH: String(epoch) },
  });
  return file;
}

async function copyNativeModule(root: string, lib: string, platform: string): Promise<void> {
  const from = join(root, 'node_modules/better-sqlite3');
  const to = join(lib, 'node_modules/better-sqlite3');
  await cp(join(from, 'lib'), join(to, 'lib'), { recursive: true });
  await mkdir(join(to, 'prebuilds'));
  for (const file of ['package.json', 'LICENSE', `prebuilds/${platform}.node`]) {
    await copyFile(join(from, file), join(to, file));
  }
}

function control({ architecture, version }: RuntimePackageOptions): string {
  return `${[
    'Package: vestibule',
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    'Maintainer: The Vestibule authors <vestibule@example.org>',
    `Depends: ${DEPENDS.join(', ')}`,
    'Section: admin',
    'Priority: optional',
    'Description: client that a lab computer runs',
    ' A full-screen kiosk for local virtual machines, remote desktops and web sessions, online and',
    ' offline. Installing this package makes the computer a kiosk.',
  ].join('\n')}\n`;
}

async function conffiles(tree: string): Promise<string> {
  const names: string[] = [];
  for await (const path of walk(join(tree, 'etc'))) {
    if ((await lstat(path)).isFile()) names.push(`/${relative(tree, path)}`);
  }
  return `${names.join('\n')}\n`;
}

/** Modes by whether a file may be run, and one time for all. */
async function normalise(tree: string, epoch: number): Promise<void> {
  for await (const path of walk(tree)) {
    const stat = await lstat(path);
    if (!stat.isSymbolicLink()) {
      await chmod(path, stat.isDirectory() || (stat.mode & 0o100) !== 0 ? 0o755 : 0o644);
    }
    await lutimes(path, epoch, epoch);
  }
}

/** Everything below a folder and the folder itself, contents before the folder, names in order. */
export async function* walk(folder: string): AsyncGenerator<string> {
  const entries = await readdir(folder, { withFileTypes: true });
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
  yield folder;
}
