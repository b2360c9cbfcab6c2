/**
 * A root file system of a few MiB, signed like a real one: faults of the way to it need no kiosk.
 * Its init says `small root up` and waits.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import {
  formatRootDescription,
  parseRootDescription,
  type RootDescription,
  signRootDescription,
} from '../../main/install/root-description.ts';
import { appendVerity } from '../../squashfs/verity.ts';

const run = promisify(execFile);

const INIT = `#!/bin/busybox sh
/bin/busybox cat /content | /bin/busybox sha256sum >/dev/kmsg
echo "small root up: $(/bin/busybox cat /version) $(/bin/busybox grep ^source /run/vestibule/boot/facts)" >/dev/kmsg
/bin/busybox cat /run/systemd/network/*.network >/dev/kmsg
while :; do /bin/busybox sleep 60; done
`;

export interface SmallRoot {
  readonly folder: string;
  readonly description: RootDescription;
}

/**
 * @param packed what `npm run squashfs` made: kernel and initrd are its own
 * @param privateKey PEM, of a key that the initrd believes or not
 * @param mebibytes of noise, so that a download takes time and does not shrink
 */
export async function buildSmallRoot(
  packed: string,
  privateKey: string,
  folder: string,
  version: string,
  mebibytes: number,
  change: Partial<RootDescription> = {},
): Promise<SmallRoot> {
  const tree = join(folder, 'tree');
  for (const name of ['bin', 'sbin', 'dev', 'proc', 'sys', 'run'])
    await mkdir(join(tree, name), { recursive: true });
  await cp('/bin/busybox', join(tree, 'bin/busybox'));
  await symlink('busybox', join(tree, 'bin/sh'));
  await writeFile(join(tree, 'sbin/init'), INIT);
  await chmod(join(tree, 'sbin/init'), 0o755);
  await writeFile(join(tree, 'version'), version);
  await writeFile(join(tree, 'content'), noise(version, mebibytes));
  const file = join(folder, 'root.sqfs');
  await run('mksquashfs', [tree, file, '-noappend', '-quiet', '-no-progress', '-mkfs-time', '0']);
  const salt = createHash('sha256').update(version).digest('hex');
  const verity = await appendVerity(file, salt);
  const real = parseRootDescription(await readFile(join(packed, 'root.cfg'), 'utf8'));
  const description: RootDescription = {
    ...real,
    ...verity,
    version,
    salt,
    size: (await stat(file)).size,
    sha256: createHash('sha256')
      .update(await readFile(file))
      .digest('hex'),
    ...change,
  };
  const text = formatRootDescription(description);
  await writeFile(join(folder, 'root.cfg'), text);
  await writeFile(join(folder, 'root.cfg.sig'), signRootDescription(text, privateKey));
  for (const name of ['vmlinuz', 'initrd.img'])
    await symlink(join(packed, name), join(folder, name));
  return { folder, description };
}

/** The same bytes for the same seed; incompressible. */
function noise(seed: string, mebibytes: number): Buffer {
  const parts: Buffer[] = [];
  let last = createHash('sha512').update(seed).digest();
  for (let bytes = 0; bytes < mebibytes * 1024 * 1024; bytes += 64) {
    last = createHash('sha512').update(last).digest();
    parts.push(last);
  }
  return Buffer.concat(parts);
}
