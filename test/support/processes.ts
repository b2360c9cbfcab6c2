/** A process tree as /proc shows it. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

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
