/**
 * Kernel, initrd and their description, without a root file system: what computers need that start
 * small roots (small-root.ts). The initrd is the product's; the kernel is the Debian release's of
 * this computer, which the test guests boot as well. A minute the first time, found afterwards.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { formatRootDescription } from '../../main/install/root-description.ts';
import { debianKernel } from '../../scripts/debian-kernel.ts';
import { buildInitrd } from '../../squashfs/initrd.ts';
import { recipeHash, repository, sha256File } from '../../squashfs/inputs.ts';
import { bootKeys } from '../../squashfs/keys.ts';
import { bootTools } from '../../squashfs/tools.ts';

const run = promisify(execFile);
const cache = join(repository, '.cache');
/** Of what a small root replaces in the description. */
const NONE = '0'.repeat(64);

/**
 * @param keyFolder of the institution; the initrd believes its key
 * @returns a folder with `vmlinuz`, `initrd.img` and `root.cfg`
 */
export async function packSmall(keyFolder: string, say: (text: string) => void): Promise<string> {
  const keys = await bootKeys(keyFolder);
  const kernel = await debianKernel(join(cache, 'kernel'));
  const key = createHash('sha256')
    .update([await recipeHash(), kernel.release, keys.rootPublic].join())
    .digest('hex')
    .slice(0, 16);
  const folder = join(cache, 'boot-small', key);
  if (await stat(folder).catch(() => undefined)) return folder;

  say('tools, kernel and initrd (a minute the first time)');
  const tools = await bootTools(join(cache, 'boot-tools'), 'amd64');
  await mkdir(join(cache, 'boot-small'), { recursive: true });
  const work = await mkdtemp(join(cache, 'boot-small', '.pack-'));
  try {
    const out = join(work, 'out');
    const modules = join(work, 'lib/modules', kernel.release);
    await mkdir(out);
    await mkdir(join(work, 'lib/modules'), { recursive: true });
    // The package is unpacked, not installed: nobody has written its modules.dep yet.
    await run('cp', ['-a', kernel.modules, modules]);
    await run('depmod', ['-b', work, kernel.release]);
    const initrd = await buildInitrd({
      ...{ tools, modules, kernel: kernel.release, firmware: join(work, 'no-firmware') },
      keys: new Map([['institution.pem', keys.rootPublic]]),
      level: 9,
    });
    await writeFile(join(out, 'initrd.img'), initrd);
    await copyFile(kernel.image, join(out, 'vmlinuz'));
    const text = formatRootDescription({
      ...{ format: '1', version: 'small', architecture: 'amd64', kernel: kernel.release },
      ...{ size: 8192, sha256: NONE, hashOffset: 4096, rootHash: NONE, salt: NONE },
      vmlinuzSha256: await sha256File(kernel.image),
      initrdSha256: createHash('sha256').update(initrd).digest('hex'),
    });
    await writeFile(join(out, 'root.cfg'), text);
    await rename(out, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}
