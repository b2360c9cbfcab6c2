/**
 * A start in two halves: {@link decide} reads and refuses but makes nothing; {@link prepare}
 * makes everything that QEMU needs, in parallel.
 */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { KioskError, toWireError } from '../../base/errors.ts';
import type { VmEntry } from '../../base/manifest.ts';
import type { Launcher } from '../../process/launcher.ts';
import type { StartRequest } from '../engine.ts';
import type { MachinePlan, PlannedDisk } from './arguments.ts';
import { type MachineDescription, parseDescription } from './description.ts';
import { copyVariables, findFirmware } from './firmware.ts';
import type { GroupNetworks } from './network.ts';
import { checkBase, createQcow2 } from './overlay.ts';
import { cardAddress, groupName, machineUuid } from './plan.ts';
import { type HostResources, sizeMachine } from './resources.ts';
import { folder, type MachineStorage } from './storage.ts';
import { startTpm } from './tpm.ts';

/** A base image as the image store hands it out: complete, verified, and not to be written. */
export interface AcquiredImage {
  /** Absolute. */
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly version: string;
  /** Tells the store that this use is over. Safe to call twice. */
  release(): void;
}

/** Where base images come from; the image store satisfies it. */
export interface ImagePort {
  /**
   * The current version of an image, held until released.
   * @throws KioskError `MACHINE_IMAGE_MISSING`, `MACHINE_IMAGE_CORRUPT`, `IMAGE_UNKNOWN`
   */
  acquire(imageId: string): Promise<AcquiredImage>;
}

/** Where the files of a person are; the folders of `main/homes` satisfy it. */
export interface HomePort {
  /** Absolute; undefined: this person has none now. */
  folderOf(personId: string): string | undefined;
}

export interface Decision {
  readonly machineName: string;
  /** The machine's plan, with networks and TPM still to be connected. */
  readonly plan: MachinePlan;
  readonly runtime: string;
  readonly disks: string;
  /** The folder of the person's kept state. */
  readonly kept: string | undefined;
  /** Empty disks and overlays to create. */
  readonly create: readonly NewDisk[];
  readonly variablesTemplate: string | undefined;
  readonly tpmState: string;
  /** Gives the images back. */
  release(): void;
}

interface NewDisk {
  readonly path: string;
  /** Bytes. */
  readonly virtualSize: number;
  readonly backing?: { readonly path: string; readonly format: 'raw' | 'qcow2' };
}

interface DecideOptions {
  readonly request: StartRequest<VmEntry>;
  readonly storage: MachineStorage;
  readonly images: ImagePort;
  readonly host: HostResources;
  readonly accelerator: 'kvm' | 'tcg';
  readonly diskReserveMib: number;
  readonly homes: HomePort | undefined;
}

/** @throws KioskError with the reason to refuse the start */
export async function decide(options: DecideOptions): Promise<Decision> {
  const { request, storage, images, host, accelerator } = options;
  const { entry, sessionId, machineIndex, person } = request;
  const machine = entry.machines[machineIndex];
  if (!machine) {
    throw new KioskError('MACHINE_DESCRIPTION_INVALID', `There is no machine ${machineIndex}.`);
  }
  const description = parseDescription(machine.description);
  const size = sizeMachine(description, host, accelerator, options.diskReserveMib);
  const firmware = await findFirmware(description.firmware);
  const acquired = new Images(images);
  try {
    const base = machine.image === undefined ? undefined : await acquired.get(machine.image);
    const keeps = entry.keep === 'person' && person.kind !== 'guest' && base !== undefined;
    const kept = keeps
      ? storage.keptFolder([person.id, entry.id, machine.name, machine.image ?? '', base.version])
      : undefined;
    const runtime = storage.runtimeFolder(sessionId);
    const disks = storage.diskFolder(sessionId);
    const home = kept ?? disks;
    const planned = await planDisks({ description, base, acquired, home, disks, kept });
    const seed = kept ?? sessionId;
    const homeFolder = description.home ? options.homes?.folderOf(person.id) : undefined;
    const plan: MachinePlan = {
      description,
      name: machine.name,
      uuid: machineUuid(seed),
      accelerator,
      cpus: size.cpus,
      memoryMib: size.memoryMib,
      sockets: { qmp: join(runtime, 'qmp'), spice: join(runtime, 'spice') },
      passwordFile: join(runtime, 'password'),
      ...(firmware && {
        firmware: { code: firmware.code, variables: join(home, 'uefi-variables.fd') },
      }),
      disks: planned.disks,
      ...(homeFolder === undefined ? {} : { homeFolder }),
      networks: description.networks.map(({ model, mac }, index) => ({
        model,
        mac: mac ?? cardAddress(seed, index),
      })),
    };
    return {
      machineName: machine.name,
      plan,
      runtime,
      disks,
      kept,
      create: planned.create,
      variablesTemplate: firmware?.variables,
      tpmState: join(home, 'tpm'),
      release: () => acquired.release(),
    };
  } catch (error) {
    acquired.release();
    throw error;
  }
}

async function planDisks(options: {
  readonly description: MachineDescription;
  readonly base: AcquiredImage | undefined;
  readonly acquired: Images;
  readonly home: string;
  readonly disks: string;
  readonly kept: string | undefined;
}): Promise<{ disks: PlannedDisk[]; create: NewDisk[] }> {
  const { description, base, acquired, home, disks: folderOfSession, kept } = options;
  const disks: PlannedDisk[] = [];
  const create: NewDisk[] = [];
  if (base) {
    const path = join(home, 'disk.qcow2');
    const backing = { path: base.path, format: base.format };
    const virtualSize = await checkBase(base.path, base.format);
    if (kept === undefined || !(await exists(path))) create.push({ path, virtualSize, backing });
    disks.push({
      type: 'disk',
      bus: description.bootDisk.bus,
      path,
      format: 'qcow2',
      backing,
      boot: true,
      temporary: kept === undefined,
    });
  }
  for (const [index, extra] of description.disks.entries()) {
    if (extra.type === 'cdrom') {
      const { path, format } = await acquired.get(extra.image);
      await checkBase(path, format);
      disks.push({ type: 'cdrom', bus: 'sata', path, format, boot: !base, temporary: true });
      continue;
    }
    const path = join(folderOfSession, `scratch${index}.qcow2`);
    create.push({ path, virtualSize: extra.sizeMib * 1024 * 1024 });
    disks.push({
      type: 'disk',
      bus: extra.bus,
      path,
      format: 'qcow2',
      boot: false,
      temporary: true,
    });
  }
  return { disks, create };
}

interface PrepareOptions {
  readonly decision: Decision;
  readonly launcher: Launcher;
  readonly groups: GroupNetworks;
  readonly request: StartRequest<VmEntry>;
}

/**
 * Makes disks, UEFI variables and TPM: what QEMU must find when it starts.
 * @returns the TPM's socket; a TPM that cannot be had becomes a notice
 */
export async function prepare(options: PrepareOptions): Promise<string | undefined> {
  const { decision, launcher, request } = options;
  const { plan, kept, variablesTemplate, runtime } = decision;
  if (kept !== undefined) await folder(kept);
  const work = [
    ...decision.create.map(({ path, virtualSize, backing }) =>
      createQcow2(path, virtualSize, backing),
    ),
    ...(plan.firmware && variablesTemplate !== undefined
      ? [copyVariables(variablesTemplate, plan.firmware.variables)]
      : []),
  ];
  const tpm = async (): Promise<string | undefined> => {
    if (!plan.description.tpm) return undefined;
    const socket = join(runtime, 'tpm');
    try {
      await startTpm(launcher, {
        socket,
        stateFolder: decision.tpmState,
        signal: request.signal,
      });
      return socket;
    } catch (error) {
      request.signal.throwIfAborted();
      request.notice(toWireError(error));
      return undefined;
    }
  };
  const [, socket] = await settleAll([Promise.all(work), tpm()]);
  return socket;
}

/**
 * The private networks of the machine's group, started with its first machine.
 * @returns a socket for each card that leads to one
 * @throws KioskError where one cannot be had: the machines are of no use without
 */
export async function joinGroups({
  decision,
  groups,
  request,
}: PrepareOptions): Promise<(string | undefined)[]> {
  return settleAll(
    decision.plan.description.networks.map(async ({ type }) => {
      const name = groupName(type);
      return name === undefined ? undefined : groups.join(request.groupId, name);
    }),
  );
}

/** As `Promise.all`, but nothing is still under way when it rejects: undoing can begin. */
export async function settleAll<T extends readonly unknown[]>(
  work: {
    readonly [K in keyof T]: Promise<T[K]>;
  },
): Promise<{ -readonly [K in keyof T]: T[K] }> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Images held for one session, each once. */
class Images {
  readonly #port: ImagePort;
  readonly #held: AcquiredImage[] = [];

  constructor(port: ImagePort) {
    this.#port = port;
  }

  async get(id: string): Promise<AcquiredImage> {
    const image = await this.#port.acquire(id);
    this.#held.push(image);
    return image;
  }

  release(): void {
    for (const image of this.#held) image.release();
  }
}
