/**
 * The real kiosk, started from the network, installs itself by the campus's signed profile. From
 * then on the disk starts it: with the network it gets an image and updates, without it people sign
 * in and use their machines, and a version that does not reach the screen goes away by itself.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describeSystem } from '../../main/campus/publish.ts';
import { packImage } from '../../main/images/pack.ts';
import {
  formatRootDescription,
  parseRootDescription,
  signRootDescription,
} from '../../main/install/root-description.ts';
import { buildDemoImage } from '../../scripts/demo-image.ts';
import { sha256File } from '../../squashfs/inputs.ts';
import type { Card, Machine } from '../../squashfs/machine.ts';
import { HOST, openRoom } from '../../squashfs/room.ts';
import { appendVerity } from '../../squashfs/verity.ts';
import { startCampus } from '../campus/server/campus.ts';
import { buildDemoCampus } from '../campus/server/demo.ts';
import { GIB } from '../support/install-disk.ts';
import { expect } from './expect.ts';
import { diskAt, diskObstacle, EMULATED, smallSystem } from './installed-disk.ts';
import { KIOSK_SHOWN, kioskOptions } from './kiosk-options.ts';
import type { Bench, Scenario } from './scenario.ts';

const run = promisify(execFile);
/** Under emulation, beside other work. */
const PATIENCE = 1_500_000;
const uiFolder = join(import.meta.dirname, '../../dist/renderer');

type Firmware = 'bios' | 'uefi';
const BOOT_FILES: Readonly<Record<Firmware, string>> = {
  bios: 'lpxelinux.0',
  uefi: 'shimx64.efi',
};

/** A network with the campus, and no boot server. */
const CAMPUS_ONLY: Card = { network: 'user' };

/** A campus whose rooms install themselves and have one image, and the boot server beside it. */
async function roomThatInstalls(bench: Bench) {
  const folder = join(bench.folder, 'campus');
  const www = join(folder, 'www');
  const images = join(folder, 'images');
  await mkdir(www, { recursive: true });
  await mkdir(images);
  await buildDemoImage(join(images, 'debian.qcow2'));
  const packed = await packImage({
    ...{ source: join(images, 'debian.qcow2'), id: 'debian', version: '1' },
    outputFolder: images,
  });
  const server = await startCampus({ folder: www });
  bench.defer(() => server.stop());
  const webUrl = `http://${HOST}:${server.port}/`;
  const image = {
    ...{ id: 'debian', version: '1' },
    ...{ manifestFile: packed.manifestPath, dataFile: packed.chunksPath },
  };
  const content = await buildDemoCampus({
    ...{ folder, webUrl, images: [image], uiFolder },
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
  const options = `${words} ${EMULATED} vestibule.install.profile=room`;
  const room = await openRoom({
    ...{ packed: bench.packed, keys: bench.keys, options, secure: false },
    folder: join(bench.folder, 'room'),
  });
  bench.defer(() => room.stop());

  const reported = (kind: string): number =>
    [...server.reports.values()].filter((report) => report.kind === kind).length;
  return {
    words,
    room,
    reported,
    /** Waits for what the campus is told. */
    async heard(kind: string, times: number, machine: Machine): Promise<void> {
      const deadline = Date.now() + PATIENCE;
      while (reported(kind) < times) {
        const bad = [...server.reports.values()].find(({ level }) => level === 'error');
        if (bad && bad.kind !== kind) throw new Error(`the campus heard ${JSON.stringify(bad)}`);
        if (Date.now() > deadline || !machine.running) throw new Error(`nobody reported ${kind}`);
        await sleep(500);
      }
    },
    /** The campus publishes this folder as the system that disks should have. */
    async publishSystem(systemFolder: string, name: string): Promise<void> {
      const served = join(www, 'system', name);
      await cp(systemFolder, served, { recursive: true, dereference: true });
      const system = await describeSystem(served, `system/${name}/`);
      await content.publish((manifest) => ({ ...manifest, system }));
      server.push('manifest');
    },
  };
}
type RoomThatInstalls = Awaited<ReturnType<typeof roomThatInstalls>>;

/** The same system with one more file: another root file system, another hash, another version. */
async function secondVersion(bench: Bench): Promise<string> {
  const { packed, keys, folder } = bench;
  const out = join(folder, 'second');
  const more = join(folder, 'more');
  await mkdir(out);
  await mkdir(more);
  await writeFile(join(more, 'second-version'), 'Appended to the first one.\n');
  for (const name of ['vmlinuz', 'initrd.img', 'vestibule.efi', 'root.sqfs'])
    await run('cp', ['--reflink=auto', '--dereference', join(packed, name), join(out, name)]);
  const { efiSha256, ...first } = parseRootDescription(
    await readFile(join(packed, 'root.cfg'), 'utf8'),
  );
  const root = join(out, 'root.sqfs');
  await truncate(root, first.hashOffset);
  await run('mksquashfs', [more, root, '-quiet', '-no-progress', '-no-recovery']);
  const verity = await appendVerity(root, first.salt);
  const text = formatRootDescription({
    ...first,
    ...verity,
    version: 'second',
    size: (await stat(root)).size,
    sha256: await sha256File(root),
    ...(efiSha256 === undefined ? {} : { efiSha256 }),
  });
  await writeFile(join(out, 'root.cfg'), text);
  const key = await readFile(join(keys, 'root.private.pem'), 'utf8');
  await writeFile(join(out, 'root.cfg.sig'), signRootDescription(text, key));
  return out;
}

/** From the boot server onto an empty disk, until the computer goes off by itself. */
async function installed(
  bench: Bench,
  firmware: Firmware,
  { room, words, reported }: RoomThatInstalls,
): Promise<string> {
  const disk = join(bench.folder, 'disk.img');
  await writeFile(disk, '');
  await truncate(disk, 8 * GIB);
  const computer = await bench.start({
    ...{ firmware, memoryMib: 2048, disks: [disk] },
    cards: [room.tftp(BOOT_FILES[firmware])],
  });
  await computer.said(KIOSK_SHOWN, PATIENCE);
  const from = performance.now();
  await computer.said(/"?step"?[=:]"?writing|Installing\./, PATIENCE);
  await computer.screenshot(bench.picture('installing'));
  const late = new AbortController();
  await Promise.race([
    computer.ended,
    sleep(PATIENCE, undefined, { signal: late.signal }).catch(() => {}),
  ]);
  late.abort();
  expect(computer.running ? 'it goes on' : 'it went off', 'it went off');
  bench.note(`installed ${Math.round((performance.now() - from) / 1000)} s after the screen`);
  expect(String(reported('install.succeeded')), '1');
  await diskAt(bench, disk, bench.packed).options(`${words} ${EMULATED}`);
  return disk;
}

async function startDisk(
  bench: Bench,
  firmware: Firmware,
  disk: string,
  cards: readonly Card[],
): Promise<Machine> {
  return bench.start({ firmware, memoryMib: 2048, disks: [disk], cards, diskFirst: true });
}

/** Waits for the student's screen, of the system in this slot. */
async function shown(bench: Bench, computer: Machine, slot: 'a' | 'b', from = 0): Promise<void> {
  const [line] = await computer.said(new RegExp(`root \\S+ of slot ${slot}`), PATIENCE, from);
  const [, seconds] = await computer.said(
    new RegExp(`\\[ *([\\d.]+)\\].*${KIOSK_SHOWN.source}`),
    PATIENCE,
    computer.log.indexOf(line, from),
  );
  bench.note(`screen from slot ${slot} ${seconds} s`);
}

async function signIn(computer: Machine): Promise<void> {
  // The form is drawn and has the focus a while after the page has painted.
  await sleep(30_000);
  for (const letter of 'alice') await computer.press(letter);
  await computer.press('tab');
  for (const letter of 'member') await computer.press(letter);
  await computer.press('ret');
  await computer.said(/Signed in\./, PATIENCE / 5);
}

export const KIOSK_INSTALLS: readonly Scenario[] = [
  {
    name: 'install, bios: a room installs itself; offline use; an update; a broken one goes back',
    obstacle: diskObstacle,
    async run(bench) {
      const room = await roomThatInstalls(bench);
      const disk = await installed(bench, 'bios', room);

      // The campus is there: somebody signs in, the image arrives, so does another system.
      await room.publishSystem(await secondVersion(bench), '2');
      const online = await startDisk(bench, 'bios', disk, [CAMPUS_ONLY]);
      await shown(bench, online, 'a');
      await signIn(online);
      await online.said(/image committed/, PATIENCE);
      await room.heard('system-update.succeeded', 1, online);
      await online.screenshot(bench.picture('online'));
      await online.stop();

      // No boot server, no campus, no network at all. It starts the other slot, and uses it.
      const offline = await startDisk(bench, 'bios', disk, []);
      await shown(bench, offline, 'b');
      await sleep(10_000);
      await offline.screenshot(bench.picture('offline'));
      await signIn(offline);
      await sleep(20_000);
      await offline.screenshot(bench.picture('offline-home'));
      // The first tile has the focus.
      await offline.press('ret');
      await offline.said(/a machine runs/, PATIENCE);
      await sleep(60_000);
      await offline.screenshot(bench.picture('offline-machine'));
      await offline.stop();
      const local = diskAt(bench, disk, bench.packed);
      const good = await local.with((it) => it.installed.read());
      expect(`${good?.good} ${good?.slots.map(({ version }) => version).at(1)}`, 'B second');

      // A signed system that never shows the kiosk.
      await room.publishSystem((await smallSystem(bench, '3')).folder, '3');
      const again = await startDisk(bench, 'bios', disk, [CAMPUS_ONLY]);
      await shown(bench, again, 'b');
      await room.heard('system-update.succeeded', 2, again);
      await again.stop();
      await local.options(`${room.words} ${EMULATED} vestibule.boot.trial=30`);
      const broken = await startDisk(bench, 'bios', disk, [CAMPUS_ONLY]);
      let from = 0;
      for (let times = 0; times < 2; times++) {
        const [up] = await broken.said(/small root up: 3 /, PATIENCE, from);
        from = broken.log.indexOf(up, from) + up.length;
      }
      await shown(bench, broken, 'b', from);
      await room.heard('system.failed', 1, broken);
    },
  },
  {
    name: 'install, uefi: a room installs itself, and starts offline from its disk',
    obstacle: diskObstacle,
    async run(bench) {
      const disk = await installed(bench, 'uefi', await roomThatInstalls(bench));
      const computer = await startDisk(bench, 'uefi', disk, []);
      await shown(bench, computer, 'a');
      await sleep(10_000);
      await computer.screenshot(bench.picture('offline'));
    },
  },
];
