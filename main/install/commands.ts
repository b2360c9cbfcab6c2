/** The programs that change a disk, as data: what a dry run prints is what is run. */
import { partitionPath, type TableEntry } from './disk-table.ts';
import {
  DATA_LABEL,
  ESP_LABEL,
  NAMES,
  type PartKind,
  SUBVOLUMES,
  UNFINISHED_LABEL,
} from './layout.ts';

/**
 * How long any program that works on a disk may take (ms): a computer that is slow or busy must not
 * fail, a disk that hangs must.
 */
export const PROGRAM_MS = 300_000;

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
}

/** As a shell would take it; input as a here-string. */
export function printed({ program, args, input }: Command): string {
  const words = [program, ...args].map((word) =>
    /^[\w./:=,+@%-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`,
  );
  return words.join(' ') + (input === undefined ? '' : ` <<< '${input.trim()}'`);
}

const SECTORS_PER_MIB = 2048;

export interface TableChange {
  /** The whole new table; see `renderScript`. */
  readonly script: string;
  /** Numbers of the partitions that go. */
  readonly erased: readonly number[];
  /** Those that come. */
  readonly added: ReadonlyArray<Pick<TableEntry, 'number' | 'start'>>;
  /** The disk has nobody else's partitions: old signatures of the disk go too. */
  readonly whole: boolean;
}

/**
 * Takes what goes from the kernel, which refuses for what is in use; makes unknown what stands
 * there, so that nothing finds half of a system, nor a former one in its place; writes the whole
 * table; gives the kernel what comes. Not by
 * sfdisk's own rereading, which wants the disk for itself, nor by `partx --update`, which misses
 * numbers beyond a gap.
 */
export function partitionCommands(disk: string, change: TableChange): Command[] {
  const { script, erased, added, whole } = change;
  const signatures = whole ? 'always' : 'never';
  const partx = (act: string, number: number): Command => ({
    program: 'partx',
    args: [act, '--nr', String(number), disk],
  });
  return [
    ...erased.flatMap((number) => [
      { program: 'wipefs', args: ['--all', '--quiet', partitionPath(disk, number)] },
      partx('--delete', number),
    ]),
    ...added.map(({ start }) => ({
      program: 'dd',
      args: [
        ...['if=/dev/zero', `of=${disk}`, 'bs=1M', `seek=${start / SECTORS_PER_MIB}`],
        ...['count=1', 'conv=fsync', 'status=none'],
      ],
    })),
    {
      program: 'sfdisk',
      args: [
        ...['--quiet', '--no-reread', '--no-tell-kernel'],
        ...['--wipe', signatures, '--wipe-partitions', 'never', disk],
      ],
      input: script,
    },
    ...added.map(({ number }) => partx('--add', number)),
  ];
}

export function partitionOf(
  disk: string,
  entries: readonly TableEntry[],
  kind: PartKind,
): string | undefined {
  const entry = entries.find(({ name }) => name === NAMES[kind]);
  return entry && partitionPath(disk, entry.number);
}

/** Makes the file systems. The system partition bears a label that nobody looks for until the end. */
export function formatCommands(disk: string, entries: readonly TableEntry[]): Command[] {
  const efi = partitionOf(disk, entries, 'efi');
  const swap = partitionOf(disk, entries, 'swap');
  const system = partitionOf(disk, entries, 'system');
  return [
    // The system first: a complete one of before must not outlive the loss of its loader.
    ...[system, efi, swap]
      .filter((path) => path !== undefined)
      .map((path) => ({ program: 'wipefs', args: ['--all', '--quiet', path] })),
    ...(efi === undefined
      ? []
      : [{ program: 'mkfs.vfat', args: ['-F', '32', '-n', ESP_LABEL, efi] }]),
    ...(swap === undefined ? [] : [{ program: 'mkswap', args: ['--label', NAMES.swap, swap] }]),
    ...(system === undefined
      ? []
      : [{ program: 'mkfs.btrfs', args: ['--quiet', '--force', '-L', UNFINISHED_LABEL, system] }]),
  ];
}

/**
 * @param root where the file system's top is mounted
 * @param encrypted what people leave has a partition of its own
 */
export function subvolumeCommands(root: string, encrypted: boolean): Command[] {
  return SUBVOLUMES.filter((name) => name === 'slots' || !encrypted).map((name) => ({
    program: 'btrfs',
    args: ['subvolume', 'create', `${root}/${name}`],
  }));
}

/**
 * LUKS2 for what people and machines leave. The first key is read from standard input and is
 * forgotten once the TPM holds one of its own (systemd-cryptenroll(1), PCR 7: Secure Boot's state).
 */
export function encryptCommands(partition: string): Command[] {
  return [
    {
      program: 'cryptsetup',
      args: [
        ...['luksFormat', '--batch-mode', '--type', 'luks2', '--label', NAMES.data],
        ...['--key-file', '-', partition],
      ],
    },
    {
      program: 'cryptsetup',
      args: ['open', '--type', 'luks2', '--key-file', '-', partition, 'vestibule-data'],
    },
    {
      program: 'mkfs.btrfs',
      args: ['--quiet', '--force', '-L', DATA_LABEL, '/dev/mapper/vestibule-data'],
    },
  ];
}
