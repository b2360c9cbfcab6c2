/**
 * The only place that starts child processes. Each child leads its own process group, is stopped
 * gracefully, killed after a grace time, and always reaped; none outlives main, however main ends,
 * unless it was started with `lifetime: 'adopt'` (machines, which a restarted main adopts).
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { delimiter, join, resolve as resolvePath } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { errno, KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';

export interface LaunchOptions {
  /** Program name (looked up in PATH) or absolute path. */
  readonly program: string;
  /** Visible to every user in /proc: never a secret. Secrets go through stdin or a file descriptor. */
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The whole environment of the child; default: {@link baseEnvironment}. */
  readonly env?: Readonly<Record<string, string>>;
  /** Pipes beyond stdin, stdout and stderr, from file descriptor 3 on. */
  readonly extraPipes?: number;
  /** Written to stdin, which is then closed. Absent: stdin is /dev/null, unless `stdin: 'pipe'`. */
  readonly input?: string | Uint8Array;
  readonly stdin?: 'pipe';
  /** Milliseconds between the polite signal and SIGKILL. Default 5000. */
  readonly graceMs?: number;
  /** The polite signal. Default SIGTERM; udp-receiver wants SIGINT. */
  readonly stopSignal?: NodeJS.Signals;
  /** `adopt`: survives main's exit on purpose. Default: ended with main. */
  readonly lifetime?: 'main' | 'adopt';
  readonly signal?: AbortSignal;
  /** 0 (default) to 19, see nice(2). */
  readonly nice?: number;
}

interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The last 16 KiB of standard error. */
  readonly stderrTail: string;
}

export interface Child {
  readonly pid: number;
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** File descriptors from 3 on; each may be read and written. */
  readonly pipes: ReadonlyArray<Readable & Writable>;
  /** Settles once the child is reaped. Never rejects. */
  readonly exited: Promise<Exit>;
  /** Asks the process group to end, kills it after the grace time, resolves once reaped. */
  stop(): Promise<Exit>;
  /** Kills the process group at once. */
  kill(): Promise<Exit>;
}

const STDERR_TAIL = 16 * 1024;
const RELEASE_MS = 1_000;

/** What a child inherits: enough to find programs and a display, and nothing of main's secrets. */
export function baseEnvironment(): Record<string, string> {
  const env: Record<string, string> = {};
  for (const name of [
    'PATH',
    'HOME',
    'USER',
    'LANG',
    'LC_ALL',
    'TZ',
    'DISPLAY',
    'XAUTHORITY',
    'WAYLAND_DISPLAY',
    'XDG_RUNTIME_DIR',
    'DBUS_SESSION_BUS_ADDRESS',
    'PULSE_SERVER',
    'TMPDIR',
  ]) {
    const value = process.env[name];
    if (value !== undefined) env[name] = value;
  }
  return env;
}

export class Launcher {
  readonly #children = new Set<Running>();
  readonly #log: Logger;
  /** setpriv(1) of util-linux; without it (no Linux of ours lacks it) only main's own exit counts. */
  #reaper: Promise<string | undefined> | undefined;

  constructor(log: Logger) {
    this.#log = log;
    process.on('exit', this.#killAll);
  }

  /**
   * Starts a program; resolves once the kernel has started it.
   * @throws KioskError `PROGRAM_MISSING` where there is none, `PROGRAM_FAILED` where it cannot start
   */
  async launch(options: LaunchOptions): Promise<Child> {
    const path = await findProgram(options);
    if (path === undefined) throw missing(options.program);
    // The kernel ends the child should main die without a chance to (PR_SET_PDEATHSIG, prctl(2)).
    this.#reaper ??= findProgram({ program: 'setpriv' });
    const reaper = options.lifetime === 'adopt' ? undefined : await this.#reaper;
    const command = reaper === undefined ? [path] : [reaper, '--pdeathsig', 'KILL', '--', path];
    options.signal?.throwIfAborted();
    const running = new Running(options, command, this.#log);
    await running.started;
    if (options.lifetime !== 'adopt') {
      this.#children.add(running);
      void running.exited.then(() => this.#children.delete(running));
    }
    return running;
  }

  /**
   * Runs a program to its end and returns what it printed.
   * @throws KioskError `PROGRAM_MISSING`, `PROGRAM_FAILED` (with the tail of stderr) for any exit
   * code that `expect` does not list (default: only 0)
   */
  async run(
    options: LaunchOptions & { readonly expect?: readonly number[]; readonly maxOutput?: number },
  ): Promise<{ code: number; stdout: string; stderr: string }> {
    const child = await this.launch(options);
    const limit = options.maxOutput ?? 16 * 1024 * 1024;
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) void child.kill();
      else chunks.push(chunk);
    });
    const { code, signal, stderrTail } = await child.exited;
    options.signal?.throwIfAborted();
    if (length > limit || code === null || !(options.expect ?? [0]).includes(code)) {
      throw new KioskError(
        'PROGRAM_FAILED',
        `${options.program} ${length > limit ? 'printed too much' : `ended with ${signal ?? code}`}: ${stderrTail.trim().slice(-2000)}`,
        { details: { program: options.program, exit: code } },
      );
    }
    return { code, stdout: Buffer.concat(chunks).toString('utf8'), stderr: stderrTail };
  }

  /** Ends every child that belongs to main and waits until all are reaped. */
  async stopAll(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
    process.removeListener('exit', this.#killAll);
  }

  readonly #killAll = (): void => {
    for (const child of this.#children) child.signalGroup('SIGKILL');
  };
}

class Running implements Child {
  readonly started: Promise<void>;
  readonly exited: Promise<Exit>;
  readonly #process: ChildProcess;
  readonly #options: LaunchOptions;
  readonly #log: Logger;
  #stderrTail = '';
  #over = false;

  /** @param command the program's path, behind what starts it */
  constructor(options: LaunchOptions, command: readonly string[], log: Logger) {
    this.#options = options;
    this.#log = log;
    const extra = Array.from({ length: options.extraPipes ?? 0 }, () => 'pipe' as const);
    const [program = '', ...before] = command;
    this.#process = spawn(program, [...before, ...options.args], {
      cwd: options.cwd,
      env: options.env ?? baseEnvironment(),
      detached: true,
      stdio: [
        options.input !== undefined || options.stdin === 'pipe' ? 'pipe' : 'ignore',
        'pipe',
        'pipe',
        ...extra,
      ],
    });
    const child = this.#process;
    this.started = new Promise((resolve, reject) => {
      child.once('spawn', () => {
        this.#beNice();
        resolve();
      });
      child.once('error', (error) => {
        reject(
          new KioskError(
            'PROGRAM_FAILED',
            `The program ${options.program} could not be started: ${error.message}`,
            { cause: error, details: { program: options.program } },
          ),
        );
      });
    });
    this.exited = new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null): void => {
        this.#over = true;
        log.debug('child ended', { program: options.program, pid: child.pid, exit: code, signal });
        resolve({ code, signal, stderrTail: this.#stderrTail });
      };
      child.once('exit', () => {
        // A child that forked and died leaves its group; nobody may outlive the session.
        if (options.lifetime !== 'adopt') this.#killStragglers();
        this.#releasePipes();
      });
      child.once('close', finish);
      child.once('error', () => {
        if (child.pid === undefined) finish(null, null);
      });
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderrTail = (this.#stderrTail + chunk.toString('utf8')).slice(-STDERR_TAIL);
    });
    // A child that dies while it is written to is reported by its exit, not by EPIPE.
    for (const stream of child.stdio) stream?.on('error', () => {});
    if (options.input !== undefined) child.stdin?.end(options.input);
    if (options.signal) {
      const stop = (): void => void this.stop();
      options.signal.addEventListener('abort', stop, { once: true });
      void this.exited.then(() => options.signal?.removeEventListener('abort', stop));
    }
  }

  get pid(): number {
    return this.#process.pid ?? -1;
  }

  get stdin(): Writable | null {
    return this.#process.stdin;
  }

  get stdout(): Readable {
    return this.#process.stdout as Readable;
  }

  get stderr(): Readable {
    return this.#process.stderr as Readable;
  }

  get pipes(): ReadonlyArray<Readable & Writable> {
    return this.#process.stdio.slice(3) as unknown as ReadonlyArray<Readable & Writable>;
  }

  async stop(): Promise<Exit> {
    if (!this.#over) this.signalGroup(this.#options.stopSignal ?? 'SIGTERM');
    const timer = setTimeout(() => this.signalGroup('SIGKILL'), this.#options.graceMs ?? 5_000);
    try {
      return await this.exited;
    } finally {
      clearTimeout(timer);
    }
  }

  kill(): Promise<Exit> {
    this.signalGroup('SIGKILL');
    return this.exited;
  }

  signalGroup(signal: NodeJS.Signals): void {
    if (this.#over || this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, signal);
    } catch (error) {
      // ESRCH: it is just ending. Anything else must not end main, which may call this from a timer.
      if (errno(error) === 'ESRCH') return;
      this.#log.error('A child could not be signalled.', { pid: this.#process.pid, signal, error });
    }
  }

  /** Before the program has threads: a priority is a thread's, and new ones inherit it. */
  #beNice(): void {
    const { nice = 0 } = this.#options;
    if (nice <= 0 || this.#process.pid === undefined) return;
    try {
      setPriority(this.#process.pid, nice);
    } catch {
      // It has ended already.
    }
  }

  /**
   * A grandchild that left the process group may hold our pipes open for ever, and the end of the
   * child would never be told. Pipes that nobody writes to and nobody is behind with reading are
   * let go.
   */
  #releasePipes(): void {
    let quiet = 0;
    const timer = setInterval(() => {
      const behind = this.#process.stdio.some(
        (stream) =>
          stream instanceof Readable &&
          !stream.readableEnded &&
          (stream.readableLength > 0 || stream.isPaused()),
      );
      quiet = behind ? 0 : quiet + 1;
      if (quiet >= 2) for (const stream of this.#process.stdio) stream?.destroy();
    }, RELEASE_MS);
    this.#process.once('close', () => clearInterval(timer));
  }

  #killStragglers(): void {
    if (this.#process.pid === undefined) return;
    try {
      process.kill(-this.#process.pid, 'SIGKILL');
    } catch {
      // ESRCH: nobody is left, which is the usual case.
    }
  }
}

/** The file that execvp(3) would run, or undefined where there is none. */
async function findProgram({
  program,
  env,
  cwd,
}: Pick<LaunchOptions, 'program' | 'env' | 'cwd'>): Promise<string | undefined> {
  const search = (env ?? process.env).PATH ?? '/usr/local/bin:/usr/bin:/bin';
  const candidates = program.includes('/')
    ? [resolvePath(cwd ?? '.', program)]
    : search.split(delimiter).map((folder) => join(folder, program));
  for (const path of candidates) {
    try {
      await access(path, constants.X_OK);
      if ((await stat(path)).isFile()) return path;
    } catch {
      // Not this one.
    }
  }
  return undefined;
}

function missing(program: string): KioskError {
  return new KioskError('PROGRAM_MISSING', `The program ${program} is not installed.`, {
    details: { program },
  });
}
