/**
 * The real kiosk, started from the network, installs itself by the campus's signed profile; the
 * disk then starts it without a network.
 */
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST, openRoom } from '../../squashfs/room.ts';
import { startCampus } from '../campus/server/campus.ts';
import { buildDemoCampus } from '../campus/server/demo.ts';
import { GIB } from '../support/install-disk.ts';
import { expect } from './expect.ts';
import { diskObstacle } from './installed-disk.ts';
import { KIOSK_SHOWN, kioskOptions } from './kiosk-options.ts';
import type { Bench, Scenario } from './scenario.ts';

const PATIENCE = 900_000;
const uiFolder = join(import.meta.dirname, '../../dist/renderer');

type Firmware = 'bios' | 'uefi';
const BOOT_FILES: Readonly<Record<Firmware, string>> = {
  bios: 'lpxelinux.0',
  uefi: 'shimx64.efi',
};

/** A campus whose rooms install themselves, and the boot server beside it. */
async function roomThatInstalls(bench: Bench) {
  const folder = join(bench.folder, 'campus');
  await mkdir(join(folder, 'www'), { recursive: true });
  const server = await startCampus({ folder: join(folder, 'www') });
  bench.defer(() => server.stop());
  const webUrl = `http://${HOST}:${server.port}/`;
  const content = await buildDemoCampus({
    ...{ folder, webUrl, images: [], uiFolder },
    hostname: 'kiosk',
  });
  await content.publish((manifest) => ({
    ...manifest,
    installs: [
      {
        id: 'room',
        disk: { minimumBytes: 0 },
        target: 'whole',
        erase: false,
        replace: false,
        swapMiB: 0,
        encrypt: 'never',
        afterwards: 'shutdown',
      },
    ],
  }));
  const words = kioskOptions(webUrl, content.trustedKey);
  const options = `${words} vestibule.install.profile=room`;
  const room = await openRoom({
    ...{ packed: bench.packed, keys: bench.keys, options, secure: false },
    folder: join(bench.folder, 'room'),
  });
  bench.defer(() => room.stop());
  return { server, room };
}

const selfInstall = (firmware: Firmware): Scenario => ({
  name: `install, ${firmware}: a kiosk from the network installs itself, and starts offline from its disk`,
  obstacle: diskObstacle,
  async run(bench) {
    const { server, room } = await roomThatInstalls(bench);
    const disk = join(bench.folder, 'disk.img');
    await writeFile(disk, '');
    await truncate(disk, 8 * GIB);
    const first = await bench.start({
      ...{ firmware, memoryMib: 2048, disks: [disk] },
      cards: [room.tftp(BOOT_FILES[firmware])],
    });
    await first.said(KIOSK_SHOWN, PATIENCE);
    const from = performance.now();
    await Promise.race([first.ended, sleep(PATIENCE)]);
    expect(first.running ? 'it goes on' : 'it went off', 'it went off');
    bench.note(`installed ${Math.round((performance.now() - from) / 1000)} s after the screen`);
    const kinds = [...server.reports.values()].map(({ kind }) => kind);
    expect(String(kinds.includes('install.succeeded')), 'true');

    // No boot server, no campus, no network at all.
    const second = await bench.start({ firmware, memoryMib: 1536, disks: [disk], cards: [] });
    await second.said(/root \S+ of slot a/, PATIENCE);
    const [, seconds] = await second.said(
      new RegExp(`\\[ *([\\d.]+)\\].*${KIOSK_SHOWN.source}`),
      PATIENCE,
    );
    bench.note(`screen from the disk ${seconds}`);
    await sleep(10_000);
    await second.screenshot(bench.picture('offline'));
  },
});

export const SELF_INSTALLS: readonly Scenario[] = [selfInstall('uefi'), selfInstall('bios')];
