/**
 * `npm run boot`: a lab computer in QEMU, booted as in a room, with the demo campus on this
 * computer.
 *
 *   npm run boot                    PC firmware: DHCP, TFTP (PXELINUX), kernel, the rest over HTTP
 *   npm run boot -- --ipxe          the same with iPXE's script
 *   npm run boot -- --uefi          UEFI: DHCP, TFTP (shim, GRUB)
 *   npm run boot -- --secure-boot   Secure Boot on: shim, then our signed image (adr/0018)
 *   npm run boot -- --http-boot     UEFI HTTP boot, against dnsmasq and nginx; needs root
 *   npm run boot -- --disk FILE     from a disk image; --uefi or not
 *   npm run boot -- --check         every boot and every fault; prints "N passed, N failed" last
 *
 *   --packed FOLDER     what `npm run squashfs` made; else it is made
 *   --rootfs FOLDER     what `npm run rootfs` made; else it is made
 *   --kvm               where it works; else the processor is emulated
 *   --memory MIB        default 2048
 *   --screenshot FILE   without a window: a picture as soon as the kiosk's screen is up, then end
 *   --set ci            with --check: each promise and each fault once (default: all)
 *   --only TEXT         with --check: scenarios whose name holds it
 *   --results FOLDER    with --check: logs and pictures
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDemoCampus } from '../scripts/demo-campus.ts';
import { checkBoots } from '../test/boot/check.ts';
import { httpRoomObstacle, openHttpRoom, SERVER } from '../test/boot/http-room.ts';
import { KIOSK_SHOWN, kioskOptions } from '../test/boot/kiosk-options.ts';
import { buildDemoCampus } from '../test/campus/server/demo.ts';
import { builtRootfs, repository } from './inputs.ts';
import { bootKeys } from './keys.ts';
import { type Machine, startMachine } from './machine.ts';
import { pack } from './packing.ts';
import { HOST, openRoom } from './room.ts';

const { values } = parseArgs({
  options: {
    ipxe: { type: 'boolean', default: false },
    uefi: { type: 'boolean', default: false },
    'secure-boot': { type: 'boolean', default: false },
    'http-boot': { type: 'boolean', default: false },
    disk: { type: 'string' },
    check: { type: 'boolean', default: false },
    packed: { type: 'string' },
    rootfs: { type: 'string' },
    kvm: { type: 'boolean', default: false },
    memory: { type: 'string', default: '2048' },
    screenshot: { type: 'string' },
    set: { type: 'string', default: 'all' },
    only: { type: 'string' },
    results: { type: 'string' },
  },
});
const keys = join(repository, '.cache', 'boot-keys');
const campusFolder = join(repository, '.cache', 'demo-boot');
const say = (text: string): void => console.error(`boot: ${text}`);
const folder = await mkdtemp(join(tmpdir(), 'vst-'));
let code = 1;
try {
  if (values.set !== 'all' && values.set !== 'ci') throw new Error(`there is no set ${values.set}`);
  const rootfs =
    values.packed === undefined
      ? (values.rootfs ?? (await builtRootfs('vm', 'amd64', say)))
      : undefined;
  const packed = values.packed ?? (await packedRoot(rootfs ?? ''));
  const { only, results, set } = values;
  code = values.check
    ? await checkBoots({ packed, rootfs, keys, folder, only, results, set, say })
    : await bootOne(packed);
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);

async function packedRoot(rootfs: string): Promise<string> {
  return pack({
    rootfs,
    architecture: 'amd64',
    compressor: 'zstd3',
    keys,
    servers: [],
    options: '',
    hosts: [],
    say,
  });
}

interface Started {
  readonly machine: Machine;
  stop(): Promise<void>;
}

async function bootOne(packed: string): Promise<number> {
  const { machine, stop } = values['http-boot'] ? await httpBoot(packed) : await boot(packed);
  let shown = 0;
  const follow = setInterval(() => {
    process.stderr.write(machine.log.slice(shown));
    shown = machine.log.length;
  }, 500);
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => void machine.stop());
  try {
    if (values.screenshot === undefined) await machine.ended;
    else {
      await machine.said(KIOSK_SHOWN, 900_000);
      await machine.screenshot(values.screenshot);
    }
  } finally {
    clearInterval(follow);
    await machine.stop();
    await stop();
  }
  return 0;
}

/** In QEMU's user network, with the campus's services. */
async function boot(packed: string): Promise<Started> {
  const secure = values['secure-boot'];
  const demo = await startDemoCampus(campusFolder, say, {}, { address: HOST });
  const options = kioskOptions(`http://${HOST}:${demo.server.port}/`, demo.content.trustedKey);
  const room = await openRoom({ packed, folder, keys, options, secure });
  const [firmware, bootFile] = secure
    ? (['secure', 'secure/shimx64.efi'] as const)
    : values.uefi
      ? (['uefi', 'shimx64.efi'] as const)
      : (['bios', values.ipxe ? 'boot.ipxe' : 'lpxelinux.0'] as const);
  const { uefiDer } = await bootKeys(keys);
  const machine = await startMachine({
    folder,
    firmware,
    kvm: values.kvm,
    memoryMib: Number(values.memory),
    cards: [room.tftp(bootFile)],
    disks: values.disk === undefined ? [] : [values.disk],
    diskFirst: values.disk !== undefined,
    display: displayKind(),
    ...(secure ? { enrol: { certificate: uefiDer, by: 'shim' as const } } : {}),
  });
  const stop = async (): Promise<void> => {
    await room.stop();
    await demo.server.stop();
  };
  return { machine, stop };
}

/** With dnsmasq and nginx alone; the campus is static. */
async function httpBoot(packed: string): Promise<Started> {
  const obstacle = httpRoomObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  const url = `http://${SERVER}/campus/`;
  const campus = await buildDemoCampus({
    folder: join(folder, 'campus'),
    webUrl: url,
    images: [],
    uiFolder: join(repository, 'dist/renderer'),
    hostname: 'kiosk',
    services: false,
  });
  const options = kioskOptions(url, campus.trustedKey);
  const room = await openHttpRoom({ packed, folder, keys, options, campus: campus.www });
  const machine = await startMachine({
    folder,
    firmware: 'uefi',
    kvm: values.kvm,
    memoryMib: Number(values.memory),
    cards: [room.card],
    display: displayKind(),
    namespace: room.namespace,
  });
  return { machine, stop: () => room.stop() };
}

function displayKind(): 'none' | 'gtk' {
  return values.screenshot === undefined && process.env.DISPLAY ? 'gtk' : 'none';
}
