/**
 * A libvirt domain (https://libvirt.org/formatdomain.html) as a machine description. Disks'
 * files and the host's own settings are not carried over: the campus's image takes their place.
 */
import type { z } from 'zod';
import { KioskError } from '../../base/errors.ts';
import { type MachineDescription, parseDescription } from './description.ts';
import { attribute, child, children, type Element, names, parseXml, text } from './import-xml.ts';

type Input = z.input<typeof import('./description.ts').MachineDescription>;
type Network = NonNullable<Input['networks']>[number];
type Bus = 'virtio' | 'sata' | 'nvme';

export interface Import {
  readonly name: string;
  readonly description: MachineDescription;
  /** What was asked for and is not in the description, one sentence each, in English. */
  readonly dropped: readonly string[];
}

/** Binary and decimal units of libvirt's memory sizes, in bytes. */
const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  k: 1024,
  KiB: 1024,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
};

/** Devices that follow from others or that each machine of ours has anyway. */
const IMPLIED = new Set([
  'emulator',
  'controller',
  'input',
  'graphics',
  'memballoon',
  'rng',
  'panic',
  'watchdog',
  'channel',
  'audio',
]);
const HANDLED = new Set([
  'disk',
  'interface',
  'sound',
  'tpm',
  'video',
  'redirdev',
  'console',
  'serial',
]);

/**
 * @throws KioskError `MACHINE_DESCRIPTION_INVALID` for broken XML, `MACHINE_IMPORT_UNSUPPORTED`
 * for a domain of another kind of machine
 */
export function importLibvirt(xml: string): Import {
  const domain = child(parseXml(xml), 'domain');
  if (!domain) throw unsupported('the XML holds no domain');
  const machineType = child(domain, 'os', 'type');
  const architecture = attribute(machineType, 'arch') ?? 'x86_64';
  if (architecture !== 'x86_64') throw unsupported(`a machine with ${architecture} processors`);
  if ((text(machineType) ?? 'hvm') !== 'hvm') throw unsupported('a machine without full emulation');
  const dropped: string[] = [];
  const devices = child(domain, 'devices');
  for (const name of names(devices)) {
    if (!IMPLIED.has(name) && !HANDLED.has(name))
      dropped.push(`The device <${name}> is not carried over.`);
  }
  if (names(domain).some((name) => name === 'commandline'))
    dropped.push("The domain's own QEMU arguments are not carried over.");
  const input: Input = {
    os: guessSystem(domain),
    machine: (attribute(machineType, 'machine') ?? 'q35').includes('q35') ? 'q35' : 'pc',
    firmware: firmware(domain),
    cpu: { count: integer(text(child(domain, 'vcpu')), 1) },
    memory: { mib: memory(domain) },
    ...disks(devices, dropped),
    networks: children(devices, 'interface')
      .slice(0, 8)
      .map((card) => network(card, dropped)),
    usb: {
      tablet: 'auto',
      redirection: Math.min(4, children(devices, 'redirdev').length),
    },
    tpm: children(devices, 'tpm').length > 0,
    audio: children(devices, 'sound').length > 0,
    display: { heads: heads(devices), adapter: adapter(devices, dropped) },
    console: [...children(devices, 'serial'), ...children(devices, 'console')].length > 0,
  };
  return {
    name: text(child(domain, 'name')) ?? 'machine',
    description: parseDescription(input),
    dropped,
  };
}

function firmware(domain: Element): Input['firmware'] {
  const os = child(domain, 'os');
  const loader = child(os, 'loader');
  const uefi = attribute(os, 'firmware') === 'efi' || attribute(loader, 'type') === 'pflash';
  if (!uefi) return 'bios';
  const feature = children(child(os, 'firmware'), 'feature').find(
    (one) => attribute(one, 'name') === 'secure-boot',
  );
  const secureBoot =
    attribute(feature, 'enabled') === 'yes' || attribute(loader, 'secure') === 'yes';
  return { type: 'uefi', secureBoot };
}

/** libosinfo names the system by URL, e.g. http://microsoft.com/win/11. */
function guessSystem(domain: Element): 'linux' | 'windows' | 'other' {
  const id = attribute(child(domain, 'metadata', 'libosinfo', 'os'), 'id') ?? '';
  if (/microsoft/i.test(id) || child(domain, 'features', 'hyperv')) return 'windows';
  return id === '' ||
    /debian|ubuntu|fedora|redhat|centos|opensuse|suse|linux|alpine|arch|gentoo|rocky|alma/i.test(id)
    ? 'linux'
    : 'other';
}

function memory(domain: Element): number {
  const element = child(domain, 'currentMemory') ?? child(domain, 'memory');
  const unit = UNITS[attribute(element, 'unit') ?? 'KiB'];
  if (unit === undefined) throw unsupported('memory in a unit that libvirt does not have');
  return Math.floor((integer(text(element), 0) * unit) / 1024 ** 2);
}

function disks(devices: Element | undefined, dropped: string[]): Pick<Input, 'bootDisk' | 'disks'> {
  const all = children(devices, 'disk');
  const first = all.find((disk) => (attribute(disk, 'device') ?? 'disk') === 'disk');
  for (const disk of all) {
    if (disk === first) continue;
    const target = attribute(child(disk, 'target'), 'dev') ?? 'a disk';
    dropped.push(
      `${target} (${attribute(disk, 'device') ?? 'disk'}) is not carried over: name an image or a scratch disk.`,
    );
  }
  if (!first) return {};
  const bus = attribute(child(first, 'target'), 'bus') ?? 'virtio';
  return { bootDisk: { bus: diskBus(bus, dropped) } };
}

function diskBus(bus: string, dropped: string[]): Bus {
  if (bus === 'virtio' || bus === 'sata' || bus === 'nvme') return bus;
  if (bus !== 'ide') dropped.push(`The disk bus ${bus} became sata.`);
  return 'sata';
}

function network(card: Element, dropped: string[]): Network {
  const kind = attribute(card, 'type') ?? 'user';
  const mac = attribute(child(card, 'mac'), 'address')?.toLowerCase();
  const source = child(card, 'source');
  const name = attribute(source, 'network') ?? attribute(source, 'bridge');
  const asked = attribute(child(card, 'model'), 'type') ?? 'virtio';
  const known = asked === 'virtio' || asked === 'e1000e' || asked === 'rtl8139';
  if (!known)
    dropped.push(`The network card ${asked} became ${asked === 'e1000' ? 'e1000e' : 'virtio'}.`);
  const model = known ? asked : asked === 'e1000' ? 'e1000e' : 'virtio';
  const type = networkType(kind, name);
  if (type === 'user' && kind !== 'user' && name !== 'default')
    dropped.push(`The network ${name ?? kind} became user networking.`);
  return { type, model, ...(mac === undefined ? {} : { mac }) };
}

/** libvirt's `default` network is NAT, as ours; other named networks are private ones of ours. */
function networkType(kind: string, name: string | undefined): NonNullable<Network['type']> {
  if (kind !== 'network' || name === undefined || name === 'default') return 'user';
  const clean = name
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]/g, '-')
    .replace(/^-+/, '')
    .slice(0, 32);
  return clean === '' ? 'user' : `group:${clean}`;
}

function heads(devices: Element | undefined): number {
  const value = attribute(child(devices, 'video', 'model'), 'heads');
  return Math.min(4, Math.max(1, integer(value, 1)));
}

function adapter(devices: Element | undefined, dropped: string[]): 'virtio' | 'qxl' | 'std' {
  const type = attribute(child(devices, 'video', 'model'), 'type') ?? 'virtio';
  if (type === 'virtio' || type === 'qxl') return type;
  if (type !== 'vga' && type !== 'bochs') dropped.push(`The graphics adapter ${type} became std.`);
  return 'std';
}

function integer(value: string | undefined, otherwise: number): number {
  return value !== undefined && /^\d{1,15}$/.test(value) ? Number(value) : otherwise;
}

function unsupported(what: string): KioskError {
  return new KioskError('MACHINE_IMPORT_UNSUPPORTED', `The import does not support ${what}.`);
}
