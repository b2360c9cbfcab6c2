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

/**
 * Writes the whole table, then tells the kernel. Not sfdisk's own telling: it wants the disk for
 * itself; partx(8) changes only what differs.
 *
 * @param wipe old signatures go too: only where the whole disk is ours
 */
export function partitionCommands(disk: string, script: string, wipe: boolean): Command[] {
  const signatures = wipe ? 'always' : 'never';
  return [
    {
      program: 'sfdisk',
      args: [
        ...['--quiet', '--no-reread', '--no-tell-kernel'],
        ...['--wipe', signatures, '--wipe-partitions', 'never', disk],
      ],
      input: script,
    },
    { program: 'partx', args: ['--update', disk] },
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
