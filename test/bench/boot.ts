/**
 * `npm run bench -- boot`: from the kernel's start to the kiosk's screen, our image beside one with
 * the same packages and Debian's live-boot, both fetched over HTTP into RAM by the same emulated
 * computer; sizes and stages for each compressor; and the least memory. Seconds are those of the
 * kernel in the computer. Needs root. Packing everything takes most of an hour the first time:
 * VESTIBULE_BENCH_COMPRESSORS=zstd3,zstd19 names fewer, VESTIBULE_BENCH_PAIRS=1 boots less often.
 */
import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBootServer } from '../../squashfs/boot-server.ts';
import { builtRootfs, repository } from '../../squashfs/inputs.ts';
import { startMachine } from '../../squashfs/machine.ts';
import { type Compressor, isCompressor, pack, packRoot } from '../../squashfs/packing.ts';
import { HOST } from '../../squashfs/room.ts';
import { KIOSK_SHOWN, kioskOptions } from '../boot/kiosk-options.ts';
import { startCampus } from '../campus/server/campus.ts';
import { buildDemoCampus } from '../campus/server/demo.ts';
import { liveImage } from './live-image.ts';
import { median, printResult, printTable } from './report.ts';

const GOAL = 0.6;
const GOAL_MB = 400;
const GOAL_MIB = 1024;
/** Of both images of a pair; the quick one, so that size and memory hold all the more for others. */
const COMPARED: Compressor = 'zstd3';
const MEMORY_MIB = 2048;
const PATIENCE = 1_800_000;

const pairs = Number(process.env.VESTIBULE_BENCH_PAIRS ?? 2);
const named = (process.env.VESTIBULE_BENCH_COMPRESSORS ?? 'lz4,zstd3,zstd19,xz').split(',');
const compressors = [...new Set([...named.filter(isCompressor), COMPARED])];
const say = (text: string): void => console.error(`bench boot: ${text}`);
const keys = join(repository, '.cache', 'boot-keys');

interface Image {
  /** Holds kernel, initrd and root file system, served as /vestibule/. */
  readonly folder: string;
  readonly root: string;
  readonly line: (url: string) => string;
}

interface Boot {
  readonly image: number;
  readonly system: number;
  readonly kiosk: number;
  readonly screen: number;
}

const folder = await mkdtemp(join(tmpdir(), 'vst-'));
await mkdir(join(folder, 'www'));
const campus = await startCampus({ folder: join(folder, 'www') });
try {
  const webUrl = `http://${HOST}:${campus.port}/`;
  const uiFolder = join(repository, 'dist/renderer');
  const content = await buildDemoCampus({
    ...{ folder, webUrl, images: [], uiFolder, hostname: 'kiosk' },
  });
  // Informational messages too: systemd's first line is one.
  const common = `${kioskOptions(webUrl, content.trustedKey)} panic=30 loglevel=7`;

  const rootfs = await builtRootfs('vm', 'amd64', say);
  const packed = new Map<Compressor, Image>();
  const rows: (string | number)[][] = [];
  for (const compressor of compressors) {
    const options = { rootfs, compressor, architecture: 'amd64' as const, keys };
    const { seconds } = await packRoot(options, say);
    const made = await pack({ ...options, servers: [], options: '', hosts: [], say });
    const image: Image = {
      folder: made,
      root: 'root.sqfs',
      line: (url) => `vestibule.boot.servers=${url} ${common}`,
    };
    packed.set(compressor, image);
    if (compressor === COMPARED) continue;
    const boot = await bootOnce(image, MEMORY_MIB);
    rows.push([`Vestibule, ${compressor}`, await megabytes(image), seconds, ...stages(boot)]);
  }

  const ours = packed.get(COMPARED);
  if (!ours) throw new Error('nothing was packed');
  say('the image of live-boot');
  const live: Image = {
    folder: await liveImage(rootfs, COMPARED),
    root: 'live.squashfs',
    line: (url) => `boot=live components fetch=${url}live.squashfs ${common}`,
  };
  const ratios: number[] = [];
  for (let pair = 1; pair <= pairs; pair++) {
    const theirs = await bootOnce(live, MEMORY_MIB);
    const mine = await bootOnce(ours, MEMORY_MIB);
    rows.push([
      `live-boot, ${COMPARED}, pair ${pair}`,
      await megabytes(live),
      '',
      ...stages(theirs),
    ]);
    rows.push([`Vestibule, ${COMPARED}, pair ${pair}`, await megabytes(ours), '', ...stages(mine)]);
    ratios.push(mine.screen / theirs.screen);
  }
  const small = await bootOnce(ours, GOAL_MIB).catch((error: unknown) => say(String(error)));
  if (small) {
    const title = `Vestibule, ${COMPARED}, ${GOAL_MIB} MiB of memory`;
    rows.push([title, await megabytes(ours), '', ...stages(small)]);
  }
  printTable([
    ['image', 'MB', 'packing, s', 'in RAM, s', 'systemd, s', 'kiosk started, s', 'screen, s'],
    ...rows,
  ]);
  const ratio = median(ratios);
  const sizeMb = await megabytes(ours);
  printResult({
    ...{ bench: 'boot', ratio, goal: GOAL },
    ok: ratio <= GOAL && sizeMb <= GOAL_MB && small !== undefined,
    ...{ sizeMb, goalMb: GOAL_MB, reachesScreenAtMib: small ? GOAL_MIB : MEMORY_MIB },
  });
} finally {
  await campus.stop();
  await rm(folder, { recursive: true, force: true });
}

async function megabytes(image: Image): Promise<number> {
  return Math.round((await stat(join(image.folder, image.root))).size / 1e6);
}

/** Seconds; what an image does not tell is empty. */
function stages(boot: Boot): (number | string)[] {
  return [boot.image, boot.system, boot.kiosk, boot.screen].map((seconds) =>
    Number.isFinite(seconds) ? Math.round(seconds * 10) / 10 : '',
  );
}

async function bootOnce(image: Image, memoryMib: number): Promise<Boot> {
  const own = await mkdtemp(join(folder, 'm-'));
  const server = await startBootServer(image.folder);
  const machine = await startMachine({
    ...{ folder: own, firmware: 'bios', memoryMib, cards: [{ network: 'user' }] },
    kernel: {
      image: join(image.folder, 'vmlinuz'),
      initrd: join(image.folder, 'initrd.img'),
      line: image.line(`http://${HOST}:${server.port}/vestibule/`),
    },
  });
  try {
    const line = new RegExp(`\\[ *([\\d.]+)\\][^\\n]*${KIOSK_SHOWN.source}`);
    const [, screen] = await machine.said(line, PATIENCE);
    const at = (pattern: string): number =>
      Number(new RegExp(`\\[ *([\\d.]+)\\][^\\n]*${pattern}`).exec(machine.log)?.[1]);
    const boot = {
      image: at('vestibule-boot: stage fetched'),
      system: at('systemd\\[1\\]: systemd [^\\n]* running in system mode'),
      kiosk: at('Started vestibule-kiosk'),
      screen: Number(screen),
    };
    say(`${image.root} at ${memoryMib} MiB: ${JSON.stringify(boot)}`);
    return boot;
  } finally {
    await machine.stop();
    await server.stop();
  }
}
