/** One build, from nothing to a folder that is complete or absent. */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { bootstrap } from './bootstrap.ts';
import { finish } from './finish.ts';
import type { Inputs } from './inputs.ts';
import { digest, manifest, readPackages } from './inventory.ts';
import type { RootfsOptions } from './options.ts';
import { run } from './run.ts';
import { buildRuntimePackage } from './runtime-package.ts';

/** @param folder replaced when the build has succeeded */
export async function build(
  root: string,
  options: RootfsOptions,
  inputs: Inputs,
  folder: string,
): Promise<void> {
  const { architecture, profile } = options;
  const { epoch, version, hash } = inputs;
  await mkdir(dirname(folder), { recursive: true });
  const out = await mkdtemp(join(dirname(folder), '.building-'));
  const started = performance.now();
  const say = (text: string): void =>
    console.error(`rootfs: ${((performance.now() - started) / 1000).toFixed(0)} s ${text}`);
  try {
    const packages = join(out, 'package');
    await mkdir(packages);
    say('packing the runtime');
    const deb = await buildRuntimePackage({
      root,
      architecture,
      version,
      epoch,
      cache: options.cache,
      out: packages,
    });
    say(`installing Debian's packages (profile ${profile}, ${architecture})`);
    const tree = join(out, 'root');
    await bootstrap(options, packages, tree, epoch);
    say('finishing');
    await finish(tree, options, { version, epoch, hash, out });
    const list = await readPackages(tree);
    const lines = list.map((item) => `${item.name} ${item.version} ${item.architecture}`);
    await writeFile(join(out, 'packages.txt'), `${lines.join('\n')}\n`);
    const files = await manifest(tree);
    await writeFile(join(out, 'files.txt'), files);
    await rename(deb, join(out, deb.slice(packages.length + 1)));
    await rm(packages, { recursive: true });
    const size = (await run('du', ['-xsm', tree])).split('\t')[0];
    await writeFile(join(out, 'complete'), `${digest(files)}\n`);
    await rm(folder, { recursive: true, force: true });
    await rename(out, folder);
    say(`done: ${size} MB in files, SHA-256 of the list of files ${digest(files)}`);
  } catch (error) {
    await rm(out, { recursive: true, force: true });
    throw error;
  }
}
