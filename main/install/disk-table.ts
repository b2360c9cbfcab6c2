/**
 * The partition table as text: what `sfdisk --dump` prints and `sfdisk` reads (sfdisk(8)). A table
 * is changed by writing the whole of it, others' entries as they were, in one go: after a power
 * cut there is the old table or the new one, of which each has two copies (UEFI 2.10, 5.3.2).
 */
import type { Disk } from '../../preload/contract/install.ts';
import { KioskError } from '../base/errors.ts';

export const SECTOR = 512;
const MIB = 1024 * 1024;

export const GPT_TYPES = {
  'bios-boot': '21686148-6449-6E6F-744E-656564454649',
  efi: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  swap: '0657FD6D-A4AB-43C4-84E5-0933C84B4F4F',
  linux: '0FC63DAF-8483-4772-8E79-3D69D8477DE4',
  luks: 'CA7D7CCB-63ED-4C53-861C-1742536059CC',
} as const;

/** Microsoft's reserved and recovery partitions: never offered, never replaced. */
export const WINDOWS_SERVICE_TYPES: readonly string[] = [
  'E3C9E316-0B5C-4DB8-817D-F92DF00215AE',
  'DE94BBA4-06D1-4D40-A16A-BFD50179D6AC',
];

export interface TableEntry {
  readonly number: number;
  /** Sectors. */
  readonly start: number;
  readonly size: number;
  readonly type: string;
  readonly uuid: string;
  readonly name: string;
  readonly attrs: string;
}

export interface PartitionTable {
  readonly label: string;
  readonly id: string;
  readonly firstLba: number;
  readonly lastLba: number;
  readonly entries: readonly TableEntry[];
}

/** `/dev/sda` and 3 give `/dev/sda3`; names that end with a digit take a `p`. */
export function partitionPath(disk: string, number: number): string {
  return `${disk}${/\d$/.test(disk) ? 'p' : ''}${number}`;
}

/** @throws KioskError `PROGRAM_FAILED` for what sfdisk(8) does not print */
export function parseDump(dump: string, device: string): PartitionTable {
  const head = new Map<string, string>();
  const entries: TableEntry[] = [];
  for (const line of dump.split('\n')) {
    const header = /^([a-z-]+): *(.*)$/.exec(line);
    if (header) {
      head.set(header[1] ?? '', header[2] ?? '');
      continue;
    }
    if (!line.startsWith(device)) continue;
    const fields = /^[^ ]*?(\d+) : start= *(\d+), size= *(\d+), type=([^,]+)(.*)$/.exec(line);
    if (!fields) throw new KioskError('PROGRAM_FAILED', `sfdisk printed: ${line.slice(0, 200)}`);
    const rest = fields[5] ?? '';
    entries.push({
      number: Number(fields[1]),
      start: Number(fields[2]),
      size: Number(fields[3]),
      type: (fields[4] ?? '').trim().toUpperCase(),
      uuid: (/, uuid=([0-9A-Fa-f-]+)/.exec(rest)?.[1] ?? '').toUpperCase(),
      name: /, name="([^"]*)"/.exec(rest)?.[1] ?? '',
      attrs: /, attrs="([^"]*)"/.exec(rest)?.[1] ?? '',
    });
  }
  return {
    label: head.get('label') ?? '',
    id: head.get('label-id') ?? '',
    firstLba: Number(head.get('first-lba') ?? 0),
    lastLba: Number(head.get('last-lba') ?? 0),
    entries,
  };
}

/** The script that makes exactly this table. */
export function renderScript(table: Pick<PartitionTable, 'id' | 'entries'>): string {
  const lines = table.entries.map(({ number, start, size, type, uuid, name, attrs }) => {
    const optional = [
      ...(uuid === '' ? [] : [`uuid=${uuid}`]),
      ...(name === '' ? [] : [`name="${name}"`]),
      ...(attrs === '' ? [] : [`attrs="${attrs}"`]),
    ];
    return `${number} : ${[`start=${start}`, `size=${size}`, `type=${type}`, ...optional].join(', ')}`;
  });
  return `label: gpt\nlabel-id: ${table.id}\n\n${lines.join('\n')}\n`;
}

/** Whether every entry survives {@link renderScript}: sfdisk's script has no way to quote a quote. */
export function canRender(table: PartitionTable): boolean {
  return table.entries.every(({ name, attrs }) => !/["\\\p{Cc}]/u.test(name + attrs));
}

/**
 * Room between partitions, aligned to MiB, of 1 MiB and more. Bytes.
 *
 * @param taken partitions that stay, in any order
 */
export function freeRooms(
  size: number,
  taken: ReadonlyArray<{ readonly start: number; readonly size: number }>,
): Disk['free'] {
  const rooms: Disk['free'] = [];
  // The table takes 34 sectors at both ends; its copy ends the disk.
  const last = Math.floor((size - 34 * SECTOR) / MIB) * MIB;
  let at = MIB;
  const sorted = [...taken].sort((a, b) => a.start - b.start);
  for (const { start, size: length } of [...sorted, { start: last, size: 0 }]) {
    const end = Math.floor(Math.min(start, last) / MIB) * MIB;
    if (end - at >= MIB) rooms.push({ start: at, size: end - at });
    at = Math.max(at, Math.ceil((start + length) / MIB) * MIB);
  }
  return rooms;
}
