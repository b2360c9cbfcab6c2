/** A second build from nothing but the downloads must be the first one, byte for byte. */
import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { compare } from '../rootfs-build/inventory.ts';
import { repository, sha256File } from './inputs.ts';
import { type PackOptions, pack } from './packing.ts';

const run = promisify(execFile);

/** The image that sbsign signs: its signature holds the time of signing. */
const SIGNED = ['vestibule.efi', 'secure/grubx64.efi'];
/** A signature over the signed image's hash; the name of the options in the cache. */
const DEPENDENT = ['root.cfg.sig', 'inputs'];

/**
 * Builds the root file system once more, packs it, and compares every file with those of `folder`:
 * what carries a signature with a time, as it was before it was signed.
 *
 * @param folder what `pack` made of the same options
 * @throws Error that names what differs
 */
export async function packedAgain(
  options: PackOptions & { readonly profile: string },
  folder: string,
): Promise<void> {
  const { profile, architecture, rootfs, ...rest } = options;
  const work = await mkdtemp(join(repository, '.cache', '.again-'));
  try {
    const second = join(work, 'rootfs');
    options.say(`the root file system, profile ${profile}, once more`);
    const chosen = ['--profile', profile, '--arch', architecture, '--out', second, '--force'];
    await run('npm', ['run', '--silent', 'rootfs', '--', ...chosen], {
      ...{ cwd: repository, maxBuffer: 1 << 26 },
    });
    const [before, after] = await Promise.all(
      [rootfs, second].map((tree) => readFile(join(tree, 'complete'), 'utf8')),
    );
    if (before !== after) {
      const lists = await compare(join(rootfs, 'files.txt'), join(second, 'files.txt'));
      throw new Error(`two builds of the root file system differ:\n${lists}`);
    }
    const packed = await pack({
      ...{ ...rest, architecture, rootfs: second },
      ...{ out: join(work, 'packed'), fresh: true },
    });
    const wrong: string[] = [];
    for (const path of await filesOf(packed)) {
      const [one, other] = await Promise.all(
        [folder, packed].map((base) => identity(base, path, work).catch(() => 'not there')),
      );
      if (one !== other) wrong.push(`${path}: ${one} and ${other}`);
    }
    if (wrong.length > 0) throw new Error(`two packings differ:\n${wrong.join('\n')}`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function identity(base: string, path: string, work: string): Promise<string> {
  const file = join(base, path);
  if (!SIGNED.includes(path) && path !== 'root.cfg') return sha256File(file);
  const folder = await mkdtemp(join(work, 'plain-'));
  const plain = join(folder, 'plain');
  if (path === 'root.cfg') {
    await writeFile(plain, (await readFile(file, 'utf8')).replace(/^efiSha256=.*\n/m, ''));
  } else {
    await copyFile(file, plain);
    await run('sbattach', ['--remove', plain]);
  }
  const hash = await sha256File(plain);
  await rm(folder, { recursive: true });
  return hash;
}

async function filesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .filter((path) => !DEPENDENT.includes(path))
    .sort();
}
