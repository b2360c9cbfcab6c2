/**
 * Whether a disk may be used as asked: pure predicates over what was read of it. A finding that
 * refuses stops the plan, here and once more in the root helper; one that warns is shown.
 */
import type {
  BootFacts,
  Disk,
  DiskPartition,
  Finding,
  InstallRequest,
  SystemSource,
} from '../../preload/contract/install.ts';
import { GPT_TYPES, SECTOR, WINDOWS_SERVICE_TYPES } from './disk-table.ts';
import { NAMES, requiredBytes } from './layout.ts';

export interface GuardInput {
  readonly request: InstallRequest;
  readonly disk: Disk;
  readonly boot: BootFacts;
  readonly source: SystemSource | null;
  /** The table can be written again as it is, with ours added. */
  readonly tableRenders: boolean;
}

type Details = Finding['details'];
const refuse = (code: Finding['code'], details: Details = {}): Finding => ({
  code,
  severity: 'refuse',
  details,
});
const warn = (code: Finding['code'], details: Details = {}): Finding => ({
  code,
  severity: 'warn',
  details,
});

/** Entries that a GPT has by default. */
const MAX_PARTITIONS = 128;

/** All that speaks against the request, refusals first. */
export function guard(input: GuardInput): Finding[] {
  const findings = [
    ...diskFindings(input.disk),
    ...targetFindings(input),
    ...(input.source === null ? [refuse('source-missing')] : []),
    ...(input.request.encrypt && !input.boot.tpm ? [refuse('tpm-missing')] : []),
    ...warnings(input),
  ];
  return findings.sort((a, b) => Number(a.severity === 'warn') - Number(b.severity === 'warn'));
}

/** What speaks against touching the disk at all, whatever the plan. */
export function diskFindings(disk: Disk): Finding[] {
  const findings: Finding[] = [];
  if (disk.bootMedium) findings.push(refuse('disk-boot-medium'));
  if (disk.readOnly) findings.push(refuse('disk-read-only'));
  if (disk.sectorSize !== SECTOR) {
    findings.push(refuse('disk-sector-size', { bytes: disk.sectorSize }));
  }
  for (const { path, mounts, holders } of [disk, ...disk.partitions]) {
    const [mount] = mounts;
    const [holder] = holders;
    if (mount !== undefined) findings.push(refuse('disk-mounted', { path, mount }));
    if (holder !== undefined) findings.push(refuse('disk-held', { path, holder }));
  }
  return findings;
}

/** Where the parts go: the bytes that the plan may write to. Undefined where the target is not there. */
export function roomFor({
  request: { target },
  disk,
}: Pick<GuardInput, 'request' | 'disk'>): { start: number; size: number } | undefined {
  switch (target.mode) {
    case 'whole': {
      const MIB = 1024 * 1024;
      const end = Math.floor((disk.size - 34 * SECTOR) / MIB) * MIB;
      return { start: MIB, size: Math.max(0, end - MIB) };
    }
    case 'free':
      return disk.free.find(({ start }) => start === target.start);
    case 'partition': {
      const partition = disk.partitions.find(({ number }) => number === target.number);
      if (!partition) return undefined;
      const MIB = 1024 * 1024;
      const start = Math.ceil(partition.start / MIB) * MIB;
      const end = Math.floor((partition.start + partition.size) / MIB) * MIB;
      return { start, size: Math.max(0, end - start) };
    }
  }
}

function targetFindings(input: GuardInput): Finding[] {
  const { request, disk, source, tableRenders } = input;
  const { target } = request;
  const findings: Finding[] = [];
  if (target.mode !== 'whole') {
    if (disk.table === 'dos' || disk.table === 'none') findings.push(refuse('table-not-gpt'));
    else if (disk.table === 'other' || !tableRenders) findings.push(refuse('table-unreadable'));
    // Ours are five at the most.
    if (disk.partitions.length > MAX_PARTITIONS - 5) findings.push(refuse('table-full'));
  }
  const room = roomFor(input);
  if (room === undefined) {
    findings.push(refuse(target.mode === 'free' ? 'free-unknown' : 'partition-unknown'));
    return findings;
  }
  const partition = replaced(input);
  if (partition) findings.push(...partitionFindings(partition));
  const required = requiredBytes({
    systemBytes: source?.bytes ?? 0,
    swapMiB: request.swapMiB,
    encrypt: request.encrypt,
  });
  if (room.size < required) {
    findings.push(refuse('disk-too-small', { bytes: room.size, required }));
  }
  return findings;
}

function replaced({ request: { target }, disk }: GuardInput): DiskPartition | undefined {
  if (target.mode !== 'partition') return undefined;
  return disk.partitions.find(({ number }) => number === target.number);
}

/** The promise of the mode is that every system stays: what one needs is not for replacing. */
function partitionFindings({ type, systems, name }: DiskPartition): Finding[] {
  const findings: Finding[] = [];
  const windows = systems.find(({ kind }) => kind === 'windows');
  if (windows) findings.push(refuse('partition-windows', { name: windows.name }));
  const boots = [GPT_TYPES.efi, GPT_TYPES['bios-boot'], ...WINDOWS_SERVICE_TYPES];
  const ours = (Object.values(NAMES) as string[]).includes(name);
  if (boots.includes(type) || ours) findings.push(refuse('partition-boot', { type, name }));
  return findings;
}

function warnings(input: GuardInput): Finding[] {
  const { request, disk, boot } = input;
  const findings: Finding[] = [];
  const whole = request.target.mode === 'whole';
  const partition = replaced(input);
  const erased = whole ? disk.partitions : partition ? [partition] : [];
  const interrupted = disk.installation?.state === 'interrupted';
  if (disk.installation && whole && !interrupted) findings.push(warn('replaces-installation'));
  for (const { path, systems, fileSystem, size } of erased) {
    for (const { kind, name } of systems) {
      if (kind !== 'vestibule') findings.push(warn('erases-systems', { path, name }));
    }
    if (systems.length === 0 && fileSystem !== null) {
      const { label, type } = fileSystem;
      findings.push(warn('erases-data', { path, label, type, bytes: size }));
    }
  }
  if (disk.removable) findings.push(warn('disk-removable'));
  if (disk.rotational) findings.push(warn('disk-rotational'));
  if (disk.serial === '') findings.push(warn('disk-without-serial'));
  // Firmware that cannot be told starts the first loader that it finds, which may be another's.
  const beside = !whole && disk.partitions.some(({ type }) => type === GPT_TYPES.efi);
  if (boot.firmware === 'uefi' && !boot.nvram && beside) findings.push(warn('nvram-missing'));
  return findings;
}
