/**
 * Computers that start from a disk which the installation wrote, through the real GRUB and the
 * real initrd, with no network. Their root is small: what is tested is the way to it.
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from '../../squashfs/machine.ts';
import { expect } from './expect.ts';
import { diskObstacle, installedDisk, smallSystem } from './installed-disk.ts';
import type { Bench, Scenario } from './scenario.ts';

type Firmware = 'bios' | 'uefi';

/** Starts it, waits for the small root, pulls the plug. @returns version and slot */
async function startOnce(bench: Bench, firmware: Firmware, file: string): Promise<string> {
  const computer = await bench.start({ firmware, memoryMib: 768, cards: [], disks: [file] });
  const [, said = ''] = await computer.said(/small root up: (\S+ source=[\w-]+)\s/, 300_000);
  await computer.stop();
  return said.trim();
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
    const seen: string[] = [];
    for (let start = 0; start < 3; start++) seen.push(await startOnce(bench, firmware, disk.file));
    expect(seen.join(', '), '2 source=slot-b, 2 source=slot-b, 1 source=slot-a');
    const system = await disk.with(({ installed }) => installed.read());
    expect(`${system?.good} ${system?.failed}`, 'A B');
  },
});

export const DISKS: readonly Scenario[] = [
  trials('bios'),
  trials('uefi'),
  {
    name: 'disk, bios: a trial that is damaged gives its turn back by itself',
    obstacle: diskObstacle,
    async run(bench) {
      const first = await smallSystem(bench, '1');
      const second = await smallSystem(bench, '2');
      const disk = await installedDisk(bench, { image: first.folder });
      await disk.with(async ({ installed }) => {
        const { slot } = await installed.write(second.folder, quiet());
        await installed.try(slot, 1);
      });
      // After its verification, as disks do it: the bytes of the file, wherever they lie.
      const content = await readFile(join(second.folder, 'root.sqfs'));
      const sample = content.subarray(1024 * 1024, 1024 * 1024 + 64);
      const file = await open(disk.file, 'r+');
      const window = Buffer.alloc(64 * 1024 * 1024);
      let damaged = 0;
      for (let start = 0; start < 2 ** 31; start += window.length - 64) {
        const { bytesRead } = await file.read(window, 0, window.length, start);
        const at = window.subarray(0, bytesRead).indexOf(sample);
        if (at < 0) continue;
        await file.write(Buffer.alloc(64, 0x55), 0, 64, start + at);
        damaged++;
      }
      await file.close();
      expect(String(damaged > 0), 'true');
      const computer = await bench.start({
        firmware: 'bios',
        memoryMib: 768,
        cards: [],
        disks: [disk.file],
      });
      await computer.said(/small root up: 1 source=slot-a/, 400_000);
    },
  },
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
      const computer = await bench.start({
        firmware: 'bios',
        memoryMib: 768,
        cards: [],
        disks: [disk.file],
      });
      await chooseSecond(computer);
      // Away again, and the other system starts as before.
      await computer.stop();
      await disk.with(({ installed }, { path }) =>
        installed.remove(path, path.slice('/dev/'.length)),
      );
      const alone = await bench.start({
        firmware: 'bios',
        memoryMib: 256,
        cards: [],
        disks: [disk.file],
      });
      await alone.said(/other system/, 120_000);
    },
  },
];

function quiet() {
  return { signal: new AbortController().signal, progress: () => {} };
}
