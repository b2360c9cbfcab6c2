/** What the computer is, for the administrator's screen. */
import { arch, cpus, freemem, networkInterfaces, release, totalmem, type, uptime } from 'node:os';
import type { Systeminformation } from 'systeminformation';
import { DeviceFacts } from '../../preload/contract/model.ts';
import type { Launcher } from '../process/launcher.ts';
import { readDisplays } from './displays.ts';
import { list, readBytes, readText, within } from './sysfs.ts';
import { readVirtualization, type Virtualization } from './virtualization.ts';

export interface FactsOptions {
  readonly launcher: Launcher;
  /** A better answer than `readVirtualization`, e.g. from having run a guest. */
  readonly virtualization?: () => Promise<Virtualization>;
  /** What each probe may take. Default 8 000 ms. */
  readonly timeoutMs?: number;
}

export interface DeviceFactsReader {
  /** Never rejects; what cannot be found out is empty. What cannot change is asked only once. */
  read(): Promise<DeviceFacts>;
}

/** The variable's data follows four bytes of attributes (efivarfs). */
const SECURE_BOOT = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

type Fixed = Omit<DeviceFacts, 'memory' | 'displays' | 'network' | 'uptimeSeconds'>;

export function createFactsReader(options: FactsOptions): DeviceFactsReader {
  const timeoutMs = options.timeoutMs ?? 8_000;
  let fixed: Promise<Fixed> | undefined;
  return {
    async read() {
      fixed ??= readFixed(options, timeoutMs);
      const [constant, memory, displays, network] = await Promise.all([
        fixed,
        readMemory(),
        within(readDisplays(options.launcher, AbortSignal.timeout(timeoutMs)), timeoutMs, []),
        readNetwork(),
      ]);
      return DeviceFacts.parse({
        ...constant,
        memory,
        displays,
        network,
        uptimeSeconds: uptime(),
      });
    },
  };
}

/** Slow probes, side by side. */
async function readFixed(options: FactsOptions, timeoutMs: number): Promise<Fixed> {
  // Loaded here: nobody waits for it before an administrator looks.
  const { default: si } = await import('systeminformation');
  const probe = <T>(work: Promise<T>): Promise<Partial<T>> =>
    within<Partial<T>>(work, timeoutMs, {});
  const [system, cpu, graphics, blocks, disks, os, firmware, virtualization, tpm] =
    await Promise.all([
      probe(si.system()),
      probe(si.cpu()),
      probe(si.graphics()),
      within(si.blockDevices(), timeoutMs, []),
      within(si.diskLayout(), timeoutMs, []),
      probe(si.osInfo()),
      readFirmware(),
      within((options.virtualization ?? readVirtualization)(), timeoutMs, {
        kvm: false,
        reason: 'It could not be found out.',
      }),
      list('/sys/class/tpm'),
    ]);
  return {
    manufacturer: text(system.manufacturer),
    model: text(system.model),
    serial: text(system.serial),
    ...firmware,
    cpu: readCpu(cpu),
    graphics: (graphics.controllers ?? [])
      .map(({ vendor, model }) => `${text(vendor)} ${text(model)}`.trim())
      .filter((name) => name !== ''),
    disks: readDisks(blocks, disks),
    virtualization,
    tpm: tpm.length > 0,
    operatingSystem:
      [text(os.distro), text(os.release)].join(' ').trim() || `${type()} ${release()} ${arch()}`,
  };
}

function readCpu(cpu: Partial<Systeminformation.CpuData>): DeviceFacts['cpu'] {
  const [first] = cpus();
  const model = `${text(cpu.manufacturer)} ${text(cpu.brand)}`.trim() || text(first?.model);
  const threads = whole(cpu.cores) || cpus().length;
  return { model, cores: whole(cpu.physicalCores) || threads, threads };
}

/** All that the kernel has as disks; the models of those that say one. */
function readDisks(
  blocks: readonly Systeminformation.BlockDevicesData[],
  layout: readonly Systeminformation.DiskLayoutData[],
): DeviceFacts['disks'] {
  return blocks
    .filter(
      ({ type, name, size }) => type === 'disk' && !/^(?:zram|ram|loop)/.test(name) && size > 0,
    )
    .map((block) => {
      const device = text(block.device) || `/dev/${block.name}`;
      const known = layout.find((disk) => disk.device === device);
      return {
        device,
        model: text(block.model) || text(known?.name),
        bytes: whole(Number(block.size)),
      };
    });
}

async function readFirmware(): Promise<Pick<DeviceFacts, 'firmware' | 'secureBoot'>> {
  const uefi = (await list('/sys/firmware/efi')).length > 0;
  if (!uefi)
    return { firmware: process.platform === 'linux' ? 'bios' : 'unknown', secureBoot: null };
  const variable = await readBytes(SECURE_BOOT);
  return { firmware: 'uefi', secureBoot: variable?.length === 5 ? variable[4] === 1 : null };
}

/** `MemAvailable` counts what the kernel can free for us; Node's `freemem` does so too since 18. */
async function readMemory(): Promise<DeviceFacts['memory']> {
  const available = /^MemAvailable:\s+(\d+) kB$/m.exec(
    (await readText('/proc/meminfo')) ?? '',
  )?.[1];
  return {
    total: totalmem(),
    available: available === undefined ? freemem() : Number(available) * 1024,
  };
}

async function readNetwork(): Promise<DeviceFacts['network']> {
  const addresses = networkInterfaces();
  const names = (await list('/sys/class/net')).filter((name) => name !== 'lo');
  return Promise.all(
    names.map(async (name) => ({
      name,
      mac: (await readText(`/sys/class/net/${name}/address`)) ?? '',
      addresses: (addresses[name] ?? []).map(({ address }) => address),
      up: (await readText(`/sys/class/net/${name}/carrier`)) === '1',
    })),
  );
}

/** systeminformation says `-` or nothing for what it does not know. */
function text(value: unknown): string {
  return typeof value === 'string' && value.trim() !== '-' ? value.trim() : '';
}

function whole(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0;
}
