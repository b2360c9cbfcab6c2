/**
 * One lab computer in QEMU: firmware, memory, cards, disk. Emulated unless KVM is asked for. Its
 * serial line is its log, QMP its power cable, keyboard and screen.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Qmp } from '../main/sessions/vm/qmp.ts';
import { enrolInDb, enrolInShim } from './varstore.ts';

export interface Card {
  /** QEMU's `-netdev` without its id, such as `user,tftp=…`. */
  readonly network: string;
  /** False: no cable. */
  readonly link?: boolean;
  readonly model?: string;
}

export interface MachineOptions {
  /** Short, kept by the caller: logs, variables, socket. */
  readonly folder: string;
  readonly firmware: 'bios' | 'uefi' | 'secure';
  readonly memoryMib: number;
  readonly cards: readonly Card[];
  /** Instead of what firmware would load. */
  readonly kernel?: { readonly image: string; readonly initrd: string; readonly line: string };
  readonly disks?: readonly string[];
  /** The disk comes before the network. */
  readonly diskFirst?: boolean;
  /** DER, believed by the firmware or by shim. */
  readonly enrol?: { readonly certificate: Buffer; readonly by: 'db' | 'shim' };
  readonly display?: 'none' | 'gtk';
  readonly graphics?: 'std' | 'virtio' | 'none';
  /** Such as `2001-01-01T00:00:00`. */
  readonly clock?: string;
  /** Default false: a KVM that is there need not work (nested, or of another make). */
  readonly kvm?: boolean;
  /** A room's network: QEMU runs in this namespace. */
  readonly namespace?: string;
}

export interface Machine {
  /** What the serial line said so far. */
  readonly log: string;
  /** Waits for a line after `from` (a position in the log). @throws Error with the log's end */
  said(pattern: RegExp, timeoutMs: number, from?: number): Promise<RegExpExecArray>;
  screenshot(file: string): Promise<void>;
  /** Presses keys together: QEMU's names, such as `ctrl`, `alt`, `f1`. */
  press(...keys: readonly string[]): Promise<void>;
  cable(card: number, connected: boolean): Promise<void>;
  /** Stops time, runs `work`, and goes on. Every write that was asked for is in the disk's file. */
  paused<T>(work: () => Promise<T>): Promise<T>;
  readonly ended: Promise<void>;
  readonly running: boolean;
  /** Pulls the plug. */
  stop(): Promise<void>;
}

const OVMF = '/usr/share/OVMF';

/** @throws Error where QEMU or its firmware is missing */
export async function startMachine(options: MachineOptions): Promise<Machine> {
  const qmpPath = join(options.folder, 'qmp');
  const args = await qemuArguments(options, qmpPath);
  const program = 'qemu-system-x86_64';
  const child: ChildProcess =
    options.namespace === undefined
      ? spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      : spawn('ip', ['netns', 'exec', options.namespace, program, ...args], {
          stdio: ['ignore', 'pipe', 'pipe'],
        });
  let log = '';
  let errors = '';
  const heard = new Set<() => void>();
  child.stdout?.on('data', (part: Buffer) => {
    log += part.toString('latin1');
    for (const wake of heard) wake();
  });
  child.stderr?.on('data', (part: Buffer) => {
    errors = `${errors}${part}`.slice(-4096);
  });
  let running = true;
  const ended = once(child, 'close').then(() => {
    running = false;
    for (const wake of heard) wake();
  });
  let qmp: Qmp;
  try {
    qmp = await Qmp.connect({ path: qmpPath, timeoutMs: 30_000 });
  } catch (error) {
    child.kill('SIGKILL');
    await ended;
    throw new Error(`QEMU did not start: ${errors}`, { cause: error });
  }
  for (const [index, card] of options.cards.entries()) {
    if (card.link === false) await qmp.execute('set_link', { name: `net${index}`, up: false });
  }
  await qmp.execute('cont');

  return {
    get log() {
      return log;
    },
    get running() {
      return running;
    },
    ended,
    async said(pattern, timeoutMs, from = 0) {
      const deadline = Date.now() + timeoutMs;
      for (;;) {
        const match = pattern.exec(log.slice(from));
        if (match) return match;
        const left = deadline - Date.now();
        if (left <= 0 || !running) {
          const why = running ? `within ${timeoutMs / 1000} s` : 'before the computer ended';
          throw new Error(
            `${pattern} was not said ${why}; the last lines:\n${log.slice(-1500)}${errors}`,
          );
        }
        await new Promise<void>((resolve) => {
          const wake = (): void => {
            heard.delete(wake);
            clearTimeout(timer);
            resolve();
          };
          const timer = setTimeout(wake, left);
          heard.add(wake);
        });
      }
    },
    async screenshot(file) {
      await qmp.execute('screendump', { filename: file, format: 'png' });
    },
    async press(...keys) {
      await qmp.execute('send-key', {
        keys: keys.map((data) => ({ type: 'qcode', data })),
      });
    },
    async cable(card, connected) {
      await qmp.execute('set_link', { name: `net${card}`, up: connected });
    },
    async paused(work) {
      await qmp.execute('stop');
      try {
        return await work();
      } finally {
        if (running) await qmp.execute('cont');
      }
    },
    async stop() {
      qmp.close();
      if (running) child.kill('SIGKILL');
      await ended;
    },
  };
}

function accelerator(kvm: boolean): string[] {
  const kind = kvm ? ['kvm', '-cpu', 'host'] : ['tcg,thread=multi', '-cpu', 'max'];
  return ['-accel', ...kind, '-smp', '2'];
}

async function qemuArguments(options: MachineOptions, qmpPath: string): Promise<string[]> {
  const { folder, firmware, memoryMib, cards, kernel, disks = [], diskFirst = false } = options;
  const machine = firmware === 'secure' ? 'q35,smm=on' : 'q35';
  const serial = `stdio,id=serial,signal=off,logfile=${join(folder, 'serial.log')}`;
  const args = [
    ...['-chardev', serial],
    ...['-nodefaults', '-no-user-config', '-S', '-machine', machine],
    ...accelerator(options.kvm ?? false),
    ...[
      '-m',
      String(memoryMib),
      '-serial',
      'chardev:serial',
      '-qmp',
      `unix:${qmpPath},server=on,wait=off`,
    ],
    ...['-display', options.display ?? 'none', '-rtc', `base=${options.clock ?? 'utc'}`],
    ...['-device', 'virtio-rng-pci', '-device', 'qemu-xhci', '-device', 'usb-tablet'],
    ...['-uuid', '5c1f3a52-6c39-4f0e-9f10-4f7d5a2b0001'],
  ];
  const graphics = { std: 'VGA', virtio: 'virtio-vga', none: undefined }[options.graphics ?? 'std'];
  if (graphics !== undefined) args.push('-device', graphics);
  for (const [index, card] of cards.entries()) {
    const mac = `52:54:00:12:34:${(0x56 + index).toString(16)}`;
    // UEFI boots with its own PXE and HTTP, as hardware does, not with QEMU's iPXE.
    const rom = firmware === 'bios' ? '' : ',romfile=';
    const order = kernel === undefined ? `,bootindex=${diskFirst ? 9 : 1}` : '';
    args.push('-netdev', `${card.network},id=net${index}`);
    args.push(
      '-device',
      `${card.model ?? 'virtio-net-pci'},netdev=net${index},id=card${index},mac=${mac}${rom}${index === 0 ? order : ''}`,
    );
  }
  for (const [index, disk] of disks.entries()) {
    args.push('-drive', `file=${disk},if=none,id=disk${index},format=raw,cache=unsafe`);
    args.push('-device', `virtio-blk-pci,drive=disk${index},bootindex=${5 + index}`);
  }
  if (kernel !== undefined) {
    args.push('-kernel', kernel.image, '-initrd', kernel.initrd, '-append', kernel.line);
  }
  if (firmware !== 'bios') {
    const [code, vars] =
      firmware === 'secure'
        ? ['OVMF_CODE_4M.secboot.fd', 'OVMF_VARS_4M.ms.fd']
        : ['OVMF_CODE_4M.fd', 'OVMF_VARS_4M.fd'];
    const store = join(folder, 'vars.fd');
    await copyFile(join(OVMF, vars), store);
    if (options.enrol !== undefined) {
      const enrol = options.enrol.by === 'db' ? enrolInDb : enrolInShim;
      await writeFile(store, enrol(await readFile(store), options.enrol.certificate));
    }
    if (firmware === 'secure') args.push('-global', 'driver=cfi.pflash01,property=secure,value=on');
    args.push('-drive', `if=pflash,format=raw,unit=0,readonly=on,file=${join(OVMF, code)}`);
    args.push('-drive', `if=pflash,format=raw,unit=1,file=${store}`);
  }
  return args;
}
