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
 *   --memory MIB        default 2048
 *   --screenshot FILE   without a window: a picture as soon as the kiosk's screen is up, then end
 *   --only TEXT         with --check: scenarios whose name holds it
 *   --results FOLDER    with --check: logs and pictures
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startDemoCampus } from '../scripts/demo-campus.ts';
import { checkBoots } from '../test/boot/check.ts';
import { openHttpRoom } from '../test/boot/http-room.ts';
import { builtRootfs, repository } from './inputs.ts';
import { startMachine } from './machine.ts';
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
    memory: { type: 'string', default: '2048' },
    screenshot: { type: 'string' },
    only: { type: 'string' },
    results: { type: 'string' },
  },
});
const keys = join(repository, '.cache', 'boot-keys');
const say = (text: string): void => console.error(`boot: ${text}`);
const folder = await mkdtemp(join(tmpdir(), 'vst-'));
let code = 1;
try {
  const packed = values.packed ?? (await packedRoot());
  code = values.check
    ? await checkBoots({ packed, keys, folder, only: values.only, results: values.results, say })
    : await bootOne(packed);
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(code);

async function packedRoot(): Promise<string> {
  return pack({
    rootfs: values.rootfs ?? (await builtRootfs('vm', 'amd64', say)),
    architecture: 'amd64',
    compressor: 'zstd3',
    keys,
    servers: [],
    options: '',
    hosts: [],
    say,
  });
}

async function bootOne(packed: string): Promise<number> {
  const secure = values['secure-boot'];
  const demo = await startDemoCampus(join(repository, '.cache', 'demo-boot'), say, {}, { address: HOST });
  const campus = [
    `vestibule.campus.servers=http://${HOST}:${demo.server.port}/`,
    `vestibule.campus.keys=${demo.content.trustedKey.id}:${demo.content.trustedKey.publicKey}`,
    'vestibule.campus.allowPlainServices console=ttyS0 loglevel=6',
  ].join(' ');
  const room = values['http-boot']
    ? await openHttpRoom({ packed, folder, keys, options: campus, secure: false })
    : await openRoom({ packed, folder, keys, options: campus, secure });
  const firmware = secure ? 'secure' : values.uefi || values['http-boot'] ? 'uefi' : 'bios';
  const bootFile = secure
    ? 'secure/shimx64.efi'
    : firmware === 'uefi'
      ? 'shimx64.efi'
      : values.ipxe
        ? 'boot.ipxe'
        : 'lpxelinux.0';
  const machine = await startMachine({
    folder,
    firmware,
    memoryMib: Number(values.memory),
    cards: [room.tftp(bootFile)],
    disks: values.disk === undefined ? [] : [values.disk],
    diskFirst: values.disk !== undefined,
    display: values.screenshot === undefined && process.env.DISPLAY ? 'gtk' : 'none',
    ...(secure ? { enrol: { certificate: room.certificate, by: 'shim' as const } } : {}),
    ...(room.namespace === undefined ? {} : { namespace: room.namespace }),
  });
  let shown = 0;
  const follow = setInterval(() => {
    process.stderr.write(machine.log.slice(shown));
    shown = machine.log.length;
  }, 500);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void machine.stop());
  try {
    if (values.screenshot === undefined) await machine.ended;
    else {
      await machine.said(KIOSK_SHOWN, 600_000);
      await machine.screenshot(values.screenshot);
    }
  } finally {
    clearInterval(follow);
    await machine.stop();
    await room.stop();
    await demo.server.stop();
  }
  return 0;
}
