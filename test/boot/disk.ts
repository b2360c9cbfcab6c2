/**
 * Computers that start from a disk which the installation wrote, through the real GRUB and the
 * real initrd, with no network. Their root is small: what is tested is the way to it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from '../../squashfs/machine.ts';
import { expect } from './expect.ts';
import { diskObstacle, EMULATED, installedDisk, smallSystem } from './installed-disk.ts';
import type { Bench, Scenario } from './scenario.ts';

type Firmware = 'bios' | 'uefi';

/** Starts it, waits for the small root, pulls the plug. @returns version and slot */
async function startOnce(bench: Bench, firmware: Firmware, file: string): Promise<string> {
  const computer = await start(bench, firmware, file);
  const [, said = ''] = await computer.said(UP, 400_000);
  await computer.stop();
  return said;
}

const UP = /small root up: (\S+ source=[\w-]+)\s/;

function start(bench: Bench, firmware: Firmware, file: string): Promise<Machine> {
  return bench.start({ firmware, memoryMib: 768, cards: [], disks: [file] });
}

/** The menu's second entry, for as long as it takes to start it: the menu itself says nothing. */
async function chooseSecond(computer: Machine): Promise<void> {
  const over = Date.now() + 300_000;
  for (;;) {
    // Any key stops the countdown; upwards it chooses nothing else.
    for (let press = 0; press < 40; press++) {
      await computer.press('up');
      await sleep(500);
    }
    await computer.press('down');
    await sleep(500);
    await computer.press('ret');
    try {
      await computer.said(/other system/, 15_000);
      return;
    } catch (error) {
      if (Date.now() > over) throw error;
    }
  }
}

/** A boot sector that says `other system` on the serial line, and stops. */
function otherSystem(): Buffer {
  const sector = Buffer.alloc(512);
  // 16-bit code: for each byte of the text, write it to port 0x3f8; then halt.
  const text = Buffer.from('other system\r\n');
  const code = Buffer.from([
    ...[0xfc, 0x31, 0xc0, 0x8e, 0xd8], // cld; xor ax,ax; mov ds,ax
    ...[0xbe, 0x40, 0x7c], // mov si,0x7c40
    ...[0xb9, text.length, 0x00], // mov cx,length
    ...[0xba, 0xf8, 0x03], // mov dx,0x3f8
    ...[0xac, 0xee], // lodsb; out dx,al
    ...[0xe2, 0xfc], // loop -4
    ...[0xf4, 0xeb, 0xfd], // hlt; jmp -3
  ]);
  code.copy(sector);
  text.copy(sector, 0x40);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

const trials = (firmware: Firmware): Scenario => ({
  name: `disk, ${firmware}: starts offline; a trial that never shows the kiosk returns to the good slot`,
  obstacle: diskObstacle,
  async run(bench) {
    const first = await smallSystem(bench, '1');
    const second = await smallSystem(bench, '2');
    const disk = await installedDisk(bench, { image: first.folder });
    expect(await startOnce(bench, firmware, disk.file), '1 source=slot-a');
    await disk.with(async ({ installed }) => {
      const { slot } = await installed.write(second.folder, quiet());
      await installed.try(slot, 2);
    });
    await disk.options(`console=ttyS0 loglevel=6 ${EMULATED} vestibule.boot.trial=20`);
    // Nobody pulls a plug: each failed try restarts the computer by itself.
    const computer = await start(bench, firmware, disk.file);
    for (const wanted of ['2 source=slot-b', '2 source=slot-b', '1 source=slot-a']) {
      const from = computer.log.length;
      const [, said = ''] = await computer.said(UP, 400_000, from);
      expect(said, wanted);
    }
    await computer.stop();
    const system = await disk.with(({ installed }) => installed.read());
    expect(`${system?.good} ${system?.failed}`, 'A B');
  },
});

export const DISKS: readonly Scenario[] = [
  trials('bios'),
  trials('uefi'),
  {
    name: 'disk, bios: beside another system, which the menu still starts',
    obstacle: diskObstacle,
    async run(bench) {
      const first = await smallSystem(bench, '1');
      const disk = await installedDisk(bench, {
        image: first.folder,
        prepare: (empty) => {
          empty.partition('label: gpt\n1 : start=2048, size=2097152, type=linux, name="theirs"\n');
          empty.writeSector(otherSystem());
          return { mode: 'free', start: 1025 * 1024 * 1024 };
        },
      });
      expect(await startOnce(bench, 'bios', disk.file), '1 source=slot-a');
      const computer = await start(bench, 'bios', disk.file);
      await chooseSecond(computer);
      // Away again, and the other system starts as before.
      await computer.stop();
      await disk.with(({ installed }, { path }) =>
        installed.remove(path, path.slice('/dev/'.length)),
      );
      const alone = await start(bench, 'bios', disk.file);
      await alone.said(/other system/, 120_000);
    },
  },
];

function quiet() {
  return { signal: new AbortController().signal, progress: () => {} };
}
