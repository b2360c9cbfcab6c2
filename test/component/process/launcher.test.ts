/** Children as they really are: started, stopped, killed, left behind. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { type Child, Launcher } from '../../../main/process/launcher.ts';

let folder: string;
let launcher: Launcher;
/** Processes that a test leaves on purpose. */
let left: number[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-launcher-'));
  launcher = new Launcher(silentLogger);
});
afterEach(async () => {
  await launcher.stopAll();
  for (const pid of left) if (alive(pid)) process.kill(pid, 'SIGKILL');
  left = [];
  rmSync(folder, { recursive: true, force: true });
});

/** Exists and is no zombie. */
function alive(pid: number): boolean {
  const state = stat(pid)?.[2];
  return state !== undefined && state !== 'Z';
}

/** Fields of /proc/pid/stat, counted from 1 as in proc_pid_stat(5) less one. */
function stat(pid: number): string[] | undefined {
  const path = `/proc/${pid}/stat`;
  try {
    const line = readFileSync(path, 'utf8');
    const end = line.lastIndexOf(')');
    return [String(pid), line.slice(line.indexOf('('), end + 1), ...line.slice(end + 2).split(' ')];
  } catch {
    return undefined;
  }
}

function shell(
  script: string,
  options: { graceMs?: number; lifetime?: 'adopt' } = {},
): Promise<Child> {
  return launcher.launch({ program: 'sh', args: ['-c', script], ...options });
}

async function line(child: Child): Promise<string> {
  const [chunk] = await once(child.stdout, 'data');
  return String(chunk).trim();
}

const failing = (code: string): unknown => expect.objectContaining({ code });

describe('finding a program', () => {
  test('one that is missing, a folder, or not executable is missing', async () => {
    mkdirSync(join(folder, 'dir'));
    writeFileSync(join(folder, 'plain'), '#!/bin/sh\n', { mode: 0o644 });
    for (const program of ['no-such-program', join(folder, 'dir'), join(folder, 'plain')]) {
      const error = await launcher.launch({ program, args: [] }).catch((error: unknown) => error);
      expect(error).toEqual(failing('PROGRAM_MISSING'));
      expect(error).toHaveProperty('details', { program });
    }
  });

  test('a relative path is one of the working folder; a name is looked up in the given PATH', async () => {
    writeFileSync(join(folder, 'tool'), '#!/bin/sh\necho "ran in $PWD"\n', { mode: 0o755 });
    const relative = await launcher.run({ program: './tool', args: [], cwd: folder });
    expect(relative.stdout).toBe(`ran in ${folder}\n`);
    const named = await launcher.run({
      program: 'tool',
      args: [],
      env: { PATH: folder },
      cwd: '/',
    });
    expect(named.stdout).toBe('ran in /\n');
  });

  test('a working folder that is missing is a failure to start', async () => {
    const started = launcher.launch({ program: 'true', args: [], cwd: join(folder, 'gone') });
    await expect(started).rejects.toEqual(failing('PROGRAM_FAILED'));
  });
});

describe('a child', () => {
  test('leads a process group of its own, under its own name', async () => {
    const child = await launcher.launch({ program: 'sleep', args: ['300'] });
    await expect.poll(() => stat(child.pid)?.[1]).toBe('(sleep)');
    expect(stat(child.pid)?.[4]).toBe(String(child.pid));
    await child.kill();
  });

  test('inherits a display and a path, not what else main has in its environment', async () => {
    vi.stubEnv('CAMPUS_TOKEN', 'hidden');
    vi.stubEnv('DISPLAY', ':77');
    const { stdout } = await launcher.run({ program: 'env', args: [] });
    vi.unstubAllEnvs();
    expect(stdout).toContain('DISPLAY=:77');
    expect(stdout).not.toContain('hidden');
  });

  test('takes its input whole, and may die while it is written to', async () => {
    const input = Buffer.alloc(4 * 1024 * 1024, 'x');
    const counted = await launcher.run({ program: 'wc', args: ['-c'], input });
    expect(counted.stdout.trim()).toBe(String(input.length));
    await launcher.run({ program: 'true', args: [], input });
    const child = await launcher.launch({ program: 'sleep', args: ['300'], stdin: 'pipe' });
    child.stdin?.write(input);
    expect((await child.kill()).signal).toBe('SIGKILL');
    child.stdin?.write('too late');
  });

  test('has further pipes in both directions', async () => {
    const child = await launcher.launch({
      program: 'sh',
      args: ['-c', 'read word <&3; echo "got $word" >&4'],
      extraPipes: 2,
    });
    child.pipes[0]?.write('this\n');
    const [answer] = await once(child.pipes[1] ?? child.stdout, 'data');
    expect(String(answer)).toBe('got this\n');
    expect((await child.exited).code).toBe(0);
  });

  test('runs with the niceness asked for', async () => {
    const child = await launcher.launch({ program: 'sleep', args: ['300'], nice: 7 });
    expect(stat(child.pid)?.[18]).toBe('7');
    const missing = launcher.launch({ program: 'no-such-program', args: [], nice: 7 });
    await expect(missing).rejects.toEqual(failing('PROGRAM_MISSING'));
  });
});

describe('ending', () => {
  test('politely: with the signal it wants, and its own exit code', async () => {
    const child = await launcher.launch({
      program: 'sh',
      args: ['-c', 'trap "exit 7" INT; echo ready; while :; do sleep 0.05; done'],
      stopSignal: 'SIGINT',
      graceMs: 60_000,
    });
    await line(child);
    expect(await child.stop()).toMatchObject({ code: 7, signal: null });
    // Again is harmless.
    expect(await child.stop()).toMatchObject({ code: 7 });
    expect(await child.kill()).toMatchObject({ code: 7 });
  });

  test('by force after the grace time, with all that it started', async () => {
    const child = await shell('trap "" TERM; sleep 300 & echo $!; while :; do sleep 0.05; done', {
      graceMs: 50,
    });
    const grandchild = Number(await line(child));
    expect(await child.stop()).toMatchObject({ code: null, signal: 'SIGKILL' });
    await expect.poll(() => alive(grandchild)).toBe(false);
    // Reaped: not even a zombie is left.
    expect(existsSync(`/proc/${child.pid}`)).toBe(false);
  });

  test('a child that dies takes along what it left in its group, though that holds its pipes', async () => {
    const child = await shell('sleep 300 & echo $!; exit 4');
    const grandchild = Number(await line(child));
    expect(await child.exited).toMatchObject({ code: 4 });
    await expect.poll(() => alive(grandchild)).toBe(false);
  });

  test('is told even if something that left the group holds the pipes for ever', async () => {
    const child = await shell('setsid sleep 300 & echo $!; exit 5');
    left.push(Number(await line(child)));
    expect(await child.exited).toMatchObject({ code: 5 });
  });

  test('loses nothing of the output for a reader that takes its time', async () => {
    const child = await shell('head -c 200000 /dev/zero; echo end');
    child.stdout.pause();
    await delay(2_500);
    const output = await text(child.stdout);
    expect(output.length).toBe(200_004);
    await child.exited;
  });

  test('keeps the end of what it said to standard error', async () => {
    const child = await shell(
      'head -c 100000 /dev/zero | tr "\\0" . >&2; echo last words >&2; exit 1',
    );
    const { stderrTail } = await child.exited;
    expect(stderrTail).toMatch(/\.last words\n$/);
    expect(stderrTail.length).toBe(16 * 1024);
  });

  test('of all: those of main, not those to be adopted', async () => {
    const children = await Promise.all([shell('sleep 300'), shell('sleep 300')]);
    const adopted = await shell('exec sleep 300', { lifetime: 'adopt' });
    left.push(adopted.pid);
    await launcher.stopAll();
    expect(children.map(({ pid }) => alive(pid))).toEqual([false, false]);
    expect(alive(adopted.pid)).toBe(true);
    await adopted.kill();
  });
});

describe('run', () => {
  test('answers what was printed; codes that are expected are no failure', async () => {
    const result = await launcher.run({
      program: 'sh',
      args: ['-c', 'echo out; echo err >&2; exit 3'],
      expect: [0, 3],
    });
    expect(result).toEqual({ code: 3, stdout: 'out\n', stderr: 'err\n' });
  });

  test('fails with the last words of the program', async () => {
    const failed = launcher.run({ program: 'sh', args: ['-c', 'echo because >&2; exit 9'] });
    await expect(failed).rejects.toMatchObject({
      code: 'PROGRAM_FAILED',
      message: 'sh ended with 9: because',
      details: { program: 'sh', exit: 9 },
    });
  });

  test('ends a program that prints without end', async () => {
    const endless = launcher.run({ program: 'yes', args: [], maxOutput: 100_000 });
    await expect(endless).rejects.toThrow('yes printed too much');
  });

  test('gives up when told to, before or in the middle, with the reason', async () => {
    const reason = new KioskError('CANCELLED', 'enough');
    const before = launcher.run({ program: 'true', args: [], signal: AbortSignal.abort(reason) });
    await expect(before).rejects.toBe(reason);
    const abort = new AbortController();
    const child = await launcher.launch({ program: 'sleep', args: ['300'], signal: abort.signal });
    const running = launcher.run({ program: 'sleep', args: ['300'], signal: abort.signal });
    abort.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(await child.exited).toMatchObject({ signal: 'SIGTERM' });
    expect(alive(child.pid)).toBe(false);
  });
});

describe('when main ends', () => {
  test.each(['exit', 'kill'])('by %s: its children end, those to be adopted go on', async (how) => {
    const program = fileURLToPath(new URL('./main-that-ends.ts', import.meta.url));
    const main = spawn(process.execPath, [program, how], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void main.kill('SIGKILL'));
    const ended = once(main, 'exit');
    const [chunk] = await once(main.stdout, 'data');
    const pids: unknown = JSON.parse(String(chunk));
    const own = Number(Reflect.get(Object(pids), 'own'));
    const adopted = Number(Reflect.get(Object(pids), 'adopted'));
    left.push(own, adopted);
    if (how === 'kill') main.kill('SIGKILL');
    await ended;
    await expect.poll(() => alive(own)).toBe(false);
    expect(alive(adopted)).toBe(true);
  });
});
