/** The disks as they are, read anew each time: lsblk(8), blkid(8), sfdisk(8), /proc and /sys. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { z } from 'zod';
import {
  type Disk,
  type DiskInstallation,
  type DiskPartition,
  DiskPath,
} from '../../preload/contract/install.ts';
import { readBreadcrumb } from './breadcrumb.ts';
import { PROGRAM_MS } from './commands.ts';
import { freeRooms, GPT_TYPES, type PartitionTable, parseDump, SECTOR } from './disk-table.ts';
import { NAMES, SYSTEM_LABEL, UNFINISHED_LABEL } from './layout.ts';
import { type Mount, readMounts, withMounted } from './mounts.ts';
import { leftovers } from './plan.ts';
import { findSystems, hasWindowsLoader, type LookOptions } from './systems.ts';

export interface ProbeOptions extends LookOptions {
  /** Loop devices that count as disks. */
  readonly loops: readonly string[] | 'all';
  /** Looks into file systems for what lives there; false: only tables and signatures. */
  readonly look: boolean;
  /** Where the running system's image is mounted, if it came from a disk. */
  readonly imageFolder: string;
}

export interface ProbedDisk {
  readonly disk: Disk;
  readonly table: PartitionTable | undefined;
}

const text = z.string().nullable().optional();
const Lsblk = z.object({
  blockdevices: z.array(
    z.object({
      path: z.string(),
      type: z.string(),
      model: text,
      serial: text,
      size: z.number().nullable(),
      'log-sec': z.number(),
      tran: text,
      rm: z.boolean(),
      ro: z.boolean(),
      rota: z.boolean(),
    }),
  ),
});
type Listed = z.infer<typeof Lsblk>['blockdevices'][number];

/** Every disk that could be meant, in the kernel's order. */
export async function probeDisks(options: ProbeOptions): Promise<ProbedDisk[]> {
  const { stdout } = await options.launcher.run({
    program: 'lsblk',
    args: [
      ...['--json', '--bytes', '--nodeps', '--output'],
      'PATH,TYPE,MODEL,SERIAL,SIZE,LOG-SEC,TRAN,RM,RO,ROTA',
    ],
    signal: AbortSignal.timeout(PROGRAM_MS),
  });
  const probed: ProbedDisk[] = [];
  for (const listed of Lsblk.parse(JSON.parse(stdout)).blockdevices) {
    const loop = options.loops === 'all' || options.loops.includes(listed.path);
    const meant = listed.type === 'disk' || (listed.type === 'loop' && loop);
    const usable = meant && DiskPath.safeParse(listed.path).success;
    if (usable && (listed.size ?? 0) > 0) probed.push(await probe(options, listed));
  }
  return probed;
}

async function probe(options: ProbeOptions, listed: Listed): Promise<ProbedDisk> {
  const { path } = listed;
  const size = listed.size ?? 0;
  const signature = await blkid(options, path);
  const dump = await dumpTable(options, path);
  const table = dump === undefined ? undefined : parseDump(dump, path);
  const mounts = await readMounts();
  const swaps = await readFile('/proc/swaps', 'utf8').catch(() => '');
  const uses = { mounts, swaps };
  const partitions: DiskPartition[] = [];
  for (const entry of table?.entries ?? []) {
    partitions.push(await probePartition(options, path, entry, table?.label === 'gpt', uses));
  }
  const own = await usesOf(path, uses);
  const image = mounts.findLast(({ target }) => target === options.imageFolder);
  const paths = [path, ...partitions.map((partition) => partition.path)];
  const withoutRooms: Disk = {
    path: DiskPath.parse(path),
    model: (listed.model ?? '').trim().slice(0, 256),
    serial: (listed.serial ?? '').trim().slice(0, 256),
    size,
    sectorSize: listed['log-sec'],
    transport: (listed.tran ?? '').slice(0, 32),
    removable: listed.rm,
    readOnly: listed.ro,
    rotational: listed.rota,
    table: tableKind(signature, table),
    fingerprint: fingerprint(table, signature, partitions),
    partitions,
    free: [],
    bootMedium: image !== undefined && paths.includes(image.source),
    mounts: own.mounts,
    holders: own.holders,
    installation: null,
  };
  const disk = {
    ...withoutRooms,
    installation: await readInstallation(options, withoutRooms),
  };
  const gone = new Set(leftovers(disk));
  const kept = partitions.filter(({ number }) => !gone.has(number));
  return { disk: { ...disk, free: freeRooms(size, kept) }, table };
}

function tableKind(
  signature: Readonly<Record<string, string>>,
  table: PartitionTable | undefined,
): Disk['table'] {
  if (table?.label === 'gpt' || table?.label === 'dos') return table.label;
  return Object.keys(signature).some((key) => key === 'TYPE' || key === 'PTTYPE')
    ? 'other'
    : 'none';
}

interface Uses {
  readonly mounts: readonly Mount[];
  readonly swaps: string;
}

async function probePartition(
  options: ProbeOptions,
  disk: string,
  entry: PartitionTable['entries'][number],
  gpt: boolean,
  uses: Uses,
): Promise<DiskPartition> {
  const path = `${disk}${/\d$/.test(disk) ? 'p' : ''}${entry.number}`;
  const found = await blkid(options, path);
  const own = await usesOf(path, uses);
  const type = found.TYPE;
  const free = own.mounts.length === 0 && own.holders.length === 0;
  const vestibule = entry.name === NAMES.system;
  let systems: DiskPartition['systems'] = [];
  if (vestibule) systems = [{ kind: 'vestibule', name: 'Vestibule' }];
  else if (type !== undefined && free && options.look)
    systems = await findSystems(options, path, type);
  if (
    entry.type === GPT_TYPES.efi &&
    options.look &&
    (await hasWindowsLoader(options.launcher, path))
  ) {
    systems = [...systems, { kind: 'windows', name: 'Windows Boot Manager' }];
  }
  return {
    number: entry.number,
    path,
    start: entry.start * SECTOR,
    size: entry.size * SECTOR,
    type: gpt ? entry.type : `0x${entry.type.padStart(2, '0')}`,
    name: entry.name.slice(0, 200),
    uuid: entry.uuid,
    fileSystem:
      type === undefined
        ? null
        : {
            type: type.slice(0, 64),
            label: (found.LABEL ?? '').slice(0, 256),
            uuid: (found.UUID ?? '').slice(0, 64),
          },
    ...own,
    systems,
  };
}

/** What uses a block device. */
async function usesOf(
  path: string,
  { mounts, swaps }: Uses,
): Promise<{ mounts: string[]; holders: string[] }> {
  const name = basename(path);
  const number = await readFile(`/sys/class/block/${name}/dev`, 'utf8').catch(() => '');
  const holders = await readdir(`/sys/class/block/${name}/holders`).catch((): string[] => []);
  const found = new Set(holders.map((holder) => holder.replace(/\d+$/, '').slice(0, 64)));
  if (swaps.split('\n').some((line) => line.startsWith(`${path} `))) found.add('swap');
  const own = mounts.filter(
    ({ source, device }) => source === path || (number !== '' && device === number.trim()),
  );
  // Of a BTRFS of several devices only one stands among the mounts.
  if (own.length === 0 && (await inMountedBtrfs(name))) found.add('btrfs');
  return {
    mounts: own.map(({ target }) => target).slice(0, 100),
    holders: [...found].slice(0, 100),
  };
}

async function inMountedBtrfs(name: string): Promise<boolean> {
  const systems = await readdir('/sys/fs/btrfs').catch((): string[] => []);
  for (const uuid of systems) {
    const devices = await readdir(`/sys/fs/btrfs/${uuid}/devices`).catch((): string[] => []);
    if (devices.includes(name)) return true;
  }
  return false;
}

/** Of the table, the places and the file systems: what a plan was made on. */
function fingerprint(
  table: PartitionTable | undefined,
  signature: Readonly<Record<string, string>>,
  partitions: readonly DiskPartition[],
): string {
  const content = [
    table?.label ?? '',
    table?.id ?? '',
    signature.TYPE ?? '',
    signature.UUID ?? '',
    ...partitions.map(({ number, start, size, type, uuid, name, fileSystem }) =>
      JSON.stringify([number, start, size, type, uuid, name, fileSystem]),
    ),
  ];
  return createHash('sha256').update(content.join('\n')).digest('hex');
}

/** Low-level probing: the device itself, no cache (blkid(8), -p). Nothing found is an empty record. */
async function blkid(
  { launcher }: ProbeOptions,
  path: string,
): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await launcher.run({
    program: 'blkid',
    args: ['-p', '-o', 'export', path],
    // 2: nothing found; 8: more than one signature, of which none is believed.
    expect: [0, 2, 8],
    signal: AbortSignal.timeout(PROGRAM_MS),
  });
  const found: Record<string, string> = {};
  for (const line of stdout.split('\n')) {
    const at = line.indexOf('=');
    if (at > 0) found[line.slice(0, at)] = line.slice(at + 1).replace(/\\(.)/g, '$1');
  }
  return found;
}

async function dumpTable({ launcher }: ProbeOptions, path: string): Promise<string | undefined> {
  const { code, stdout } = await launcher.run({
    program: 'sfdisk',
    args: ['--dump', path],
    expect: [0, 1],
    signal: AbortSignal.timeout(PROGRAM_MS),
  });
  return code === 0 ? stdout : undefined;
}

/** Where an installation of ours on the disk stands; null: there is none. */
async function readInstallation(
  options: ProbeOptions,
  disk: Disk,
): Promise<DiskInstallation | null> {
  const ours = disk.partitions.filter(({ name }) =>
    (Object.values(NAMES) as string[]).includes(name),
  );
  if (ours.length === 0) return null;
  const system = ours.find(({ name }) => name === NAMES.system);
  const label = system?.fileSystem?.label;
  if (!system || (label !== SYSTEM_LABEL && label !== UNFINISHED_LABEL)) {
    return { state: 'interrupted', step: 'formatting' };
  }
  const how = { type: 'btrfs', options: 'ro' };
  const breadcrumb = await withMounted(options, system.path, how, readBreadcrumb).catch(
    () => undefined,
  );
  if (label === SYSTEM_LABEL && breadcrumb?.progress === 'done') {
    return { state: 'installed', step: null };
  }
  return { state: 'interrupted', step: breadcrumb?.progress ?? 'formatting' };
}
