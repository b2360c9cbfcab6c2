/** The initrd and the disk of the computer: what starts when the network does not help. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { open, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RootDescription } from '../../main/install/root-description.ts';
import type { Machine } from '../../squashfs/machine.ts';
import { loopDiskMissing, testDisk } from '../support/loop-disk.ts';
import type { Bench, Scenario } from './scenario.ts';
import { buildSmallRoot } from './small-root.ts';

const PATIENCE = 480_000;
const obstacle = () => loopDiskMissing('mkfs.btrfs', 'btrfs', 'mkfs.vfat', 'mcopy');

interface Slot {
  readonly change?: Partial<RootDescription>;
  /** Inverts a byte of its root.sqfs. */
  readonly flipAt?: number;
}

/** A disk as an installation leaves it, and a computer with that disk that may have a network. */
async function computer(
  bench: Bench,
  slots: { readonly a: Slot; readonly b?: Slot },
  grubenv: string,
  line: string,
): Promise<Machine> {
  const key = await readFile(join(bench.keys, 'root.private.pem'), 'utf8');
  const disk = await testDisk(join(bench.folder, 'disk'), 'btrfs', 512 << 20);
  try {
    execFileSync('btrfs', ['filesystem', 'label', disk.path, 'KIOSK']);
    execFileSync('btrfs', ['subvolume', 'create', join(disk.path, 'slots')]);
    for (const [name, slot] of Object.entries(slots)) {
      const folder = join(bench.folder, name);
      await buildSmallRoot(bench.packed, key, folder, `slot ${name}`, 2, slot.change);
      if (slot.flipAt !== undefined) await invert(join(folder, 'root.sqfs'), slot.flipAt);
      const target = join(disk.path, 'slots', name);
      mkdirSync(target);
      for (const file of ['vmlinuz', 'initrd.img', 'root.sqfs', 'root.cfg', 'root.cfg.sig'])
        execFileSync('cp', ['-L', join(folder, file), target]);
    }
  } finally {
    disk.unmount();
  }
  const esp = join(bench.folder, 'esp.img');
  writeFileSync(esp, '');
  execFileSync('truncate', ['-s', '40M', esp]);
  execFileSync('mkfs.vfat', ['-n', 'KIOSKESP', esp], { stdio: 'ignore' });
  const env = join(bench.folder, 'grubenv');
  await writeFile(env, `# GRUB Environment Block\n${grubenv}`.padEnd(1024, '#'));
  execFileSync('mmd', ['-i', esp, '::/vestibule']);
  execFileSync('mcopy', ['-i', esp, env, '::/vestibule/grubenv']);
  return bench.start({
    firmware: 'bios',
    memoryMib: 768,
    cards: [],
    disks: [disk.backing ?? '', esp],
    kernel: {
      image: join(bench.packed, 'vmlinuz'),
      initrd: join(bench.packed, 'initrd.img'),
      line: `console=ttyS0 loglevel=6 panic=30 vestibule.boot.retry=5 ${line}`,
    },
  });
}

async function invert(file: string, at: number): Promise<void> {
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0] = ~(byte[0] ?? 0);
  await handle.write(byte, 0, 1, at);
  await handle.close();
}

const up = (machine: Machine, slot: string) =>
  machine.said(new RegExp(`small root up: slot ${slot} source=slot-${slot}`), PATIENCE);

export const DISKS: readonly Scenario[] = [
  {
    name: 'disk: without a network the last good slot starts, not the one on trial',
    ci: true,
    obstacle,
    async run(bench) {
      const machine = await computer(bench, { a: {}, b: {} }, 'good=b\ntrial=a\nbooting=a\n', '');
      await machine.said(/problem no-card/, PATIENCE);
      await up(machine, 'b');
    },
  },
  {
    name: 'disk: the slot that GRUB chose starts, without asking the network',
    obstacle,
    async run(bench) {
      const line = 'vestibule.boot.from=disk';
      const machine = await computer(bench, { a: {}, b: {} }, 'good=b\nbooting=a\n', line);
      await up(machine, 'a');
      if (machine.log.includes('no-card')) throw new Error('it asked the network');
    },
  },
  {
    name: 'disk: a slot with a damaged root is not started, and says so',
    obstacle,
    async run(bench) {
      const line = 'vestibule.boot.from=disk';
      const machine = await computer(bench, { a: { flipAt: 100 } }, 'good=a\n', line);
      await machine.said(/problem damaged slot a/, PATIENCE);
    },
  },
  {
    name: 'disk: a damaged slot on trial gives its turn back to GRUB',
    obstacle,
    async run(bench) {
      const line = 'vestibule.boot.from=disk vestibule.boot.slot=b';
      const machine = await computer(bench, { a: {}, b: { flipAt: 100 } }, 'good=a\n', line);
      // QEMU shows the restart as a second start of the kernel.
      await machine.said(/stage initrd/, PATIENCE);
      const [first] = await machine.said(/root slot b of slot b[^\n]*\n/, PATIENCE);
      await machine.said(/stage initrd/, PATIENCE, machine.log.indexOf(first) + first.length);
    },
  },
  {
    name: 'disk: a slot of another kernel is started by its own, once',
    obstacle,
    async run(bench) {
      const a = { change: { kernel: '5.10.0-1-amd64' } };
      const machine = await computer(bench, { a }, 'good=a\n', '');
      await machine.said(/slot a needs kernel 5\.10\.0-1-amd64/, PATIENCE);
      const [again] = await machine.said(/command line:[^\n]*vestibule\.boot\.again/i, PATIENCE);
      await machine.said(/problem other-kernel/, PATIENCE, machine.log.indexOf(again));
    },
  },
];
