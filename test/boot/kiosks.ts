/** Whole boots, from firmware to the kiosk's screen, as the computers of a room do them. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bootKeys } from '../../squashfs/keys.ts';
import type { Machine, MachineOptions } from '../../squashfs/machine.ts';
import { HOST, openRoom, type Room, type RoomOptions } from '../../squashfs/room.ts';
import { type CampusServer, startCampus } from '../campus/server/campus.ts';
import { buildDemoCampus } from '../campus/server/demo.ts';
import { httpRoomObstacle, openHttpRoom, SERVER } from './http-room.ts';
import { KIOSK_SHOWN, kioskOptions } from './kiosk-options.ts';
import { expectScreen } from './picture.ts';
import type { Bench, Scenario } from './scenario.ts';

/** From power to the screen under emulation: two minutes, and ten where others keep the computer busy. */
const PATIENCE = 1_500_000;
const uiFolder = join(import.meta.dirname, '../../dist/renderer');

interface Campus {
  readonly server: CampusServer;
  /** For the command line. */
  readonly options: string;
}

/** A campus with one web session, as the kiosk in QEMU's user network sees it. */
async function campus(bench: Bench): Promise<Campus> {
  const folder = join(bench.folder, 'campus');
  await mkdir(join(folder, 'www'), { recursive: true });
  const server = await startCampus({ folder: join(folder, 'www') });
  bench.defer(() => server.stop());
  const webUrl = `http://${HOST}:${server.port}/`;
  const content = await buildDemoCampus({
    ...{ folder, webUrl, images: [], uiFolder },
    hostname: 'kiosk',
  });
  return { server, options: kioskOptions(webUrl, content.trustedKey) };
}

async function userRoom(bench: Bench, options: string, secure = false): Promise<Room> {
  const room: RoomOptions = {
    ...{ packed: bench.packed, keys: bench.keys, options, secure },
    folder: join(bench.folder, 'room'),
  };
  const opened = await openRoom(room);
  bench.defer(() => opened.stop());
  return opened;
}

const start = (
  bench: Bench,
  options: Omit<MachineOptions, 'folder' | 'memoryMib'> & { readonly memoryMib?: number },
) => bench.start({ memoryMib: 1536, ...options });

/** Seconds since the kernel's start, from a line of the log. */
async function shown(bench: Bench, machine: Machine): Promise<void> {
  const line = new RegExp(`\\[ *([\\d.]+)\\].*${KIOSK_SHOWN.source}`);
  const [, seconds] = await machine.said(line, PATIENCE);
  const stages = [...machine.log.matchAll(/vestibule-boot: stage (\w+) ([\d.]+)/g)];
  bench.note([...stages.map(([, name, at]) => `${name} ${at}`), `screen ${seconds}`].join(', '));
}

/** A guest that is slow to read its keyboard loses what comes meanwhile. */
async function type(machine: Machine, text: string): Promise<void> {
  for (const letter of text) {
    await machine.press(letter);
    await sleep(500);
  }
}

/** Waits for what the campus received. */
async function until(what: string, happened: () => boolean): Promise<void> {
  const deadline = Date.now() + PATIENCE / 3;
  while (!happened()) {
    if (Date.now() > deadline) throw new Error(`it did not happen: ${what}`);
    await sleep(500);
  }
}

const asked = (server: CampusServer, request: string): number => server.requests.get(request) ?? 0;

const reported = (server: CampusServer, kind: string): number =>
  [...server.reports.values()].filter((report) => report.kind === kind).length;

export const KIOSKS: readonly Scenario[] = [
  {
    name: 'kiosk: PXE on BIOS to the student’s screen, a session, the server gone, still usable',
    ci: true,
    async run(bench) {
      const { server, options } = await campus(bench);
      const room = await userRoom(bench, options);
      const machine = await start(bench, { firmware: 'bios', cards: [room.tftp('lpxelinux.0')] });
      await shown(bench, machine);
      await expectScreen(machine, bench.picture('sign-in'), 'sign-in');

      await type(machine, 'alice');
      await machine.press('tab');
      await type(machine, 'member');
      await machine.press('ret');
      await until('alice has her catalogue', () => asked(server, 'GET /api/catalogue') > 0);
      await sleep(15_000);
      await expectScreen(machine, bench.picture('home'), 'home');
      // The first tile has the focus.
      await machine.press('ret');
      await until('a session starts', () => reported(server, 'session.started') > 0);
      await expectScreen(machine, bench.picture('session'), 'session');

      // Everything that answered is gone: boot server and campus.
      await room.stop();
      await server.pause();
      await machine.press('ctrl', 'alt', 'home');
      await sleep(20_000);
      await expectScreen(machine, bench.picture('offline'), 'offline');
      await server.resume();
      await until('the kiosk is back', () => server.listening > 0);
    },
  },
  {
    name: 'kiosk: PXE on UEFI to the student’s screen',
    ci: true,
    async run(bench) {
      const { options } = await campus(bench);
      const room = await userRoom(bench, options);
      const machine = await start(bench, { firmware: 'uefi', cards: [room.tftp('shimx64.efi')] });
      await shown(bench, machine);
      await expectScreen(machine, bench.picture('sign-in'), 'sign-in');
    },
  },
  {
    name: 'kiosk: Secure Boot on, Debian’s shim and the institution’s image, to the student’s screen',
    ci: true,
    async run(bench) {
      const { options } = await campus(bench);
      const room = await userRoom(bench, options, true);
      const { uefiDer } = await bootKeys(bench.keys);
      const machine = await start(bench, {
        firmware: 'secure',
        cards: [room.tftp('secure/shimx64.efi')],
        enrol: { certificate: uefiDer, by: 'shim' },
      });
      await machine.said(/locked down from EFI Secure Boot/i, PATIENCE);
      await shown(bench, machine);
    },
  },
  {
    name: 'kiosk: PXE on BIOS with 1,024 MiB of memory to the student’s screen',
    ci: true,
    async run(bench) {
      const { options } = await campus(bench);
      const room = await userRoom(bench, options);
      const cards = [room.tftp('lpxelinux.0')];
      const machine = await start(bench, { firmware: 'bios', cards, memoryMib: 1024 });
      await shown(bench, machine);
      await expectScreen(machine, bench.picture('sign-in'), 'sign-in');
      const [memory = ''] = /vestibule-boot: memory .*needed/.exec(machine.log) ?? [];
      bench.note(memory.replace('vestibule-boot: ', ''));
    },
  },
  {
    name: 'kiosk: HTTP boot from nginx and dnsmasq alone, to the student’s screen, the server gone',
    obstacle: httpRoomObstacle,
    async run(bench) {
      const url = `http://${SERVER}/campus/`;
      const content = await buildDemoCampus({
        ...{ folder: join(bench.folder, 'campus'), webUrl: url, images: [], uiFolder },
        ...{ hostname: 'kiosk', services: false },
      });
      const room = await openHttpRoom({
        ...{ packed: bench.packed, keys: bench.keys, folder: bench.folder },
        ...{ options: kioskOptions(url, content.trustedKey), campus: content.www },
      });
      bench.defer(() => room.stop());
      const machine = await start(bench, {
        ...{ firmware: 'uefi', cards: [room.card], namespace: room.namespace },
      });
      await shown(bench, machine);
      const requests = await room.requests();
      for (const path of ['/vestibule/vestibule.efi 200', '/campus/manifest.json 200'])
        if (!requests.includes(path)) throw new Error(`nothing asked for ${path}:\n${requests}`);
      await room.cut();
      await sleep(15_000);
      await machine.screenshot(bench.picture('offline'));
    },
  },
];

export const SECURITY: readonly Scenario[] = [
  {
    name: 'secure boot: an image with one changed byte is refused by shim',
    ci: true,
    async run(bench) {
      const room = await userRoom(bench, 'console=ttyS0 loglevel=6', true);
      const { uefiDer } = await bootKeys(bench.keys);
      const image = join(room.view, 'secure/grubx64.efi');
      const bytes = await readFile(image);
      const at = bytes.length - 1_000_000;
      bytes[at] = ~(bytes[at] ?? 0);
      await writeFile(image, bytes);
      const machine = await start(bench, {
        firmware: 'secure',
        cards: [room.tftp('secure/shimx64.efi')],
        enrol: { certificate: uefiDer, by: 'shim' },
      });
      await machine.said(/Security Violation|Verification failed|Access Denied/i, PATIENCE / 3);
      if (/Linux version|vestibule-boot/.test(machine.log)) throw new Error('it started');
    },
  },
  {
    name: 'secure boot: the firmware starts the image where its key is in db, no loader between',
    async run(bench) {
      const room = await userRoom(bench, 'console=ttyS0 loglevel=6', true);
      const { uefiDer } = await bootKeys(bench.keys);
      const machine = await start(bench, {
        firmware: 'secure',
        cards: [room.tftp('vestibule.efi')],
        enrol: { certificate: uefiDer, by: 'db' },
      });
      await machine.said(/locked down from EFI Secure Boot/i, PATIENCE);
      await machine.said(/vestibule-boot: stage fetching/, PATIENCE);
    },
  },
  {
    name: 'loaders: on UEFI, shim and GRUB start the initrd',
    async run(bench) {
      const room = await userRoom(bench, 'console=ttyS0 loglevel=6');
      const machine = await start(bench, { firmware: 'uefi', cards: [room.tftp('shimx64.efi')] });
      await machine.said(/vestibule-boot: stage fetching/, PATIENCE);
    },
  },
  {
    name: 'loaders: HTTP boot starts the signed image, and DHCP names the boot server',
    ci: true,
    obstacle: httpRoomObstacle,
    async run(bench) {
      const campus = join(bench.folder, 'empty');
      await mkdir(campus);
      const options = 'console=ttyS0 loglevel=6';
      const { packed, keys, folder } = bench;
      const room = await openHttpRoom({ packed, keys, folder, options, campus });
      bench.defer(() => room.stop());
      const machine = await start(bench, {
        ...{ firmware: 'uefi', cards: [room.card], namespace: room.namespace },
      });
      await machine.said(/vestibule-boot: stage fetching/, PATIENCE);
    },
  },
  {
    name: 'loaders: iPXE’s script starts the initrd',
    async run(bench) {
      const room = await userRoom(bench, 'console=ttyS0 loglevel=6');
      const machine = await start(bench, { firmware: 'bios', cards: [room.tftp('boot.ipxe')] });
      await machine.said(/vestibule-boot: stage fetching/, PATIENCE);
    },
  },
];
