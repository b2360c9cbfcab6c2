/**
 * Makes one small bootable disk from Debian's kernel and busybox: what the demo's catalogue
 * offers and what the machine tests boot. BIOS and UEFI; a coloured screen with the machine's
 * name, its addresses and a shell; obeys the power button. Needs no root: partitions are written
 * as bytes, the file system by mtools, the kernel is downloaded and unpacked, not installed.
 *
 *     node scripts/demo-image.ts out.qcow2
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type DebianKernel, debianKernel } from './debian-kernel.ts';
import { demoInitrd } from './demo-initrd.ts';

const run = promisify(execFile);
const root = join(dirname(fileURLToPath(import.meta.url)), '..');

const SECTOR = 512;
/** The partition starts at 1 MiB; GRUB's core lives in the gap before it. */
const PARTITION_START = 2048;
const DISK_SECTORS = (32 * 1024 * 1024) / SECTOR;

const COMMAND_LINE = [
  'quiet',
  'loglevel=3',
  'console=ttyS0',
  'console=tty0',
  // Under emulation each of these saves seconds, and the demo guards no secret.
  'mitigations=off',
  'nokaslr',
  'random.trust_cpu=on',
  'no_timer_check',
  'panic=0',
].join(' ');

/** GRUB's embedded script: no menu, no modules from disk, the same for BIOS and UEFI. */
const GRUB_SCRIPT = `set root=hd0,msdos1
linux /vmlinuz ${COMMAND_LINE}
initrd /initrd
boot
`;

/**
 * Builds the disk, or takes it from the cache when nothing that goes into it has changed.
 * @param outPath where the qcow2 file goes; replaced whole or not at all
 */
export async function buildDemoImage(
  outPath: string,
  options: { readonly cacheFolder?: string } = {},
): Promise<void> {
  const cache = resolve(options.cacheFolder ?? join(root, '.cache/demo-image'));
  await mkdir(cache, { recursive: true });
  const kernel = await debianKernel(join(root, '.cache/kernel'));
  const cached = join(cache, `${await inputsHash(kernel)}.qcow2`);
  if (!(await exists(cached))) {
    const work = await mkdtemp(join(cache, 'build-'));
    try {
      await build(work, kernel);
      await rename(join(work, 'disk.qcow2'), cached);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  await mkdir(dirname(resolve(outPath)), { recursive: true });
  const temporary = `${outPath}.${process.pid}.part`;
  await copyFile(cached, temporary);
  await rename(temporary, outPath);
}

async function build(work: string, kernel: DebianKernel): Promise<void> {
  await writeFile(join(work, 'initrd'), await demoInitrd(kernel));
  await writeFile(join(work, 'grub.cfg'), GRUB_SCRIPT);
  const core = join(work, 'core.img');
  const efi = join(work, 'bootx64.efi');
  await Promise.all([
    grubImage('i386-pc', work, core, ['biosdisk']),
    grubImage('x86_64-efi', work, efi, ['efi_gop']),
  ]);
  const disk = join(work, 'disk.raw');
  await writeBootArea(disk, core);
  const volume = `${disk}@@${PARTITION_START * SECTOR}`;
  await mtools('mformat', [
    '-i',
    volume,
    '-T',
    String(DISK_SECTORS - PARTITION_START),
    '-H',
    String(PARTITION_START),
    '-v',
    'VESTIBULE',
    '::',
  ]);
  await mtools('mmd', ['-i', volume, '::/EFI', '::/EFI/BOOT']);
  await mtools('mcopy', ['-i', volume, efi, '::/EFI/BOOT/BOOTX64.EFI']);
  await mtools('mcopy', ['-i', volume, kernel.image, '::/vmlinuz']);
  await mtools('mcopy', ['-i', volume, join(work, 'initrd'), '::/initrd']);
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', disk, join(work, 'disk.qcow2')]);
}

/** mtools refuses geometries that are not whole cylinders unless told not to look. */
async function mtools(program: string, args: string[]): Promise<void> {
  await run(program, args, { env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } });
}

async function grubImage(
  format: string,
  work: string,
  out: string,
  modules: string[],
): Promise<void> {
  await run('grub-mkimage', [
    '-O',
    format,
    '-o',
    out,
    '-p',
    '(hd0,msdos1)/',
    '-c',
    join(work, 'grub.cfg'),
    ...modules,
    'part_msdos',
    'fat',
    'linux',
    'boot',
  ]);
}

/**
 * Master boot record, partition table and GRUB's core. GRUB's `boot.img` reads the core from
 * sector 1 and the core's block list continues at sector 2 unless an installer says otherwise, so
 * laying both out in order needs no patching.
 */
async function writeBootArea(disk: string, corePath: string): Promise<void> {
  const boot = await readFile('/usr/lib/grub/i386-pc/boot.img');
  const core = await readFile(corePath);
  if (core.length > (PARTITION_START - 1) * SECTOR)
    throw new Error('GRUB is too large for the gap before the partition');
  const record = Buffer.alloc(SECTOR);
  boot.copy(record, 0, 0, 440);
  // Since GRUB 2: two bytes that make boot.img ask the BIOS for the drive it was loaded from.
  record.set([0x90, 0x90], 0x66);
  const entry = record.subarray(446, 462);
  entry[0] = 0x80;
  entry.fill(0xff, 1, 4);
  entry[4] = 0xef;
  entry.fill(0xff, 5, 8);
  entry.writeUInt32LE(PARTITION_START, 8);
  entry.writeUInt32LE(DISK_SECTORS - PARTITION_START, 12);
  record.writeUInt16LE(0xaa55, 510);
  // The sectors of the core after the first, as its own block list counts them.
  core.writeUInt16LE(Math.ceil(core.length / SECTOR) - 1, 0x1fc);
  const file = await open(disk, 'w');
  try {
    await file.truncate(DISK_SECTORS * SECTOR);
    await file.write(record, 0, SECTOR, 0);
    await file.write(core, 0, core.length, SECTOR);
  } finally {
    await file.close();
  }
}

async function inputsHash(kernel: DebianKernel): Promise<string> {
  const hash = createHash('sha256').update(kernel.release);
  const here = dirname(fileURLToPath(import.meta.url));
  for (const file of [
    join(here, 'demo-image.ts'),
    join(here, 'demo-initrd.ts'),
    '/bin/busybox',
    '/usr/lib/grub/i386-pc/kernel.img',
  ]) {
    hash.update(basename(file)).update(await readFile(file));
  }
  return hash.digest('hex').slice(0, 16);
}

async function exists(path: string): Promise<boolean> {
  return open(path, 'r').then(
    async (handle) => {
      await handle.close();
      return true;
    },
    () => false,
  );
}

if (import.meta.main) {
  const [out] = process.argv.slice(2);
  if (out === undefined) {
    console.error('usage: node scripts/demo-image.ts out.qcow2');
    process.exit(2);
  }
  await buildDemoImage(out);
}
