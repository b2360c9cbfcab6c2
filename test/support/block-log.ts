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

/** A disk after a power cut: all that was flushed, and of what was not some, one perhaps torn. */
export interface DiskState {
  /** The power failed behind the entry before this one. */
  readonly cut: number;
  /** Entries since the last flush that reached the platter, each with how many of its bytes. */
  readonly kept: ReadonlyMap<number, number>;
  /** The same for equal states. */
  readonly key: string;
}

/** The disk as a power cut leaves it, at any point of its log. */
export class Replay {
  readonly #path: string;
  readonly #entries: readonly LogEntry[];
  /** For each cut: how many entries are durable. */
  readonly #durable: number[] = [];
  #applied = 0;

  /** @param path an empty file of the disk's size, on a file system with reflinks */
  constructor(path: string, entries: readonly LogEntry[]) {
    this.#path = path;
    this.#entries = entries;
    let durable = 0;
    for (const [at, { flush }] of entries.entries()) {
      this.#durable.push(durable);
      if (flush) durable = at;
    }
    this.#durable.push(durable);
  }

  /** Any subset of the writes since the last flush survives, the last of them whole or in part. */
  random(cut: number, random: () => number): DiskState {
    const volatile = this.#volatile(cut);
    // Half of the cuts are those of a disk without a cache: all, in order, the last one torn.
    const cached = random() < 0.5;
    const kept = new Map<number, number>();
    for (const [number, at] of volatile.entries()) {
      const { fua, length } = this.#write(at);
      if (!fua && cached && random() < 0.5) continue;
      const torn = number === volatile.length - 1 && random() < 0.5;
      kept.set(at, torn ? Math.floor((random() * length) / ATOM) * ATOM : length);
    }
    return this.#state(cut, kept);
  }

  /**
   * Every state that cuts from `first` to `last` can leave.
   * @returns undefined where there are more than `limit`
   */
  all(first: number, last: number, limit: number): DiskState[] | undefined {
    const states = new Map<string, DiskState>();
    for (let cut = first; cut <= last; cut++) {
      const volatile = this.#volatile(cut);
      const optional = volatile.filter((at) => !this.#write(at).fua);
      if (2 ** optional.length > limit) return undefined;
      for (let subset = 0; subset < 2 ** optional.length; subset++) {
        const kept = new Map<number, number>();
        for (const at of volatile) {
          const bit = optional.indexOf(at);
          if (bit < 0 || (subset >> bit) & 1) kept.set(at, this.#write(at).length);
        }
        const end = [...kept].at(-1);
        for (let bytes = end?.[1] ?? 0; bytes >= 0; bytes -= ATOM) {
          const torn = end ? new Map([...kept, [end[0], bytes] as const]) : kept;
          const state = this.#state(cut, torn);
          states.set(state.key, state);
          if (states.size > limit) return undefined;
          // Only what was written last can be torn: the disk had finished what came before.
          if (end?.[0] !== volatile.at(-1)) break;
        }
      }
    }
    return [...states.values()];
  }

  /** Writes a state into a new file. Cuts must not go back from one call to the next. */
  write({ cut, kept }: DiskState, target: string): void {
    const durable = this.#durable[cut] ?? 0;
    for (let at = this.#applied; at < durable; at++) {
      this.#apply(this.#path, at, this.#write(at).length);
    }
    this.#applied = Math.max(this.#applied, durable);
    copyFileSync(this.#path, target, constants.COPYFILE_FICLONE_FORCE);
    for (const [at, bytes] of kept) this.#apply(target, at, bytes);
  }

  #state(cut: number, kept: ReadonlyMap<number, number>): DiskState {
    const which = [...kept].filter(([, bytes]) => bytes > 0);
    return { cut, kept, key: `${this.#durable[cut]}:${which.map((one) => one.join('/'))}` };
  }

  /** Entries with data that a cut may lose. */
  #volatile(cut: number): number[] {
    const entries: number[] = [];
    for (let at = this.#durable[cut] ?? 0; at < cut; at++) {
      if (this.#write(at).length > 0) entries.push(at);
    }
    return entries;
  }

  #write(at: number): { readonly fua: boolean; readonly length: number } {
    const entry = this.#entries[at];
    return { fua: entry?.fua ?? false, length: entry?.write?.data.length ?? 0 };
  }

  #apply(path: string, at: number, bytes: number): void {
    const write = this.#entries[at]?.write;
    if (!write || bytes === 0) return;
    const file = openSync(path, 'r+');
    writeSync(file, write.data, 0, bytes, write.position);
    closeSync(file);
  }
}
