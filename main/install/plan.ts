/**
 * The plan of an installation: what is there, what will be, which steps lead there. Pure: the same
 * disk and the same request give the same plan, and its id is what a person confirms. The root
 * helper plans again right before it writes, and carries out only a plan with that id.
 */
import { createHash } from 'node:crypto';
import type {
  BootFacts,
  Disk,
  InstallPlan,
  InstallRequest,
  InstallStep,
  PlanPart,
  SystemSource,
} from '../../preload/contract/install.ts';
import { KioskError } from '../base/errors.ts';
import {
  encryptCommands,
  formatCommands,
  partitionCommands,
  partitionOf,
  printed,
  subvolumeCommands,
  type TableChange,
} from './commands.ts';
import { canRender, type PartitionTable, renderScript, type TableEntry } from './disk-table.ts';
import { guard, roomFor } from './guards.ts';
import { layOut, NAMES, SYSTEM_LABEL, tableEntries, uuidOf } from './layout.ts';

export interface PlanInput {
  readonly request: InstallRequest;
  readonly disk: Disk;
  /** Undefined where the disk has none that can be read. */
  readonly table: PartitionTable | undefined;
  readonly boot: BootFacts;
  readonly source: SystemSource | null;
}

/** A plan with what carrying it out needs. */
export interface DetailedPlan {
  readonly plan: InstallPlan;
  /** Ours of it. */
  readonly entries: readonly TableEntry[];
  readonly change: TableChange;
}

/** Names an installation across its interruptions: the same place on the same disk. */
function seedOf({ disk, request }: PlanInput): string {
  const whole = request.target.mode === 'whole';
  const place = whole ? 'whole' : `at/${roomFor({ disk, request })?.start}`;
  return `${disk.serial}/${disk.size}/${place}/${request.swapMiB}/${request.encrypt}`;
}

/**
 * Partitions that an installation which was interrupted left behind: room for the next one. Where
 * the state says that it is complete, they are a system like any other.
 */
export function leftovers(disk: Disk): number[] {
  if (disk.installation?.state !== 'interrupted') return [];
  const ours = Object.values(NAMES) as string[];
  return disk.partitions.filter(({ name }) => ours.includes(name)).map(({ number }) => number);
}

/** @throws KioskError `INSTALL_SOURCE_MISSING` where there is nothing to install */
export function makePlan(input: PlanInput): DetailedPlan {
  const { request, disk, table, source } = input;
  if (source === null) {
    throw new KioskError('INSTALL_SOURCE_MISSING', 'What runs here is not a system for a disk.');
  }
  const findings = guard({ ...input, tableRenders: table !== undefined && canRender(table) });
  const whole = request.target.mode === 'whole';
  const gone = new Set(leftovers(disk));
  if (request.target.mode === 'partition') gone.add(request.target.number);
  const kept = whole ? [] : (table?.entries ?? []).filter(({ number }) => !gone.has(number));
  const room = roomFor(input);
  const refused = findings.some(({ severity }) => severity === 'refuse');
  const parts =
    room === undefined || (refused && room.size === 0)
      ? []
      : layOut(room, {
          systemBytes: source.bytes,
          swapMiB: request.swapMiB,
          encrypt: request.encrypt,
        }).filter(({ size }) => size > 0);
  const seed = seedOf(input);
  const entries = tableEntries(
    parts,
    kept.map(({ number }) => number),
    seed,
  );
  const script = renderScript({
    id: whole || table === undefined ? uuidOf(seed) : table.id,
    entries: [...kept, ...entries].sort((a, b) => a.number - b.number),
  });
  const change: TableChange = {
    script,
    erased: disk.partitions
      .map(({ number }) => number)
      .filter((number) => whole || gone.has(number)),
    added: entries,
    whole,
  };
  const content = {
    request,
    disk: {
      path: disk.path,
      model: disk.model,
      serial: disk.serial,
      size: disk.size,
      fingerprint: disk.fingerprint,
    },
    source,
    findings,
    before: before(disk, whole, gone),
    after: after(disk, parts, whole, gone),
    steps: refused ? [] : steps(input, change, entries),
    confirmWord: disk.path.replace('/dev/', ''),
  };
  const id = createHash('sha256')
    .update(JSON.stringify([content, script]))
    .digest('hex');
  return { plan: { id, ...content }, entries, change };
}

function before(disk: Disk, whole: boolean, gone: ReadonlySet<number>): PlanPart[] {
  const parts = disk.partitions.map((partition): PlanPart => {
    const { number, start, size, fileSystem, name, systems } = partition;
    const erased = whole || gone.has(number);
    return {
      start,
      size,
      kind: erased ? 'erased' : 'kept',
      number,
      label: fileSystem?.label || name,
      fileSystem: fileSystem?.type ?? '',
      systems,
    };
  });
  return fillGaps(disk, parts);
}

function after(
  disk: Disk,
  ours: ReturnType<typeof layOut>,
  whole: boolean,
  gone: ReadonlySet<number>,
): PlanPart[] {
  const kept = before(disk, whole, gone).filter(({ kind }) => kind === 'kept');
  const parts = ours.map(
    ({ kind, start, size }): PlanPart => ({
      start,
      size,
      kind,
      number: null,
      label: NAMES[kind],
      fileSystem: { 'bios-boot': '', efi: 'vfat', swap: 'swap', system: 'btrfs', data: 'luks' }[
        kind
      ],
      systems: kind === 'system' ? [{ kind: 'vestibule', name: 'Vestibule' }] : [],
    }),
  );
  return fillGaps(disk, [...kept, ...parts]);
}

/** Gaps of 1 MiB and less are the table and alignment: nobody can use them. */
const GAP = 1024 * 1024;

function fillGaps(disk: Disk, parts: readonly PlanPart[]): PlanPart[] {
  const filled: PlanPart[] = [];
  let at = 0;
  const gap = (end: number): void => {
    if (end - at <= GAP) return;
    const room = { start: at, size: end - at, number: null, label: '', fileSystem: '' };
    filled.push({ ...room, kind: 'free', systems: [] });
  };
  for (const part of [...parts].sort((a, b) => a.start - b.start)) {
    gap(part.start);
    filled.push(part);
    at = part.start + part.size;
  }
  gap(disk.size);
  return filled;
}

/** Where a dry run says that the system's file system is mounted. */
const MOUNTED = '/run/vestibule/install';

function steps(
  { request, disk, boot }: PlanInput,
  change: TableChange,
  entries: readonly TableEntry[],
): InstallPlan['steps'] {
  const path = disk.path;
  const system = partitionOf(path, entries, 'system') ?? '';
  const efi = partitionOf(path, entries, 'efi') ?? '';
  const bios = partitionOf(path, entries, 'bios-boot') ?? '';
  const data = partitionOf(path, entries, 'data');
  const commands: Readonly<Record<InstallStep, string[]>> = {
    partitioning: partitionCommands(path, change).map(printed),
    formatting: [
      ...formatCommands(path, entries).map(printed),
      `mount -t btrfs ${system} ${MOUNTED}`,
      ...subvolumeCommands(MOUNTED, request.encrypt).map(printed),
      ...(data === undefined ? [] : encryptCommands(data).map(printed)),
    ],
    writing: [`cp vmlinuz initrd.img vestibule.efi root.sqfs root.cfg ${MOUNTED}/slots/a/`],
    verifying: [`sha256sum ${MOUNTED}/slots/a/*`],
    bootloader: [
      `mcopy -i ${efi} shimx64.efi grubx64.efi mmx64.efi ::/EFI/vestibule/`,
      `mcopy -i ${efi} grub.cfg ::/EFI/debian/`,
      `grub-mkimage -O i386-pc -o core.img …`,
      `dd if=core.img of=${bios}`,
    ],
    activating: [
      `btrfs filesystem label ${system} ${SYSTEM_LABEL}`,
      ...(boot.firmware === 'uefi'
        ? [
            `mcopy -i ${efi} shimx64.efi ::/EFI/BOOT/BOOTX64.EFI`,
            ...(boot.nvram
              ? [
                  `efibootmgr --create --disk ${path} --label Vestibule --loader /EFI/vestibule/shimx64.efi`,
                ]
              : []),
          ]
        : [`dd if=boot.img of=${path} bs=440 count=1`]),
    ],
  };
  return Object.entries(commands).map(([step, list]) => ({
    step: step as InstallStep,
    commands: list,
  }));
}
