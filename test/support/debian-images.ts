/**
 * Three versions of a real Debian machine: a file system made of bookworm's packages, the same
 * after some security updates, and the same after all of them (`apt-get upgrade`), as an
 * administrator would do. Built once a machine (some minutes, and root), then kept in the
 * temporary folder.
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
  readonly before: string;
  /** After the updates of {@link UPDATED}. */
  readonly some: string;
  /** After all updates. */
  readonly all: string;
}

/** @throws where a program fails; the log is in the folder */
export async function debianImages(): Promise<DebianImages> {
  const folder = join(tmpdir(), 'vestibule-debian-images');
  const images = {
    before: join(folder, 'v1.img'),
    some: join(folder, 'v2.img'),
    all: join(folder, 'upgraded.img'),
  };
  await mkdir(folder, { recursive: true });
  if (!existsSync(images.before)) await build(folder, images.before);
  if (!existsSync(images.some)) {
    await update(folder, images, 'some', `install --only-upgrade ${UPDATED.join(' ')}`);
  }
  if (!existsSync(images.all)) await update(folder, images, 'all', 'upgrade');
  return images;
}

function run(command: string): void {
  execFileSync('sh', ['-ec', command], { stdio: ['ignore', 'ignore', 'inherit'] });
}

async function build(folder: string, image: string): Promise<void> {
  console.log('building a Debian image; this is done once and takes minutes');
  const tree = join(folder, 'tree');
  const building = `${image}.part`;
  await rm(tree, { recursive: true, force: true });
  run(
    `nice mmdebstrap --quiet --variant=apt --aptopt='APT::Install-Recommends "false"' --include=${PACKAGES.join(',')} bookworm '${tree}' '${MAIN}'`,
  );
  await rm(building, { force: true });
  await writeFile(building, '');
  await truncate(building, SIZE);
  run(`mkfs.ext4 -q -d '${tree}' '${building}'`);
  await rm(tree, { recursive: true, force: true });
  await rename(building, image);
}

/** @param apt arguments of apt-get, inside the image */
async function update(
  folder: string,
  images: DebianImages,
  which: 'some' | 'all',
  apt: string,
): Promise<void> {
  console.log(`updating a Debian image (${which}); this is done once and takes minutes`);
  const updating = `${images[which]}.part`;
  const mnt = join(folder, 'mnt');
  await mkdir(mnt, { recursive: true });
  run(
    `cp --sparse=always '${images.before}' '${updating}'; mount -o loop,discard '${updating}' '${mnt}'`,
  );
  try {
    await writeFile(join(mnt, 'etc/apt/sources.list'), `${MAIN}\n${SECURITY}\n`);
    await writeFile(join(mnt, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    run(`cp /etc/resolv.conf '${mnt}/etc/'`);
    run(
      `chroot '${mnt}' sh -ec 'export DEBIAN_FRONTEND=noninteractive; apt-get -qq update; apt-get -qq -y ${apt}; apt-get clean; rm -rf /var/lib/apt/lists/*' > '${folder}/${which}.log'`,
    );
    run(`fstrim '${mnt}'`);
  } finally {
    run(`umount '${mnt}'`);
  }
  await rename(updating, images[which]);
}
