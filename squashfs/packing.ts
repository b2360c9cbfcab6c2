/** Packs, signs and lays out what `npm run squashfs` makes; pack.ts has the options. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { formatRootDescription, signRootDescription } from '../main/install/root-description.ts';
import {
  bootConfigurations,
  checkedOptions,
  commandLine,
  type parseHosts,
} from './configurations.ts';
import { buildInitrd } from './initrd.ts';
import { recipeHash, repository, sha256File } from './inputs.ts';
import { bootKeys } from './keys.ts';
import { type Architecture, bootTools } from './tools.ts';
import { signedUki } from './uki.ts';
import { appendVerity } from './verity.ts';

const run = promisify(execFile);

/** mksquashfs's options. Blocks of 1 MiB: smaller, and as fast to read from RAM. */
const COMPRESSORS = {
  zstd3: ['-comp', 'zstd', '-Xcompression-level', '3', '-b', '256K'],
  zstd15: ['-comp', 'zstd', '-Xcompression-level', '15', '-b', '1M'],
  zstd19: ['-comp', 'zstd', '-Xcompression-level', '19', '-b', '1M'],
  xz: ['-comp', 'xz', '-b', '1M'],
  lz4: ['-comp', 'lz4', '-Xhc', '-b', '256K'],
} as const;
export type Compressor = keyof typeof COMPRESSORS;

export function isCompressor(name: string): name is Compressor {
  return Object.hasOwn(COMPRESSORS, name);
}

export interface PackOptions {
  /** What `npm run rootfs` made: `root/`, `vmlinuz`, and `complete` with the hash of all that. */
  readonly rootfs: string;
  readonly architecture: Architecture;
  readonly compressor: Compressor;
  readonly keys: string;
  readonly servers: readonly string[];
  readonly options: string;
  readonly hosts: ReturnType<typeof parseHosts>;
  readonly settings?: string;
  readonly certificates?: string;
  readonly out?: string;
  /** Compresses although the same tree is kept compressed. */
  readonly fresh?: boolean;
  readonly say: (text: string) => void;
}

/**
 * The folder, made or found. The squashfs is kept by what is in it alone, so that other keys or
 * settings do not compress it again.
 */
export async function pack(options: PackOptions): Promise<string> {
  const { say } = options;
  checkedOptions(options.options, '--options');
  const keys = await bootKeys(options.keys);
  const treeHash = await readTreeHash(options.rootfs);
  const kernelHash = await sha256File(join(options.rootfs, 'vmlinuz'));
  const recipe = await recipeHash();
  const { say: _, out: __, rootfs: ___, fresh: ____, ...rest } = options;
  const inputs = JSON.stringify([
    treeHash,
    kernelHash,
    recipe,
    keys.rootPublic,
    keys.uefiDer,
    rest,
  ]);
  const hash = createHash('sha256').update(inputs).digest('hex').slice(0, 16);
  const folder = options.out ?? join(repository, '.cache', 'boot', hash);
  const done = join(folder, 'inputs');
  if ((await readFile(done, 'utf8').catch(() => '')) === hash) return folder;

  await mkdir(dirname(folder), { recursive: true });
  const work = await mkdtemp(join(dirname(folder), '.boot-'));
  try {
    const tools = await bootTools(join(repository, '.cache', 'boot-tools'), options.architecture);
    say('the initrd');
    const kernel = await kernelOf(options.rootfs);
    const initrd = await buildInitrd({
      tools,
      modules: join(options.rootfs, 'root/usr/lib/modules', kernel),
      firmware: join(options.rootfs, 'root/usr/lib/firmware'),
      kernel,
      keys: new Map([['institution.pem', keys.rootPublic]]),
      ...(options.settings === undefined ? {} : { settings: options.settings }),
      ...(options.certificates === undefined ? {} : { certificates: options.certificates }),
    });
    await writeFile(join(work, 'initrd.img'), initrd);
    await copyFile(join(options.rootfs, 'vmlinuz'), join(work, 'vmlinuz'));

    const version = `${await productVersion()}-${treeHash.slice(0, 12)}`;
    const packed = await packRoot(options, say);
    await linkOrCopy(packed.file, join(work, 'root.sqfs'));
    let efi: Buffer | undefined;
    if (options.architecture === 'amd64') {
      say('the signed unified kernel image');
      efi = await signedUki({
        stub: await readFile(join(tools, 'usr/lib/systemd/boot/efi/linuxx64.efi.stub')),
        linux: await readFile(join(work, 'vmlinuz')),
        initrd,
        commandLine: commandLine(options),
        kernel,
        version,
        key: keys.uefiKey,
        certificate: keys.uefiCertificate,
      });
      await writeFile(join(work, 'vestibule.efi'), efi);
    }
    const text = formatRootDescription({
      format: '1',
      version,
      architecture: options.architecture,
      kernel,
      size: packed.size,
      sha256: packed.sha256,
      hashOffset: packed.hashOffset,
      rootHash: packed.rootHash,
      salt: treeHash,
      vmlinuzSha256: kernelHash,
      initrdSha256: sha256(initrd),
      ...(efi === undefined ? {} : { efiSha256: sha256(efi) }),
    });
    await writeFile(join(work, 'root.cfg'), text);
    await writeFile(join(work, 'root.cfg.sig'), signRootDescription(text, keys.rootPrivate));
    await copyFile(join(keys.folder, 'uefi.cer'), join(work, 'vestibule.cer'));
    for (const [path, content] of bootConfigurations(options)) {
      await mkdir(join(work, dirname(path)), { recursive: true });
      await writeFile(join(work, path), content);
    }
    if (options.architecture === 'amd64') await copyLoaders(tools, work);
    await writeFile(join(work, 'inputs'), hash);
    // A web server of another user serves it.
    await chmod(work, 0o755);
    await rm(folder, { recursive: true, force: true });
    await rename(work, folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

interface PackedRoot {
  readonly file: string;
  /** What compressing took. */
  readonly seconds: number;
  readonly size: number;
  readonly sha256: string;
  readonly hashOffset: number;
  readonly rootHash: string;
}

/** root.sqfs of one tree and one compressor, kept in .cache/squashfs. */
export async function packRoot(
  options: Pick<PackOptions, 'rootfs' | 'compressor' | 'fresh'>,
  say: (text: string) => void,
): Promise<PackedRoot> {
  const treeHash = await readTreeHash(options.rootfs);
  const cache = join(repository, '.cache', 'squashfs');
  const folder = join(cache, `${treeHash.slice(0, 16)}-${options.compressor}`);
  const facts = join(folder, 'facts.json');
  const file = join(folder, 'root.sqfs');
  const known = await readFile(facts, 'utf8').catch(() => undefined);
  if (known !== undefined && !options.fresh) return { file, ...JSON.parse(known) };
  say(`the squashfs, ${options.compressor}`);
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, '.pack-'));
  try {
    const packed = join(work, 'root.sqfs');
    const from = performance.now();
    await makeSquashfs(join(options.rootfs, 'root'), packed, options.compressor);
    const seconds = Math.round((performance.now() - from) / 1000);
    const verity = await appendVerity(packed, treeHash);
    const { size } = await stat(packed);
    const result = { size, seconds, sha256: await sha256File(packed), ...verity };
    await writeFile(join(work, 'facts.json'), JSON.stringify(result));
    await rm(folder, { recursive: true, force: true });
    await rename(work, folder);
    return { file, ...result };
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Times inside are the files' own, which the build fixed; the superblock's is fixed here. */
export async function makeSquashfs(
  tree: string,
  target: string,
  compressor: Compressor,
): Promise<void> {
  const fixed = ['-noappend', '-quiet', '-no-progress', '-mkfs-time', '0', '-no-exports'];
  const chosen = COMPRESSORS[compressor];
  await run('mksquashfs', [tree, target, ...fixed, ...chosen], { maxBuffer: 1 << 24 });
}

async function readTreeHash(rootfs: string): Promise<string> {
  const text = await readFile(join(rootfs, 'complete'), 'utf8').catch(() => '');
  const hash = text.trim();
  if (!/^[0-9a-f]{64}$/.test(hash))
    throw new Error(`${rootfs} is not what npm run rootfs makes: "complete" holds no hash`);
  return hash;
}

/** `uname -r` of the only kernel whose modules the tree has. */
async function kernelOf(rootfs: string): Promise<string> {
  const [kernel, ...others] = await readdir(join(rootfs, 'root/usr/lib/modules'));
  if (kernel === undefined || others.length > 0)
    throw new Error(`the tree must hold the modules of one kernel, not ${others.length + 1}`);
  return kernel;
}

/** Loaders as Debian ships and signs them, under the names that firmware and loaders ask for. */
async function copyLoaders(tools: string, work: string): Promise<void> {
  const from = (path: string): string => join(tools, 'usr/lib', path);
  await mkdir(join(work, 'secure'));
  for (const [source, target] of [
    [from('PXELINUX/lpxelinux.0'), 'lpxelinux.0'],
    [from('syslinux/modules/bios/ldlinux.c32'), 'ldlinux.c32'],
    [from('ipxe/undionly.kpxe'), 'undionly.kpxe'],
    [from('ipxe/ipxe.efi'), 'ipxe.efi'],
    [from('shim/shimx64.efi.signed'), 'shimx64.efi'],
    [from('grub/x86_64-efi-signed/grubnetx64.efi.signed'), 'grubx64.efi'],
    // The closed chain: shim starts "grubx64.efi" of its own folder, here our signed image.
    [from('shim/shimx64.efi.signed'), 'secure/shimx64.efi'],
    [from('shim/mmx64.efi.signed'), 'secure/mmx64.efi'],
    [join(work, 'vestibule.efi'), 'secure/grubx64.efi'],
  ] as const)
    await linkOrCopy(source, join(work, target));
}

/** Copies share blocks where the file system can. */
async function linkOrCopy(source: string, target: string): Promise<void> {
  await run('cp', ['--reflink=auto', '--dereference', source, target]);
}

async function productVersion(): Promise<string> {
  const text = await readFile(join(repository, 'package.json'), 'utf8');
  return /"version": "([\w.-]+)"/.exec(text)?.[1] ?? '0';
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
