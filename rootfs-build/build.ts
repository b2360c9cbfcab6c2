/** One build, from nothing to a folder that is complete or absent. */
import { copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { debianTree } from './bootstrap.ts';
import { checkTree } from './check-tree.ts';
import { finish, settle } from './finish.ts';
import type { Inputs } from './inputs.ts';
import { digest, manifest, readPackages } from './inventory.ts';
import type { RootfsOptions } from './options.ts';
import { run } from './run.ts';
import { buildRuntimePackage } from './runtime-package.ts';
import { licenceList, readLicences, spdx } from './sbom.ts';

/** Results that stay in the cache, whatever their inputs. */
const KEPT = 3;

/**
 * @param folder replaced when the build has succeeded
 * @param fresh nothing is taken from an earlier build but downloads
 * @returns SHA-256 of the list of files: equal for equal trees
 */
export async function build(
  root: string,
  options: RootfsOptions,
  inputs: Inputs,
  folder: string,
  fresh: boolean,
): Promise<string> {
  const { architecture, profile } = options;
  const { archive, version, hash } = inputs;
  const { epoch } = archive;
  await mkdir(dirname(folder), { recursive: true });
  const out = await mkdtemp(join(dirname(folder), '.building-'));
  const started = performance.now();
  const say = (text: string): void =>
    console.error(`rootfs: ${((performance.now() - started) / 1000).toFixed(0)} s ${text}`);
  try {
    say('packing the runtime');
    const work = join(out, 'package');
    await mkdir(work);
    const cache = options.cache;
    const deb = await buildRuntimePackage({
      root,
      architecture,
      version,
      epoch,
      cache,
      out: work,
    });
    say(`installing Debian's packages (profile ${profile}, ${architecture})`);
    const debian = await debianTree(options, archive, fresh);
    const tree = join(out, 'root');
    await run('cp', ['-a', '--reflink=auto', debian, tree]);
    say('installing the runtime');
    await installPackage(deb, tree, epoch);
    say('finishing');
    await finish(tree, options, { version, epoch, hash, out });
    say('checking');
    const wrong = await checkTree(tree);
    if (wrong.length > 0) throw new Error(`the tree is not as it must be:\n${wrong.join('\n')}`);
    // systemd-analyze leaves a file in /run, with the hour of the check.
    await settle(tree, epoch);
    const list = await readPackages(tree);
    const lines = list.map((item) => `${item.name} ${item.version} ${item.architecture}`);
    await writeFile(join(out, 'packages.txt'), `${lines.join('\n')}\n`);
    const files = await manifest(tree);
    await writeFile(join(out, 'files.txt'), files);
    const licensed = await readLicences(tree, list);
    await writeFile(join(out, 'licences.txt'), licenceList(licensed));
    const image = { name: `vestibule-${profile}-${architecture}-${version}`, epoch };
    await writeFile(
      join(out, 'sbom.spdx.json'),
      spdx({ ...image, digest: digest(files) }, licensed),
    );
    await rename(deb, join(out, basename(deb)));
    await rm(work, { recursive: true });
    const size = (await run('du', ['-xsm', tree])).split('\t')[0];
    await writeFile(join(out, 'complete'), `${digest(files)}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(out, folder);
    say(`done: ${size} MB in files, SHA-256 of the list of files ${digest(files)}`);
    if (options.out === undefined) await dropOldest(dirname(folder));
    return digest(files);
  } catch (error) {
    await rm(out, { recursive: true, force: true });
    throw error;
  }
}

/** Into a tree that is not running. */
export async function installPackage(deb: string, tree: string, epoch: number): Promise<void> {
  const inside = join(tree, 'tmp', basename(deb));
  await copyFile(deb, inside);
  await run('chroot', [tree, 'dpkg', '--install', `/tmp/${basename(deb)}`], {
    env: { SOURCE_DATE_EPOCH: String(epoch), DEBIAN_FRONTEND: 'noninteractive' },
  });
  await rm(inside);
}

async function dropOldest(cache: string): Promise<void> {
  const results = (await readdir(cache)).filter((name) => /^[0-9a-f]{32}$/.test(name));
  const dated = await Promise.all(
    results.map(async (name) => ({ name, time: (await stat(join(cache, name))).mtimeMs })),
  );
  dated.sort((a, b) => b.time - a.time);
  for (const { name } of dated.slice(KEPT)) {
    await rm(join(cache, name), { recursive: true, force: true });
  }
}
