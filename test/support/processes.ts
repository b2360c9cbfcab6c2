/** A process tree as /proc shows it. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';

export interface ProcessInfo {
  readonly pid: number;
  readonly commandLine: string;
}

/** The process and everything below it that is alive. */
export function processTree(root: number): ProcessInfo[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = parentOf(Number(entry));
    if (parent !== undefined)
      children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found: ProcessInfo[] = [];
  const visit = (pid: number): void => {
    const commandLine = read(`/proc/${pid}/cmdline`);
    if (commandLine !== '') found.push({ pid, commandLine: commandLine.replaceAll('\0', ' ') });
    for (const child of children.get(pid) ?? []) visit(child);
  };
  visit(root);
  return found;
}

/** TCP ports on which any of these processes listens. */
export function listeningPorts(pids: readonly number[]): number[] {
  const inodes = new Map<string, number>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of read(table).split('\n').slice(1)) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      // 0A: LISTEN (include/net/tcp_states.h)
      if (state === '0A' && local && inode) {
        inodes.set(inode, Number.parseInt(local.split(':')[1] ?? '', 16));
      }
    }
  }
  const ports = new Set<number>();
  for (const pid of pids) {
    for (const target of openFiles(pid)) {
      const port = inodes.get(/^socket:\[(\d+)\]$/.exec(target)?.[1] ?? '');
      if (port !== undefined) ports.add(port);
    }
  }
  return [...ports];
}

/**
 * Memory of a process in bytes: its proportional share (PSS), so that pages which several
 * processes map count once in a sum.
 */
export function proportionalMemory(pid: number): number {
  const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1];
  return kilobytes === undefined ? 0 : Number(kilobytes) * 1024;
}

function parentOf(pid: number): number | undefined {
  // The name in parentheses may hold anything: the parent is the second field after the last one.
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[1] === undefined ? undefined : Number(fields[1]);
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** Empty for what has ended in the meantime. */
function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Command lines and environments of every process that can be read. */
export function everyProcess(): string {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => ['cmdline', 'environ'].map((file) => `/proc/${pid}/${file}`))
    .map((path) => {
      try {
        return readFileSync(path, 'latin1');
      } catch {
        return '';
      }
    })
    .join('\n');
}

/**
 * Which of these texts the writable memory of a process contains, as UTF-8 or UTF-16: all that it
 * has, whatever a heap snapshot would leave out. Needs the right to trace the process.
 */
export function textsInMemory(pid: number, texts: readonly string[]): string[] {
  const wanted = texts.map((text) => ({
    text,
    forms: [Buffer.from(text, 'utf8'), Buffer.from(text, 'utf16le')],
  }));
  const found = new Set<string>();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const block = Buffer.alloc(4 * 1024 * 1024);
  /** What one block shares with the next, so that no text is cut. */
  const overlap = 4096;
  try {
    for (const line of read(`/proc/${pid}/maps`).split('\n')) {
      const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
      if (from === undefined || to === undefined) continue;
      const end = Number.parseInt(to, 16);
      for (let at = Number.parseInt(from, 16); at < end; at += block.length - overlap) {
        const length = Math.min(block.length, end - at);
        let count = 0;
        try {
          count = readSync(memory, block, 0, length, at);
        } catch {
          // Reserved and never touched.
        }
        const seen = block.subarray(0, count);
        for (const { text, forms } of wanted) {
          if (forms.some((form) => seen.includes(form))) found.add(text);
        }
      }
    }
  } finally {
    closeSync(memory);
  }
  return [...found];
}
