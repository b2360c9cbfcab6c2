/**
 * A Debian kernel for guests: the demo image and the test guests boot it. The full kernel is
 * downloaded as a package and unpacked, never installed: the host's own kernel may be of the
 * cloud flavour, which has no graphics drivers (DRM), no sound and few file systems.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface DebianKernel {
  /** As `uname -r` says it. */
  readonly release: string;
  /** The compressed kernel (bzImage). */
  readonly image: string;
  /** The folder that holds `kernel/…/*.ko`. */
  readonly modules: string;
}

/**
 * The newest full kernel of this Debian release. The first call downloads about 70 MB by
 * `apt-get download`; later ones find it unpacked.
 *
 * @param cache a folder that may be kept between runs
 * @throws Error where apt knows no kernel
 */
export async function debianKernel(cache: string): Promise<DebianKernel> {
  const { stdout } = await run('apt-cache', ['depends', '--important', 'linux-image-amd64']);
  const name = /Depends: (linux-image-[\w.+-]+)/.exec(stdout)?.[1];
  if (name === undefined) throw new Error('apt knows no linux-image-amd64: run apt-get update');
  const release = name.slice('linux-image-'.length);
  const folder = join(cache, name);
  const kernel = {
    release,
    image: join(folder, 'boot', `vmlinuz-${release}`),
    modules: join(folder, 'lib', 'modules', release),
  };
  const ready = await readdir(kernel.modules).catch(() => []);
  if (ready.length > 0) return kernel;

  await mkdir(cache, { recursive: true });
  // Unpacked aside and renamed: two runs at once, or one that was cut, leave nothing half done.
  const work = await mkdtemp(join(cache, '.kernel-'));
  try {
    await run('apt-get', ['download', '-q', name], { cwd: work });
    const archive = (await readdir(work)).find((file) => file.endsWith('.deb'));
    if (archive === undefined) throw new Error(`apt-get downloaded no package for ${name}`);
    await run('dpkg-deb', ['-x', join(work, archive), join(work, 'tree')]);
    await rename(join(work, 'tree'), folder).catch(async (error: unknown) => {
      if ((await readdir(kernel.modules).catch(() => [])).length === 0) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return kernel;
}

/**
 * Module files in the order in which `insmod` must load them, with everything that they depend
 * on. What the kernel has built in is not a file and is left out.
 *
 * @param names such as `virtio_gpu`; `-` and `_` are the same, as for modprobe
 * @throws Error for a name that the kernel has neither as a module nor built in
 */
export async function moduleFiles(
  kernel: DebianKernel,
  names: readonly string[],
): Promise<string[]> {
  const known = new Map<string, string>();
  for (const entry of await readdir(kernel.modules, { recursive: true })) {
    if (entry.endsWith('.ko')) known.set(moduleName(entry), join(kernel.modules, entry));
  }
  const builtIn = new Set(
    (await readFile(join(kernel.modules, 'modules.builtin'), 'utf8')).split('\n').map(moduleName),
  );
  const ordered = new Set<string>();
  const visit = async (name: string): Promise<void> => {
    const file = known.get(name);
    if (file === undefined) {
      if (builtIn.has(name)) return;
      throw new Error(`the kernel ${kernel.release} has no module ${name}`);
    }
    if (ordered.has(file)) return;
    for (const needed of await dependencies(file)) await visit(needed);
    ordered.add(file);
  };
  for (const name of names) await visit(moduleName(name));
  return [...ordered];
}

function moduleName(path: string): string {
  return path
    .slice(path.lastIndexOf('/') + 1)
    .replace(/\.ko$/, '')
    .replaceAll('-', '_');
}

/** From the `.modinfo` section: NUL-separated `key=value` strings (kernel, include/linux/moduleparam.h). */
async function dependencies(file: string): Promise<string[]> {
  const text = (await readFile(file)).toString('latin1');
  const list = /\0depends=([\w,-]*)\0/.exec(text)?.[1] ?? '';
  return list.split(',').filter(Boolean).map(moduleName);
}
