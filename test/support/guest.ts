/**
 * The test guest: a real machine under QEMU with a known picture, which reports the input that
 * it gets (guest/guest.c says how). Built once and kept in `.cache/`.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { silentLogger } from '../../main/log/logger.ts';
import { type Child, Launcher } from '../../main/process/launcher.ts';
import { debianKernel, moduleFiles } from '../../scripts/debian-kernel.ts';

const run = promisify(execFile);
const cache = join(import.meta.dirname, '..', '..', '.cache');
const source = join(import.meta.dirname, 'guest', 'guest.c');

/** Input, graphics, the agent's port and the speaker; built-in ones are skipped. */
const MODULES = [
  'atkbd',
  'evdev',
  'pcspkr',
  'psmouse',
  'virtio_pci',
  'virtio_console',
  'virtio_input',
  'virtio_gpu',
];

export interface GuestOptions {
  /** Default: a unix socket in a folder of its own. */
  readonly listen?:
    | 'unix'
    | { readonly port: number; readonly tlsPort?: number; readonly pki?: string };
  readonly password?: string;
  /** Scrolls the picture from the start, this many times a second. */
  readonly moving?: number;
  /** A sound device whose output goes to SPICE. */
  readonly sound?: boolean;
  /** Width and height of the first mode; default 800 × 600. */
  readonly size?: readonly [number, number];
}

export interface TestGuest {
  readonly pid: number;
  /** Of the SPICE unix socket; empty when it listens on TCP. */
  readonly socket: string;
  readonly password: string;
  /** Everything that it printed. */
  readonly lines: readonly string[];
  /** The first line from `after` on (default: all) that matches; rejects after `timeoutMs` (60 s). */
  waitFor(pattern: RegExp, options?: { after?: number; timeoutMs?: number }): Promise<string>;
  command(text: string): Promise<void>;
  kill(): Promise<void>;
}

/** Boots the guest and waits until its picture is shown. */
export async function startGuest(options: GuestOptions = {}): Promise<TestGuest> {
  const { image, initrd } = await buildGuest();
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-guest-'));
  const { listen = 'unix', password = 'a-ticket', moving, sound, size = [800, 600] } = options;
  const socket = listen === 'unix' ? join(folder, 'spice.sock') : '';
  const secret = join(folder, 'ticket');
  await writeFile(secret, password, { mode: 0o600 });
  const where =
    listen === 'unix'
      ? `unix=on,addr=${socket}`
      : [
          'addr=127.0.0.1',
          `port=${listen.port}`,
          ...(listen.tlsPort === undefined ? [] : [`tls-port=${listen.tlsPort}`]),
          ...(listen.pki === undefined ? [] : [`x509-dir=${listen.pki}`]),
        ].join(',');
  const launcher = new Launcher(silentLogger);
  const child = await launcher.launch({
    program: 'qemu-system-x86_64',
    args: [
      ...['-machine', `q35,accel=tcg${sound ? ',pcspk-audiodev=sound' : ''}`],
      ...['-cpu', 'max', '-m', '384', '-nodefaults', '-no-reboot', '-display', 'none'],
      ...['-object', `secret,id=ticket,file=${secret}`],
      ...['-spice', `${where},password-secret=ticket,agent-mouse=off`],
      ...['-vga', 'none'],
      ...['-device', `virtio-vga,xres=${size[0]},yres=${size[1]}`],
      ...['-device', 'virtio-tablet-pci', '-device', 'virtio-serial-pci'],
      ...['-chardev', 'spicevmc,id=agent,name=vdagent'],
      ...['-device', 'virtserialport,chardev=agent,name=com.redhat.spice.0'],
      ...(sound ? ['-audiodev', 'spice,id=sound'] : []),
      ...['-kernel', image, '-initrd', initrd, '-serial', 'stdio'],
      '-append',
      `console=ttyS0 quiet loglevel=1 ${moving === undefined ? '' : `guest.fps=${moving} guest.move`}`,
    ],
    stdin: 'pipe',
  });
  const guest = new RunningGuest(child, folder, socket, password);
  try {
    await guest.waitFor(/^STARTED/, { timeoutMs: 170_000 });
  } catch (error) {
    await guest.kill();
    throw error;
  }
  return guest;
}

class RunningGuest implements TestGuest {
  readonly lines: string[] = [];
  readonly socket: string;
  readonly password: string;
  readonly #child: Child;
  readonly #folder: string;
  readonly #waiting = new Set<() => void>();

  constructor(child: Child, folder: string, socket: string, password: string) {
    this.#child = child;
    this.#folder = folder;
    this.socket = socket;
    this.password = password;
    createInterface({ input: child.stdout }).on('line', (line) => {
      this.lines.push(line.trim());
      for (const look of [...this.#waiting]) look();
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  waitFor(
    pattern: RegExp,
    { after = 0, timeoutMs = 60_000 }: { after?: number; timeoutMs?: number } = {},
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const settle = (then: () => void): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        then();
      };
      const fail = (why: string): void =>
        settle(() =>
          reject(new Error(`${why}: no ${pattern}; last: ${this.lines.slice(-20).join(' | ')}`)),
        );
      const look = (): void => {
        const found = this.lines.slice(after).find((line) => pattern.test(line));
        if (found !== undefined) settle(() => resolve(found));
      };
      const timer = setTimeout(() => fail('timed out'), timeoutMs);
      this.#waiting.add(look);
      void this.#child.exited.then((exit) => fail(`the machine ended (${exit.stderrTail})`));
      look();
    });
  }

  async command(text: string): Promise<void> {
    const after = this.lines.length;
    this.#child.stdin?.write(`${text}\n`);
    await this.waitFor(/^DONE/, { after });
  }

  async kill(): Promise<void> {
    await this.#child.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function buildGuest(): Promise<{ image: string; initrd: string }> {
  const kernel = await debianKernel(join(cache, 'kernel'));
  const key = createHash('sha256')
    .update(await readFile(source))
    .update(kernel.release)
    .update(MODULES.join())
    .digest('hex')
    .slice(0, 16);
  const folder = join(cache, 'guest');
  const initrd = join(folder, `${key}.cpio`);
  if (await stat(initrd).catch(() => undefined)) return { image: kernel.image, initrd };

  await mkdir(folder, { recursive: true });
  const work = await mkdtemp(join(folder, '.build-'));
  try {
    const root = join(work, 'root');
    await mkdir(join(root, 'modules'), { recursive: true });
    await run('gcc', [
      ...['-O2', '-static', '-I/usr/include/libdrm'],
      ...['-o', join(root, 'init'), source],
    ]);
    const modules = await moduleFiles(kernel, MODULES);
    await Promise.all(
      modules.map((file, index) =>
        copyFile(file, join(root, 'modules', `${String(index).padStart(3, '0')}.ko`)),
      ),
    );
    await run('sh', ['-c', 'find . | cpio --quiet -o -H newc > ../initrd.cpio'], { cwd: root });
    await rename(join(work, 'initrd.cpio'), initrd);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return { image: kernel.image, initrd };
}
