/**
 * Two versions of a real Debian machine: a file system made of bookworm's packages, and the same
 * after security updates from bookworm-security, as an administrator would do. Built once a
 * machine (some minutes, and root), then kept in the temporary folder.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKAGES = [
  'linux-image-amd64',
  'systemd-sysv',
  'openssl',
  'curl',
  'git',
  'vim',
  'gcc',
  'python3',
  'nginx-light',
  'gimp',
  'libreoffice-writer',
  'openssh-server',
  'mariadb-server',
];
/** What security updates of some weeks replace: about 110 MB of files. */
const UPDATED = [
  'openssl',
  'libssl3',
  'libexpat1',
  'libnss3',
  'libpng16-16',
  'perl',
  'perl-base',
  'perl-modules-5.36',
  'libperl5.36',
  'python3.11',
  'python3.11-minimal',
  'libpython3.11-minimal',
  'libpython3.11-stdlib',
  'nginx-light',
];
const MAIN = 'deb http://deb.debian.org/debian bookworm main';
const SECURITY = 'deb http://deb.debian.org/debian-security bookworm-security main';
const SIZE = 3 * 1024 ** 3;

export interface DebianImages {
  readonly v1: string;
  readonly v2: string;
}

/** @throws where a program fails; the log is in the folder */
export async function debianImages(): Promise<DebianImages> {
  const folder = join(tmpdir(), 'vestibule-debian-images');
  const [v1, v2] = [join(folder, 'v1.img'), join(folder, 'v2.img')];
  if (existsSync(v2)) return { v1, v2 };
  console.log('building two versions of a Debian image; this is done once and takes minutes');
  await mkdir(folder, { recursive: true });
  const tree = join(folder, 'tree');
  const run = (command: string): void => {
    execFileSync('sh', ['-ec', command], { stdio: ['ignore', 'ignore', 'inherit'] });
  };
  await rm(tree, { recursive: true, force: true });
  run(
    `nice mmdebstrap --quiet --variant=apt --aptopt='APT::Install-Recommends "false"' --include=${PACKAGES.join(',')} bookworm '${tree}' '${MAIN}'`,
  );
  await rm(v1, { force: true });
  await writeFile(v1, '');
  await truncate(v1, SIZE);
  run(`mkfs.ext4 -q -d '${tree}' '${v1}'`);
  await rm(tree, { recursive: true, force: true });

  const updating = `${v2}.part`;
  const mnt = join(folder, 'mnt');
  await mkdir(mnt, { recursive: true });
  run(`cp --sparse=always '${v1}' '${updating}'; mount -o loop,discard '${updating}' '${mnt}'`);
  try {
    await writeFile(join(mnt, 'etc/apt/sources.list'), `${MAIN}\n${SECURITY}\n`);
    await writeFile(join(mnt, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    run(`cp /etc/resolv.conf '${mnt}/etc/'`);
    run(
      `chroot '${mnt}' sh -ec 'export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; apt-get -qq -y install --only-upgrade ${UPDATED.join(' ')}; apt-get clean; rm -rf /var/lib/apt/lists/*' > '${folder}/upgrade.log'`,
    );
    run(`fstrim '${mnt}'`);
  } finally {
    run(`umount '${mnt}'`);
  }
  await rename(updating, v2);
  return { v1, v2 };
}
