/**
 * The initrd as a cpio archive, compressed with zstd: programs with the libraries they name,
 * kernel modules, the scripts of initrd/, words, fonts, keys and settings. The same input gives
 * the same bytes.
 */
import { execFile } from 'node:child_process';
import {
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Cpio } from '../scripts/cpio.ts';
import { consoleText } from './console-font.ts';
import { closedKeymap } from './keymap.ts';

const run = promisify(execFile);
const scripts = join(dirname(fileURLToPath(import.meta.url)), 'initrd');

export interface InitrdInputs {
  /** See `bootTools`. */
  readonly tools: string;
  /** `/usr/lib/modules/<release>` of the root file system. */
  readonly modules: string;
  readonly kernel: string;
  /** `/usr/lib/firmware` of the root file system; need not exist. */
  readonly firmware: string;
  /** PEM of the Ed25519 keys that may sign `root.cfg`, by file name. */
  readonly keys: ReadonlyMap<string, string>;
  /** The kiosk's settings, as JSON: they replace `/etc/vestibule/settings.json` of the root. */
  readonly settings?: string;
  /** PEM of the only certificate authorities that a boot server's certificate may come from. */
  readonly certificates?: string;
  /** Of zstd; default 19. A lower one is faster to make and a few MB larger. */
  readonly level?: number;
}

const PROGRAMS = ['curl', 'veritysetup', 'openssl', 'kmod', 'kexec', 'setfont'];
const SCRIPTS = [
  'screen.sh',
  'devices.sh',
  'network.sh',
  'root.sh',
  'fetch.sh',
  'disk.sh',
  'lease',
];

/** Folders below `kernel/`, whole; then modules by name. What the kernel lacks is left out. */
const MODULE_FOLDERS = [
  'drivers/net/ethernet/intel',
  'drivers/net/ethernet/realtek',
  'drivers/net/ethernet/broadcom',
  'drivers/net/ethernet/atheros',
  'drivers/net/ethernet/aquantia',
  'drivers/net/ethernet/amd',
  'drivers/net/ethernet/marvell',
  'drivers/net/ethernet/nvidia',
  'drivers/net/phy',
  'drivers/net/mdio',
  'drivers/net/usb',
  'drivers/ata',
  'drivers/nvme/host',
  'drivers/usb/host',
  'drivers/usb/storage',
  'drivers/mmc',
];
const MODULES = [
  ...['loop', 'dm-mod', 'dm-verity', 'squashfs', 'overlay', 'btrfs', 'vfat', 'nls_cp437'],
  ...[
    'nls_ascii',
    'nls_utf8',
    'nls_iso8859-1',
    'button',
    'evdev',
    'sha256_generic',
    'sha256',
    'sha256-ssse3',
  ],
  ...['virtio_net', 'virtio_blk', 'virtio_scsi', 'virtio_pci', 'virtio_mmio', 'sd_mod', 'uas'],
  ...['vmxnet3', 'hv_netvsc', 'hv_storvsc', 'hyperv-keyboard', 'vmw_pvscsi', 'xen-netfront'],
  ...['usbhid', 'hid-generic', 'atkbd', 'i8042', 'psmouse'],
  ...['bochs', 'virtio-gpu', 'simpledrm', 'cirrus-qemu', 'hyperv_drm'],
  ...['vmd', 'xhci-pci', 'crc32c_generic', 'crc32c-intel', 'crc32c-cryptoapi', 'libcrc32c'],
];

/** Firmware that network cards of these drivers load. */
const FIRMWARE = ['rtl_nic', 'tigon', 'bnx2', 'e100'];

/** @throws Error where a program, a library or the kernel's modules are missing */
export async function buildInitrd(inputs: InitrdInputs): Promise<Buffer> {
  const work = await mkdtemp(join(tmpdir(), 'vestibule-initrd-'));
  try {
    const archive = new Cpio();
    const folders = ['dev', 'proc', 'sys', 'run', 'tmp', 'etc', 'etc/acpi', 'etc/acpi/PWRF'];
    for (const folder of [...folders, 'etc/vestibule', 'etc/vestibule/keys'])
      archive.folder(folder);
    for (const folder of ['usr', 'usr/bin', 'usr/lib', 'usr/lib/vestibule', 'usr/lib/firmware'])
      archive.folder(folder);
    for (const [path, target] of [
      ['bin', 'usr/bin'],
      ['sbin', 'usr/bin'],
      ['usr/sbin', 'bin'],
      ['lib', 'usr/lib'],
      ['lib64', 'usr/lib'],
    ] as const)
      archive.link(path, target);

    await addPrograms(archive, inputs.tools);
    await addModules(archive, inputs, work);
    await addScripts(archive, inputs);
    const plain = join(work, 'initrd.cpio');
    await writeFile(plain, archive.end());
    // -T1: several threads would split the stream by their number.
    const level = `-${inputs.level ?? 19}`;
    await run('zstd', ['-q', level, '-T1', '--no-progress', plain, '-o', `${plain}.zst`]);
    return await readFile(`${plain}.zst`);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function addPrograms(archive: Cpio, tools: string): Promise<void> {
  const busybox = await readFile(join(tools, 'usr/bin/busybox'));
  archive.file('usr/bin/busybox', busybox, 0o755);
  const applets = new Set(await busyboxApplets(join(tools, 'usr/bin/busybox')));
  for (const program of [...PROGRAMS, 'modprobe']) applets.delete(program);
  for (const applet of [...applets].sort()) archive.link(`usr/bin/${applet}`, 'busybox');
  archive.link('usr/bin/modprobe', 'kmod');

  const libraries = new Map<string, Buffer>();
  for (const program of PROGRAMS) {
    const bytes = await firstOf(tools, [`usr/bin/${program}`, `usr/sbin/${program}`]);
    archive.file(`usr/bin/${program}`, bytes, 0o755);
    await collectLibraries(bytes, tools, libraries);
  }
  // OpenSSL needs no configuration file, and says so on standard error where there is none.
  archive.folder('usr/lib/ssl');
  archive.file('usr/lib/ssl/openssl.cnf', Buffer.from(''), 0o644);
  for (const [name, bytes] of [...libraries].sort(([a], [b]) => (a < b ? -1 : 1)))
    archive.file(`usr/lib/${name}`, bytes, 0o755);
}

/** Runs here: busybox is static, and of this computer's architecture or emulated. */
async function busyboxApplets(busybox: string): Promise<string[]> {
  const { stdout } = await run(busybox, ['--list']);
  return stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
}

/** The libraries that an ELF file names (DT_NEEDED) and its interpreter, and what these need. */
async function collectLibraries(
  bytes: Buffer,
  tools: string,
  found: Map<string, Buffer>,
): Promise<void> {
  // Names end with NUL in the string table; those that no file has are other strings.
  const names = new Set(
    bytes.toString('latin1').match(/(?<=[\0/])(lib|ld-linux)[\w.+-]*\.so[.\d]*(?=\0)/g),
  );
  for (const name of [...names].sort()) {
    if (found.has(name)) continue;
    const library = await firstOf(tools, [
      `usr/lib/x86_64-linux-gnu/${name}`,
      `usr/lib/aarch64-linux-gnu/${name}`,
      `usr/lib/${name}`,
      `usr/lib64/${name}`,
    ]).catch(() => undefined);
    if (library === undefined) continue;
    found.set(name, library);
    await collectLibraries(library, tools, found);
  }
}

/** Follows links inside the tree: absolute ones are the tree's own. */
async function firstOf(tree: string, paths: readonly string[]): Promise<Buffer> {
  for (const path of paths) {
    let at = path;
    for (let steps = 0; steps < 8; steps++) {
      const entry = await lstat(join(tree, at)).catch(() => undefined);
      if (entry === undefined) break;
      if (!entry.isSymbolicLink()) return readFile(join(tree, at));
      const target = await readlink(join(tree, at));
      at = target.startsWith('/') ? target : posix.join(dirname(at), target);
    }
  }
  throw new Error(`${tree} has none of ${paths.join(', ')}`);
}

async function addModules(archive: Cpio, inputs: InitrdInputs, work: string): Promise<void> {
  const base = `usr/lib/modules/${inputs.kernel}`;
  const staged = join(work, base);
  await mkdir(staged, { recursive: true });
  const wanted = await wantedModules(inputs.modules);
  for (const path of wanted) {
    const target = join(staged, path.replace(/\.(xz|zst|gz)$/, ''));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, await unpacked(join(inputs.modules, path)));
  }
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order'])
    await writeFile(join(staged, name), await readFile(join(inputs.modules, name)));
  for (const folder of FIRMWARE)
    await addFolder(archive, join(inputs.firmware, folder), `usr/lib/firmware/${folder}`);
  await run('depmod', ['-b', join(work, 'usr'), inputs.kernel]);

  archive.folder('usr/lib/modules');
  await addFolder(archive, staged, base);
}

/** Nothing where there is no such folder. Links are followed. */
async function addFolder(archive: Cpio, source: string, target: string): Promise<void> {
  const entries = await readdir(source, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.length === 0) return;
  archive.folder(target);
  const sorted = entries
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name).slice(source.length + 1) }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
  for (const { entry, path } of sorted) {
    if (entry.isDirectory()) archive.folder(`${target}/${path}`);
    else archive.file(`${target}/${path}`, await readFile(join(source, path)), 0o644);
  }
}

/** The chosen modules and what they depend on, by `modules.dep` (paths below the folder). */
async function wantedModules(folder: string): Promise<string[]> {
  const dependencies = new Map<string, string[]>();
  for (const line of (await readFile(join(folder, 'modules.dep'), 'utf8')).split('\n')) {
    const [path, needed] = line.split(':');
    if (path) dependencies.set(path, (needed ?? '').trim().split(' ').filter(Boolean));
  }
  if (dependencies.size === 0) throw new Error(`${folder}/modules.dep names no modules`);
  const named = new Set(MODULES.map(plainName));
  const wanted = new Set<string>();
  for (const [path, needed] of dependencies) {
    const inFolder = MODULE_FOLDERS.some((prefix) => path.startsWith(`kernel/${prefix}/`));
    if (!inFolder && !named.has(plainName(path))) continue;
    wanted.add(path);
    for (const other of needed) wanted.add(other);
  }
  return [...wanted].sort();
}

function plainName(path: string): string {
  return basename(path)
    .replace(/\.ko(\.\w+)?$/, '')
    .replaceAll('-', '_');
}

/** The archive is compressed as a whole, which is smaller than compressing each module. */
async function unpacked(path: string): Promise<Buffer> {
  const programs: Readonly<Record<string, string>> = { xz: 'xz', zst: 'zstd', gz: 'gzip' };
  const program = programs[path.slice(path.lastIndexOf('.') + 1)];
  if (program === undefined) return readFile(path);
  const { stdout } = await run(program, ['-dc', path], { encoding: 'buffer', maxBuffer: 1 << 26 });
  return stdout;
}

async function addScripts(archive: Cpio, inputs: InitrdInputs): Promise<void> {
  archive.file('init', await readFile(join(scripts, 'init')), 0o755);
  for (const name of SCRIPTS)
    archive.file(`usr/lib/vestibule/${name}`, await readFile(join(scripts, name)), 0o755);
  const unifont = await readFile(join(inputs.tools, 'usr/share/unifont/unifont.hex'), 'utf8');
  const text = consoleText(unifont);
  archive.file('usr/lib/vestibule/text.psf', text.textFont, 0o644);
  archive.file('usr/lib/vestibule/frame.psf', text.frameFont, 0o644);
  archive.file('usr/lib/vestibule/closed.bmap', closedKeymap(), 0o644);
  archive.folder('usr/lib/vestibule/words');
  for (const [language, lines] of text.words)
    archive.file(`usr/lib/vestibule/words/${language}`, Buffer.from(lines), 0o644);
  for (const [name, pem] of inputs.keys)
    archive.file(`etc/vestibule/keys/${name}`, Buffer.from(pem), 0o644);
  if (inputs.settings !== undefined)
    archive.file('etc/vestibule/settings.json', Buffer.from(inputs.settings), 0o644);
  if (inputs.certificates !== undefined)
    archive.file('etc/vestibule/ca.pem', Buffer.from(inputs.certificates), 0o644);
  // Without it the static C library looks for plug-ins that are not there, and crashes.
  archive.file('etc/nsswitch.conf', Buffer.from('hosts: files dns\n'), 0o644);
  archive.file('etc/hosts', Buffer.from('127.0.0.1 localhost\n'), 0o644);
  // busybox acpid runs this at the power button.
  archive.file('etc/acpi/PWRF/00000080', Buffer.from('#!/bin/sh\npoweroff -f\n'), 0o755);
}
