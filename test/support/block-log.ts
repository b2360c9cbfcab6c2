/**
 * A disk that remembers every write and flush, so that a test can cut its power at any point:
 * QEMU's `blklogwrites` over a FUSE export, under a loop device. The log has the format of
 * dm-log-writes (kernel, admin-guide/device-mapper/log-writes.rst).
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  copyFileSync,
  existsSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { mkdir, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SECTOR = 512;
/** What a disk writes whole: 4 KiB, as drives with physical sectors of that size promise. */
const ATOM = 4096;
const FLUSH = 1n;
const FUA = 2n;
const DISCARD = 4n;

export interface LoggedWrite {
  /** Byte position on the disk. */
  readonly position: number;
  readonly data: Buffer;
}
export interface LogEntry {
  /** What was written; undefined for a flush alone. */
  readonly write: LoggedWrite | undefined;
  /** Everything before it is on the platter; `fua`: itself too. */
  readonly flush: boolean;
  readonly fua: boolean;
  /** Where the entry ends in the log file. */
  readonly logEnd: number;
}

/** Why crash tests cannot run here; undefined: they can. */
export function blockLogMissing(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (!existsSync('/dev/fuse')) return 'needs /dev/fuse';
  for (const program of ['qemu-storage-daemon', 'losetup', 'mkfs.btrfs', 'mkfs.ext4']) {
    try {
      execFileSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' });
    } catch {
      return `needs ${program}`;
    }
  }
  return undefined;
}

export class LoggedDisk {
  readonly device: string;
  readonly #folder: string;
  readonly #daemon: ChildProcess;

  private constructor(folder: string, daemon: ChildProcess, device: string) {
    this.#folder = folder;
    this.#daemon = daemon;
    this.device = device;
  }

  static async create(folder: string, size: number): Promise<LoggedDisk> {
    await mkdir(folder, { recursive: true });
    for (const name of ['disk', 'log', 'export']) await writeFile(join(folder, name), '');
    await truncate(join(folder, 'disk'), size);
    const file = (name: string): string =>
      `driver=file,node-name=${name},filename=${join(folder, name)},discard=unmap`;
    const daemon = spawn(
      'qemu-storage-daemon',
      [
        ...['--blockdev', file('disk'), '--blockdev', file('log')],
        ...['--blockdev', 'driver=blklogwrites,node-name=logged,file=disk,log=log'],
        ...[
          '--export',
          `type=fuse,id=e,node-name=logged,mountpoint=${join(folder, 'export')},writable=on`,
        ],
      ],
      { stdio: ['ignore', 'inherit', 'inherit'] },
    );
    while ((await stat(join(folder, 'export'))).size !== size) {
      if (daemon.exitCode !== null) throw new Error('qemu-storage-daemon ended at once');
      await sleep(20);
    }
    const device = execFileSync('losetup', ['--partscan', '--show', '-f', join(folder, 'export')])
      .toString()
      .trim();
    return new LoggedDisk(folder, daemon, device);
  }

  /** Bytes of the log so far: a mark to compare {@link LogEntry.logEnd} with. */
  async mark(): Promise<number> {
    return (await stat(join(this.#folder, 'log'))).size;
  }

  /** Takes the disk away (it must be unmounted) and returns what was done to it. */
  async finish(): Promise<LogEntry[]> {
    execFileSync('losetup', ['-d', this.device]);
    const ended = new Promise((resolve) => this.#daemon.once('close', resolve));
    this.#daemon.kill('SIGTERM');
    await ended;
    return parseLog(readFileSync(join(this.#folder, 'log')));
  }
}

function parseLog(log: Buffer): LogEntry[] {
  const count = Number(log.readBigUInt64LE(16));
  const entries: LogEntry[] = [];
  for (let at = SECTOR, number = 0; number < count; number++) {
    const sector = Number(log.readBigUInt64LE(at));
    const length = Number(log.readBigUInt64LE(at + 8)) * SECTOR;
    const flags = log.readBigUInt64LE(at + 16);
    at += SECTOR;
    const discard = (flags & DISCARD) !== 0n;
    const data = discard ? Buffer.alloc(length) : log.subarray(at, at + length);
    if (!discard) at += length;
    entries.push({
      write: length === 0 ? undefined : { position: sector * SECTOR, data },
      flush: (flags & FLUSH) !== 0n,
      fua: (flags & FUA) !== 0n,
      logEnd: at,
    });
  }
  return entries;
}

/** The disk as a power cut leaves it: what was flushed, and some of what was not. */
export class Replay {
  readonly #path: string;
  readonly #entries: readonly LogEntry[];
  #applied = 0;

  /** @param path an empty file of the disk's size, on a file system with reflinks */
  constructor(path: string, entries: readonly LogEntry[]) {
    this.#path = path;
    this.#entries = entries;
  }

  /**
   * Writes the disk's state after a cut behind entry `cut - 1` into a new file. Cuts must not go
   * back. Of the writes since the last flush each survives by `random`, and the last may be torn.
   *
   * @returns which of them survived, the same for equal states
   */
  cut(cut: number, target: string, random: () => number): string {
    let durable = this.#applied;
    for (let at = this.#applied; at < cut; at++) if (this.#entries[at]?.flush) durable = at;
    this.#apply(this.#path, this.#entries.slice(this.#applied, durable));
    this.#applied = durable;
    copyFileSync(this.#path, target, constants.COPYFILE_FICLONE_FORCE);
    const volatile = this.#entries.slice(durable, cut);
    // Half of the cuts are those of a disk without a cache: all, in order, the last one torn.
    const cached = random() < 0.5;
    const survivors: LogEntry[] = [];
    let which = `${durable}:`;
    for (const [at, entry] of volatile.entries()) {
      if (!entry.write) continue;
      if (!entry.fua && cached && random() < 0.5) continue;
      const torn = at === volatile.length - 1 && random() < 0.5;
      const { position, data } = entry.write;
      const kept = torn ? Math.floor((random() * data.length) / ATOM) * ATOM : data.length;
      which += `${at}/${kept},`;
      survivors.push({ ...entry, write: { position, data: data.subarray(0, kept) } });
    }
    this.#apply(target, survivors);
    return which;
  }

  #apply(path: string, entries: readonly LogEntry[]): void {
    const file = openSync(path, 'r+');
    for (const { write } of entries) {
      if (write && write.data.length > 0)
        writeSync(file, write.data, 0, write.data.length, write.position);
    }
    closeSync(file);
  }
}
