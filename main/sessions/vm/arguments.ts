/**
 * From a machine's plan to QEMU's command line, as an ordered list of small pure steps. Each
 * reads the plan and gives its arguments; none looks at the system.
 */
import { KioskError } from '../../base/errors.ts';
import type { MachineDescription } from './description.ts';

/** A description with everything decided that it left open. All paths are absolute. */
export interface MachinePlan {
  readonly description: MachineDescription;
  /** Shown in process lists, and to the guest as its product name. */
  readonly name: string;
  readonly uuid: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly cpus: number;
  readonly memoryMib: number;
  readonly sockets: { readonly qmp: string; readonly spice: string };
  /** Holds the SPICE password, mode 0600: argv is visible to everybody. */
  readonly passwordFile: string;
  readonly firmware?: { readonly code: string; readonly variables: string };
  readonly disks: readonly PlannedDisk[];
  readonly networks: readonly PlannedNetwork[];
  /** The person's files, shown to the guest. */
  readonly homeFolder?: string;
  /** swtpm's control socket. */
  readonly tpmSocket?: string;
}

export interface PlannedDisk {
  readonly type: 'disk' | 'cdrom';
  readonly bus: 'virtio' | 'sata' | 'nvme';
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  /** For an overlay: what lies under it, read-only. */
  readonly backing?: { readonly path: string; readonly format: 'raw' | 'qcow2' };
  readonly boot: boolean;
  /** Thrown away at the end: its writes need not survive a power cut. */
  readonly temporary: boolean;
}

interface PlannedNetwork {
  readonly model: 'virtio' | 'e1000e' | 'rtl8139';
  readonly mac: string;
}

type Step = (plan: MachinePlan) => string[];

const NETWORK_DEVICES = {
  virtio: 'virtio-net-pci',
  e1000e: 'e1000e',
  rtl8139: 'rtl8139',
} as const;

/** QEMU's key=value syntax: a comma inside a value is doubled. */
function options(
  head: string,
  values: Readonly<Record<string, string | number | boolean | undefined>> = {},
): string {
  let text = head;
  for (const [key, value] of Object.entries(values)) {
    if (value === undefined) continue;
    const shown = typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value);
    text += `,${key}=${shown.replaceAll(',', ',,')}`;
  }
  return text;
}

/** Nothing that we did not ask for, and no way out of the process. */
export const confinement: Step = () => [
  '-nodefaults',
  '-no-user-config',
  '-sandbox',
  'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny',
];

export const identity: Step = ({ name, uuid }) => [
  '-name',
  options(`guest=${name.replaceAll(',', ',,')}`, { 'debug-threads': true }),
  '-uuid',
  uuid,
  '-smbios',
  options('type=1', { manufacturer: 'Vestibule', product: name }),
];

export const machineType: Step = ({ description, accelerator }) => [
  '-machine',
  options(description.machine, {
    vmport: false,
    hpet: false,
    'dump-guest-core': false,
    smm: description.firmware.secureBoot ? true : undefined,
  }),
  '-accel',
  accelerator === 'kvm' ? 'kvm' : options('tcg', { thread: 'multi', 'tb-size': 256 }),
];

export const processor: Step = ({ description, accelerator, cpus }) => {
  const hyperV =
    accelerator === 'kvm' && description.os === 'windows'
      ? { hv_relaxed: true, hv_vapic: true, hv_time: true, hv_spinlocks: '0x1fff' }
      : {};
  return [
    '-cpu',
    options(accelerator === 'kvm' ? 'host' : 'max', hyperV),
    '-smp',
    options(String(cpus), { sockets: 1, cores: cpus, threads: 1 }),
  ];
};

const memory: Step = ({ memoryMib }) => ['-m', `${memoryMib}M`];

export const clock: Step = ({ description, accelerator }) => [
  '-rtc',
  options(`base=${description.os === 'windows' ? 'localtime' : 'utc'}`, { driftfix: 'slew' }),
  ...(accelerator === 'kvm' ? ['-global', 'kvm-pit.lost_tick_policy=delay'] : []),
];

/** UEFI: the code is shared and read-only, the variables are the session's own. */
export const firmware: Step = ({ firmware: files, description }) => {
  if (!files) return [];
  const secure = description.firmware.secureBoot
    ? [
        '-global',
        'driver=cfi.pflash01,property=secure,value=on',
        '-global',
        'ICH9-LPC.disable_s3=1',
      ]
    : [];
  const flash = (unit: number, file: string, readonly: boolean): string[] => [
    '-drive',
    options('if=pflash', { unit, format: 'raw', readonly, file }),
  ];
  return [...secure, ...flash(0, files.code, true), ...flash(1, files.variables, false)];
};

const boot: Step = () => ['-boot', 'menu=off,strict=on'];

/** One monitor, on a unix socket: main's only way in, also after its restart. */
const control: Step = ({ sockets }) => [
  '-chardev',
  options('socket', { id: 'qmp', path: sockets.qmp, server: true, wait: false }),
  '-mon',
  'chardev=qmp,mode=control',
  '-monitor',
  'none',
  '-parallel',
  'none',
];

/** A crashed guest says so (pvpanic) and stays for us to notice, instead of rebooting for ever. */
const crashReport: Step = ({ description }) => [
  '-device',
  'pvpanic-pci',
  '-action',
  'panic=pause',
  ...(description.console
    ? ['-chardev', 'ringbuf,id=console,size=65536', '-serial', 'chardev:console']
    : ['-serial', 'none']),
];

/** `-blockdev` trees in JSON: each layer's format is ours to say, never probed, never taken from a header. */
export const disks: Step = ({ disks: planned, description }) => {
  let sataPort = 0;
  const needsController =
    description.machine === 'pc' &&
    planned.some(({ bus, type }) => type === 'cdrom' || bus === 'sata');
  const out = needsController ? ['-device', 'ich9-ahci,id=ahci'] : [];
  for (const [index, disk] of planned.entries()) {
    const id = `disk${index}`;
    const readonly = disk.type === 'cdrom';
    const cache = { 'no-flush': disk.temporary, direct: false };
    const layer = { ...disk, id, readonly, cache };
    out.push('-blockdev', blockdev(layer));
    const shared = { drive: id, bootindex: disk.boot ? 0 : index + 1 };
    if (disk.type === 'disk' && disk.bus !== 'sata') {
      out.push(
        '-device',
        disk.bus === 'virtio'
          ? options('virtio-blk-pci', shared)
          : options('nvme', { ...shared, serial: id }),
      );
      continue;
    }
    if (sataPort > 5)
      throw new KioskError(
        'MACHINE_DESCRIPTION_INVALID',
        'A machine has six SATA ports for disks and CD-ROMs.',
      );
    const bus = needsController ? `ahci.${sataPort}` : `ide.${sataPort}`;
    sataPort++;
    out.push('-device', options(disk.type === 'cdrom' ? 'ide-cd' : 'ide-hd', { ...shared, bus }));
  }
  return out;
};

function blockdev(layer: {
  readonly id: string;
  readonly path: string;
  readonly format: 'raw' | 'qcow2';
  readonly readonly: boolean;
  readonly cache: { readonly 'no-flush': boolean; readonly direct: boolean };
  readonly backing?: { readonly path: string; readonly format: 'raw' | 'qcow2' } | undefined;
}): string {
  const { id, path, format, cache, backing } = layer;
  const file = (filename: string, readonly: boolean): object => ({
    driver: 'file',
    filename,
    'read-only': readonly,
    'auto-read-only': false,
    cache,
    ...(readonly ? {} : { discard: 'unmap' }),
  });
  const base = (lower: { path: string; format: 'raw' | 'qcow2' }): object => ({
    driver: lower.format,
    'read-only': true,
    'auto-read-only': false,
    file: file(lower.path, true),
    // Whatever the base's header says, nothing lies under it.
    ...(lower.format === 'qcow2' ? { backing: null } : {}),
  });
  return JSON.stringify({
    'node-name': id,
    driver: format,
    'read-only': layer.readonly,
    'auto-read-only': false,
    cache,
    ...(layer.readonly ? {} : { discard: 'unmap' }),
    file: file(path, layer.readonly),
    ...(format === 'qcow2' ? { backing: backing ? base(backing) : null } : {}),
  });
}

/**
 * Each card is on a hub of its own. Where the cable leads is plugged in once QEMU runs
 * ({@link plugCommands}): the network starts while the firmware does, and QEMU itself never opens
 * a network socket.
 */
export const networks: Step = ({ networks: planned }) =>
  planned.flatMap(({ model, mac }, index) => {
    const id = `net${index}`;
    return [
      '-netdev',
      options('hubport', { id, hubid: index }),
      '-device',
      options(NETWORK_DEVICES[model], { id: `card${index}`, netdev: id, mac, romfile: '' }),
    ];
  });

/**
 * QMP's arguments of `netdev_add`, in order: a cable from the hub of card `index` to the unix
 * socket of passt or of a group's switch.
 */
export function plugCommands(index: number, socket: string): Record<string, unknown>[] {
  const link = `link${index}`;
  return [
    { type: 'stream', id: link, server: false, addr: { type: 'unix', path: socket } },
    { type: 'hubport', id: `plug${index}`, hubid: index, netdev: link },
  ];
}

export const display: Step = ({ description: { display: wanted } }) => {
  const adapters = {
    virtio: options('virtio-vga', {
      max_outputs: wanted.heads,
      xres: wanted.width,
      yres: wanted.height,
    }),
    // Video memory: room for the resolution at 4 bytes a pixel, in powers of two.
    qxl: options('qxl-vga', { vgamem_mb: 64, ram_size_mb: 128, max_outputs: wanted.heads }),
    std: options('VGA', { vgamem_mb: 64, edid: true, xres: wanted.width, yres: wanted.height }),
  };
  return ['-display', 'none', '-vga', 'none', '-device', adapters[wanted.adapter]];
};

/** SPICE on a unix socket only: spice-server has no Origin check on its TCP ports (facts/spice.md). */
export const spice: Step = ({ sockets, passwordFile }) => [
  '-object',
  options('secret', { id: 'spice', file: passwordFile }),
  '-spice',
  options('unix=on', {
    addr: sockets.spice,
    'password-secret': 'spice',
    'disable-ticketing': undefined,
    'agent-mouse': false,
    // The picture never leaves the computer.
    'image-compression': 'lz',
    'streaming-video': 'off',
  }),
  '-device',
  'virtio-serial-pci',
  '-chardev',
  'spicevmc,id=agent,name=vdagent',
  '-device',
  'virtserialport,chardev=agent,name=com.redhat.spice.0',
];

/** The keyboard is the PS/2 one that every guest knows; only the pointer needs a choice. */
export const input: Step = ({ description: { usb, os } }) => {
  const tablet = usb.tablet === 'auto' ? (os === 'linux' ? 'virtio' : 'usb') : usb.tablet;
  const out: string[] = [];
  if (tablet === 'usb' || usb.redirection > 0) out.push('-device', 'qemu-xhci,id=usb');
  if (tablet === 'usb') out.push('-device', 'usb-tablet,bus=usb.0');
  if (tablet === 'virtio') out.push('-device', 'virtio-tablet-pci');
  for (let slot = 0; slot < usb.redirection; slot++) {
    out.push('-chardev', `spicevmc,id=redir${slot},name=usbredir`);
    out.push('-device', `usb-redir,chardev=redir${slot},bus=usb.0`);
  }
  return out;
};

export const audio: Step = ({ description }) =>
  description.audio
    ? [
        '-audiodev',
        'spice,id=sound',
        '-device',
        'ich9-intel-hda',
        '-device',
        'hda-duplex,audiodev=sound',
      ]
    : [];

export const tpm: Step = ({ tpmSocket }) =>
  tpmSocket === undefined
    ? []
    : [
        '-chardev',
        options('socket', { id: 'tpm', path: tpmSocket }),
        '-tpmdev',
        'emulator,id=tpm,chardev=tpm',
        '-device',
        'tpm-crb,tpmdev=tpm',
      ];

/**
 * The person's folder as virtio-9p (docs/adr/0020-person-data.md). `mapped-xattr`: owners and
 * modes that the guest sets are kept beside the file, so nothing on the host becomes another
 * user's, a device or a way out through a link.
 */
export const home: Step = ({ homeFolder }) =>
  homeFolder === undefined
    ? []
    : [
        '-fsdev',
        options('local', { id: 'home', path: homeFolder, security_model: 'mapped-xattr' }),
        '-device',
        'virtio-9p-pci,fsdev=home,mount_tag=home',
      ];

const entropy: Step = () => [
  '-object',
  'rng-random,id=entropy,filename=/dev/urandom',
  '-device',
  'virtio-rng-pci,rng=entropy',
];

/** In this order on the command line: a device comes after what it refers to. */
const STEPS: readonly Step[] = [
  confinement,
  identity,
  machineType,
  processor,
  memory,
  clock,
  firmware,
  boot,
  control,
  display,
  spice,
  input,
  audio,
  disks,
  networks,
  tpm,
  home,
  entropy,
  crashReport,
];

/** @throws KioskError `MACHINE_DESCRIPTION_INVALID` where the devices do not fit the machine */
export function qemuArguments(plan: MachinePlan): string[] {
  return STEPS.flatMap((step) => step(plan));
}
