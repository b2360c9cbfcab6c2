/**
 * An oVirt OVF (DSP0243 with oVirt's extensions, as its export domains and `ovirt-engine` write
 * it) as a machine description. Items are told apart by CIM's resource types.
 */
import type { z } from 'zod';
import { KioskError } from '../../base/errors.ts';
import { parseDescription } from './description.ts';
import type { Import } from './import-libvirt.ts';
import { child, children, type Element, parseXml, text } from './import-xml.ts';

type Input = z.input<typeof import('./description.ts').MachineDescription>;

/** CIM_ResourceAllocationSettingData.ResourceType. */
const CPU = 3;
const MEMORY = 4;
const NETWORK = 10;
const CDROM = 15;
const DISK = 17;
const GRAPHICS = 20;
const OTHER = 0;
const IGNORED = new Set([23, 24, 26, 32768]);

/** oVirt's BIOS types, VmBase.BiosType. */
const BIOS_TYPES: Readonly<Record<string, Pick<Input, 'machine' | 'firmware'>>> = {
  '0': { machine: 'q35', firmware: 'bios' },
  '1': { machine: 'pc', firmware: 'bios' },
  '2': { machine: 'q35', firmware: 'bios' },
  '3': { machine: 'q35', firmware: 'uefi' },
  '4': { machine: 'q35', firmware: { type: 'uefi', secureBoot: true } },
};

/**
 * @throws KioskError `MACHINE_DESCRIPTION_INVALID` for broken XML, `MACHINE_IMPORT_UNSUPPORTED`
 * where there is not exactly one machine in it
 */
export function importOvf(xml: string): Import {
  const envelope = child(parseXml(xml), 'Envelope');
  const contents = [...children(envelope, 'Content'), ...children(envelope, 'VirtualSystem')];
  const [content] = contents;
  if (!content || contents.length !== 1)
    throw unsupported(`${contents.length} machines in one file`);
  const sections = [
    ...children(content, 'Section'),
    ...children(content, 'VirtualHardwareSection'),
  ];
  const items = sections.flatMap((section) => children(section, 'Item'));
  const dropped: string[] = [];
  const of = (type: number): Element[] => items.filter((item) => resourceType(item) === type);
  for (const item of items) {
    const type = resourceType(item);
    if (![CPU, MEMORY, NETWORK, CDROM, DISK, GRAPHICS, OTHER].includes(type) && !IGNORED.has(type))
      dropped.push(`${caption(item)} is not carried over.`);
  }
  const disks = of(DISK);
  for (const disk of disks.slice(1))
    dropped.push(`${caption(disk)} is not carried over: name an image or a scratch disk.`);
  const others = of(OTHER).map((item) => (text(child(item, 'Type')) ?? '').toLowerCase());
  const bios = BIOS_TYPES[text(child(content, 'BiosType')) ?? '0'];
  if (!bios) dropped.push('The firmware is of an unknown type and became BIOS.');
  const [display] = of(GRAPHICS);
  const input: Input = {
    os: system(content),
    ...(bios ?? {}),
    cpu: { count: cpus(of(CPU)[0]) },
    memory: { mib: memoryMib(of(MEMORY)[0]) },
    ...(disks[0] ? { bootDisk: { bus: diskBus(disks[0], dropped) } } : {}),
    networks: of(NETWORK)
      .slice(0, 8)
      .map((card) => network(card, dropped)),
    usb: {
      tablet: 'auto',
      redirection: /true/i.test(text(child(content, 'UsbPolicy')) ?? '') ? 2 : 0,
    },
    tpm: others.includes('tpm'),
    audio: others.includes('sound'),
    display: {
      heads: Math.min(4, Math.max(1, number(display, 'VirtualQuantity', 1))),
      adapter: adapter(display, dropped),
    },
    console: others.includes('console'),
  };
  return {
    name: text(child(content, 'Name')) ?? 'machine',
    description: parseDescription(input),
    dropped,
  };
}

function resourceType(item: Element): number {
  return number(item, 'ResourceType', -1);
}

function caption(item: Element): string {
  return (
    text(child(item, 'Caption')) ??
    text(child(item, 'Device')) ??
    `An item of type ${resourceType(item)}`
  );
}

function system(content: Element): 'linux' | 'windows' | 'other' {
  const section = children(content, 'Section').find((one) => child(one, 'Description'));
  const named = text(child(content, 'OperatingSystemSection', 'Description'));
  const name = named ?? text(child(section, 'Description')) ?? '';
  if (/windows/i.test(name)) return 'windows';
  return name === '' || (/other$/i.test(name) && !/linux/i.test(name)) ? 'other' : 'linux';
}

function cpus(item: Element | undefined): number {
  const sockets = number(item, 'num_of_sockets', 0);
  if (sockets === 0) return number(item, 'VirtualQuantity', 1);
  return sockets * number(item, 'cpu_per_socket', 1) * number(item, 'threads_per_cpu', 1);
}

/** DSP0243 counts in `byte * 2^20`; oVirt writes MegaBytes, and means MiB. */
function memoryMib(item: Element | undefined): number {
  const units = text(child(item, 'AllocationUnits')) ?? 'MegaBytes';
  if (!/^(MegaBytes|byte \* 2\^20)$/.test(units)) throw unsupported(`memory in ${units}`);
  return number(item, 'VirtualQuantity', 0);
}

function diskBus(item: Element, dropped: string[]): 'virtio' | 'sata' {
  const name = (
    text(child(item, 'DiskInterface')) ??
    text(child(item, 'disk-interface')) ??
    'VirtIO'
  ).toLowerCase();
  if (name === 'virtio') return 'virtio';
  if (name !== 'ide' && name !== 'sata') dropped.push(`The disk bus ${name} became sata.`);
  return 'sata';
}

/** VmInterfaceType of oVirt: 1 rtl8139, 2 e1000, 3 virtio, 5 pci passthrough. */
function network(item: Element, dropped: string[]): NonNullable<Input['networks']>[number] {
  const kind = text(child(item, 'ResourceSubType')) ?? '3';
  const name = text(child(item, 'Connection'));
  const mac = text(child(item, 'MACAddress'))?.toLowerCase();
  if (name !== undefined) dropped.push(`The network ${name} became user networking.`);
  if (kind === '2') dropped.push('The network card e1000 became e1000e.');
  const model = kind === '1' ? 'rtl8139' : kind === '2' ? 'e1000e' : 'virtio';
  return { type: 'user', model, ...(mac === undefined ? {} : { mac }) };
}

function adapter(item: Element | undefined, dropped: string[]): 'virtio' | 'qxl' | 'std' {
  const device = (text(child(item, 'Device')) ?? 'qxl').toLowerCase();
  if (device === 'qxl') return 'qxl';
  if (device === 'virtio') return 'virtio';
  if (device !== 'vga' && device !== 'bochs')
    dropped.push(`The graphics adapter ${device} became std.`);
  return 'std';
}

function number(item: Element | undefined, name: string, otherwise: number): number {
  const value = text(child(item, name));
  return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : otherwise;
}

function unsupported(what: string): KioskError {
  return new KioskError('MACHINE_IMPORT_UNSUPPORTED', `The import does not support ${what}.`);
}
