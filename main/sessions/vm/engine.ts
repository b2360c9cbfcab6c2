/**
 * The engine of local machines: QEMU under the session manager's port. Wired in `main/app.ts`.
 * Order of a start: decide (nothing is made), record, make in parallel, launch, connect. What
 * fails or is aborted on the way undoes everything; what main's own death leaves behind is found
 * by {@link VmEngine.adopt}.
 */
import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../../base/clock.ts';
import { KioskError } from '../../base/errors.ts';
import type { VmEntry } from '../../base/manifest.ts';
import type { Logger } from '../../log/logger.ts';
import type { Child, Launcher } from '../../process/launcher.ts';
import type { AdoptedSession, Engine, RunningSession, StartRequest } from '../engine.ts';
import { type Accelerator, chooseAccelerator } from './accelerator.ts';
import { type MachinePlan, qemuArguments } from './arguments.ts';
import { readHost } from './host.ts';
import { declareLimits } from './limits.ts';
import { DEFAULT_TIMES, Machine, type MachineExit, type MachineTimes } from './machine.ts';
import { GroupNetworks } from './network.ts';
import { plugIn, plugUserCards } from './plug.ts';
import {
  type Decision,
  decide,
  type HomePort,
  type ImagePort,
  joinGroups,
  prepare,
  settleAll,
} from './prepare.ts';
import { killProcessesIn, residentMib } from './processes.ts';
import { qemuIn, startQemu, whenGone } from './qemu-process.ts';
import { Qmp } from './qmp.ts';
import { type MachineRecord, readRecord, writeRecord } from './record.ts';
import { folder, MachineStorage } from './storage.ts';
import { chain } from './undo.ts';

export interface VmEngineOptions {
  readonly launcher: Launcher;
  readonly images: ImagePort;
  /** Absent: nobody has a folder. */
  readonly homes?: HomePort;
  /**
   * Sockets and records: on tmpfs, the kiosk user's own, absolute and at most 80 bytes long
   * (socket paths are short), e.g. `$XDG_RUNTIME_DIR/vestibule/vm`.
   */
  readonly runtimeFolder: string;
  /** Overlays, UEFI variables, TPM states: what may be large or must last. Absolute. */
  readonly stateFolder: string;
  readonly log: Logger;
  /** Free disk space that a start must leave for overlays to grow, in MiB. Default 1024. */
  readonly diskReserveMib?: number;
  /** Milliseconds until QEMU must answer for the first time. Default 30 s. */
  readonly launchMs?: number;
  /** QEMU's program. Default `qemu-system-x86_64`, looked up in PATH. */
  readonly qemu?: string;
  /** How the private network's process is started: program and arguments before the socket's path. */
  readonly switchProgram?: readonly string[];
  readonly times?: Partial<MachineTimes>;
  readonly clock?: Clock;
}

export interface VmEngine extends Engine<VmEntry> {
  adopt(): Promise<AdoptedSession[]>;
  /** Whether machines use KVM, and why not. Asks once per boot: call it at main's start. */
  accelerator(): Promise<Accelerator>;
  /** QEMU's monitor of a machine that runs: screenshots, console, keys. For diagnostics and tests. */
  monitor(sessionId: string): Qmp | undefined;
}

/** Local machines under QEMU. */
export function createVmEngine(options: VmEngineOptions): VmEngine {
  return new QemuEngine(options);
}

/** A machine that runs: what later starts must know of it. */
interface Running {
  readonly memoryMib: number;
  readonly pid: number;
  readonly machine: Machine;
}

class QemuEngine implements VmEngine {
  readonly kind = 'vm';
  readonly surface = 'frame';
  readonly #options: VmEngineOptions;
  readonly #storage: MachineStorage;
  readonly #groups: GroupNetworks;
  readonly #running = new Map<string, Running>();
  /** Kept folders that a session uses or is about to. */
  readonly #kept = new Set<string>();
  readonly #times: MachineTimes;
  readonly #qemu: string;
  #accelerator: Promise<Accelerator> | undefined;

  constructor(options: VmEngineOptions) {
    this.#options = options;
    this.#storage = new MachineStorage(options.runtimeFolder, options.stateFolder);
    this.#times = { ...DEFAULT_TIMES, ...options.times };
    this.#qemu = options.qemu ?? 'qemu-system-x86_64';
    this.#groups = new GroupNetworks({
      launcher: options.launcher,
      folder: options.runtimeFolder,
      log: options.log,
      ...(options.switchProgram === undefined ? {} : { program: options.switchProgram }),
    });
  }

  accelerator(): Promise<Accelerator> {
    this.#accelerator ??= this.#storage.open().then(() =>
      chooseAccelerator({
        launcher: this.#options.launcher,
        qemu: this.#qemu,
        folder: this.#storage.runtime,
        log: this.#options.log,
      }),
    );
    return this.#accelerator;
  }

  async start(request: StartRequest<VmEntry>): Promise<RunningSession> {
    const log = this.#options.log;
    const accelerator = await this.accelerator();
    const host = await readHost(this.#storage.disks, await this.#promisedMib());
    const decision = await decide({
      request,
      storage: this.#storage,
      images: this.#options.images,
      host,
      accelerator: accelerator.accelerator,
      diskReserveMib: this.#options.diskReserveMib ?? 1024,
      homes: this.#options.homes,
    });
    let release = async (): Promise<void> => decision.release();
    try {
      if (decision.kept !== undefined) {
        this.#claim(decision.kept);
        const { kept } = decision;
        release = chain(release, async () => void this.#kept.delete(kept));
      }
      release = chain(release, () => this.#clean(decision.runtime, decision.disks));
      const machine = await this.#launch(request, decision, release);
      if (accelerator.accelerator === 'tcg')
        request.notice({ code: 'MACHINE_SLOW', message: accelerator.reason ?? 'No KVM.' });
      log.info('a machine runs', {
        session: request.sessionId,
        memoryMib: decision.plan.memoryMib,
        cpus: decision.plan.cpus,
      });
      return machine;
    } catch (error) {
      await release().catch((cause: unknown) =>
        log.error('a start left something behind', { error: cause }),
      );
      request.signal.throwIfAborted();
      throw error;
    }
  }

  async #launch(
    request: StartRequest<VmEntry>,
    decision: Decision,
    release: () => Promise<void>,
  ): Promise<RunningSession> {
    const { launcher, log, clock = systemClock } = this.#options;
    const { runtime, disks, plan } = decision;
    const password = randomBytes(24).toString('base64url');
    await Promise.all([folder(runtime), folder(disks)]);
    // First of all: from here on a restarted main knows what to clean.
    await writeRecord(runtime, recordOf(request, decision, password, clock.now()));
    const parts = { decision, launcher, groups: this.#groups, request };
    const [{ child, qmp }, groups] = await settleAll([
      this.#startQemu(request, decision, password, prepare(parts)),
      joinGroups(parts),
    ]);
    for (const [index, socket] of groups.entries()) {
      if (socket !== undefined) await plugIn(qmp, index, socket);
    }
    void declareLimits({
      launcher,
      log,
      pid: child.pid,
      name: request.sessionId.toLowerCase().replaceAll(/[^a-z0-9-]/g, '-'),
      memoryMib: plan.memoryMib,
    });
    return this.#machine(runtime, {
      qmp,
      sessionId: request.sessionId,
      memoryMib: plan.memoryMib,
      pid: child.pid,
      password,
      exited: child.exited,
      killProcess: async () => void (await child.kill()),
      notice: request.notice,
      hasConsole: plan.description.console,
      userCards: userCards(plan),
      release,
    });
  }

  async #startQemu(
    request: StartRequest<VmEntry>,
    { plan }: Decision,
    password: string,
    prepared: Promise<string | undefined>,
  ): Promise<{ child: Child; qmp: Qmp }> {
    const [tpmSocket] = await settleAll([
      prepared,
      writeFile(plan.passwordFile, password, { mode: 0o600 }),
    ]);
    request.signal.throwIfAborted();
    request.launching();
    return startQemu({
      launcher: this.#options.launcher,
      program: this.#qemu,
      args: qemuArguments({ ...plan, ...(tpmSocket === undefined ? {} : { tpmSocket }) }),
      qmpPath: plan.sockets.qmp,
      launchMs: this.#options.launchMs ?? 30_000,
      signal: request.signal,
    });
  }

  async adopt(): Promise<AdoptedSession[]> {
    await this.#storage.open();
    const adopted: AdoptedSession[] = [];
    const disks = new Set<string>();
    for (const runtime of await this.#storage.runtimeFolders()) {
      const record = await readRecord(runtime);
      const session = record && (await this.#adoptOne(runtime, record));
      if (session) {
        adopted.push(session);
        disks.add(record.disks);
      } else {
        this.#options.log.warn('a machine that did not survive is cleaned up', {
          session: record?.sessionId,
        });
        await this.#clean(runtime, record?.disks);
      }
    }
    await this.#storage.removeDisksExcept(disks);
    return adopted;
  }

  async #adoptOne(runtime: string, record: MachineRecord): Promise<AdoptedSession | undefined> {
    const { log } = this.#options;
    const path = join(runtime, 'qmp');
    const [pid] = await qemuIn(runtime);
    if (pid === undefined) return undefined;
    const qmp = await Qmp.connect({ path, timeoutMs: this.#times.answerMs }).catch(
      (error: unknown) => {
        log.warn('a machine does not answer and is ended', { error });
        return undefined;
      },
    );
    if (!qmp) return undefined;
    if (record.kept !== null) this.#kept.add(record.kept);
    const running = this.#machine(runtime, {
      qmp,
      sessionId: record.sessionId,
      memoryMib: record.memoryMib,
      pid,
      password: record.password,
      exited: whenGone(runtime),
      killProcess: () => killProcessesIn(runtime),
      notice: (error) => log.warn(error.message, { code: error.code }),
      hasConsole: record.console,
      userCards: record.userCards,
      release: async () => {
        if (record.kept !== null) this.#kept.delete(record.kept);
        await this.#clean(runtime, record.disks);
      },
    });
    log.info('a machine was adopted', { session: record.sessionId });
    const { sessionId, groupId, entryId, title, machine, personId, startedAt } = record;
    return { sessionId, groupId, entryId, title, machine, personId, startedAt, running };
  }

  #machine(
    runtime: string,
    parts: {
      readonly qmp: Qmp;
      readonly sessionId: string;
      readonly memoryMib: number;
      readonly pid: number;
      readonly password: string;
      readonly exited: Promise<MachineExit | undefined>;
      readonly killProcess: () => Promise<void>;
      readonly notice: StartRequest['notice'];
      readonly hasConsole: boolean;
      readonly userCards: readonly number[];
      readonly release: () => Promise<void>;
    },
  ): Machine {
    const { sessionId, memoryMib, pid, password, userCards: cards, release, ...rest } = parts;
    const { qmp, notice } = rest;
    const life = new AbortController();
    const plugged = plugUserCards({
      launcher: this.#options.launcher,
      qmp,
      runtime,
      cards,
      signal: life.signal,
      notice,
    });
    const machine = new Machine({
      ...rest,
      qmpPath: join(runtime, 'qmp'),
      surface: { type: 'spice-socket', path: join(runtime, 'spice'), password },
      times: this.#times,
      log: this.#options.log,
      release: async () => {
        this.#running.delete(sessionId);
        life.abort();
        await plugged;
        await release();
      },
    });
    this.#running.set(sessionId, { memoryMib, pid, machine });
    return machine;
  }

  monitor(sessionId: string): Qmp | undefined {
    return this.#running.get(sessionId)?.machine.monitor;
  }

  /** One session per kept state: two would overwrite each other. */
  #claim(kept: string): void {
    if (this.#kept.has(kept)) {
      throw new KioskError('IMAGE_IN_USE', 'This machine already runs for this person.');
    }
    this.#kept.add(kept);
  }

  /** Ends whatever still works in the session's folder, then removes its files. */
  async #clean(runtime: string, disks: string | undefined): Promise<void> {
    await killProcessesIn(runtime);
    if (disks !== undefined) await rm(disks, { recursive: true, force: true });
    // Last: while the record is there, an interrupted cleaning is taken up again.
    await rm(runtime, { recursive: true, force: true });
  }

  async #promisedMib(): Promise<number> {
    const machines = [...this.#running.values()];
    const touched = await Promise.all(machines.map(({ pid }) => residentMib(pid)));
    return machines.reduce(
      (sum, { memoryMib }, index) => sum + Math.max(0, memoryMib - (touched[index] ?? 0)),
      0,
    );
  }
}

function recordOf(
  { sessionId, groupId, entry, person }: StartRequest<VmEntry>,
  decision: Decision,
  password: string,
  startedAt: number,
): MachineRecord {
  return {
    format: 1,
    sessionId,
    groupId,
    entryId: entry.id,
    title: entry.title,
    machine: entry.machines.length > 1 ? decision.machineName : null,
    personId: person.id,
    startedAt,
    memoryMib: decision.plan.memoryMib,
    console: decision.plan.description.console,
    userCards: userCards(decision.plan),
    password,
    disks: decision.disks,
    kept: decision.kept ?? null,
  };
}

function userCards({ description }: MachinePlan): number[] {
  return description.networks.flatMap(({ type }, index) => (type === 'user' ? [index] : []));
}
