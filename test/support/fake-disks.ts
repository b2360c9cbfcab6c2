/** Disks, plans and installed systems of the fake kiosk: a computer of a laboratory with Windows. */
import type {
  Disk,
  DiskPartition,
  Finding,
  InstalledSystem,
  InstallOverview,
  InstallPlan,
  PlanPart,
} from '../../preload/contract/install.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const GB = 1_000_000_000;
const FINGERPRINT = 'f'.repeat(64);

function partition(
  number: number,
  startGib: number,
  sizeGib: number,
  more: Partial<DiskPartition>,
): DiskPartition {
  return {
    number,
    path: `/dev/nvme0n1p${number}`,
    start: startGib * GIB + MIB,
    size: Math.round(sizeGib * GIB),
    type: 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7',
    name: '',
    uuid: '',
    fileSystem: null,
    mounts: [],
    holders: [],
    systems: [],
    ...more,
  };
}

const ntfs = (label: string) => ({ type: 'ntfs', label, uuid: '' });

const withWindows: Disk = {
  path: '/dev/nvme0n1',
  model: 'Samsung SSD 980 PRO 512GB',
  serial: 'S5GXNX0T123456',
  size: 512 * GB,
  sectorSize: 512,
  transport: 'nvme',
  removable: false,
  readOnly: false,
  rotational: false,
  table: 'gpt',
  fingerprint: FINGERPRINT,
  partitions: [
    partition(1, 0, 0.25, {
      name: 'EFI system partition',
      fileSystem: { type: 'vfat', label: 'SYSTEM', uuid: '' },
    }),
    partition(2, 0.3, 200, {
      systems: [{ kind: 'windows', name: 'Windows 11' }],
      fileSystem: ntfs('Windows'),
    }),
    partition(3, 201, 120, { fileSystem: ntfs('Course data') }),
  ],
  free: [{ start: 322 * GIB, size: 154 * GIB }],
  bootMedium: false,
  mounts: [],
  holders: [],
  installation: null,
};

const inUse: Disk = {
  ...withWindows,
  path: '/dev/sda',
  model: 'WDC WD10EZEX',
  serial: 'WD-WCC6Y7XK',
  size: 1000 * GB,
  rotational: true,
  table: 'dos',
  partitions: [
    {
      ...partition(1, 0, 930, { mounts: ['/srv/images'] }),
      path: '/dev/sda1',
      fileSystem: { type: 'ext4', label: 'images', uuid: '' },
    },
  ],
  free: [],
};

const medium: Disk = {
  ...withWindows,
  path: '/dev/sdb',
  model: 'SanDisk Ultra',
  serial: '4C530001',
  size: 32 * GB,
  removable: true,
  bootMedium: true,
  partitions: [
    {
      ...partition(1, 0, 28, {}),
      path: '/dev/sdb1',
      fileSystem: { type: 'vfat', label: 'VESTIBULE', uuid: '' },
    },
  ],
  free: [],
};

export const fakeOverview: InstallOverview = {
  disks: [withWindows, inUse, medium],
  boot: { firmware: 'uefi', secureBoot: true, nvram: true, tpm: true },
  source: { version: '2026.11.2', bytes: 496 * MIB },
};

const part = (
  start: number,
  size: number,
  kind: PlanPart['kind'],
  more: Partial<PlanPart> = {},
): PlanPart => ({
  start,
  size,
  kind,
  number: null,
  label: '',
  fileSystem: '',
  systems: [],
  ...more,
});

const efi = part(MIB, 0.25 * GIB, 'kept', { number: 1, label: 'SYSTEM', fileSystem: 'vfat' });
const windows = part(0.3 * GIB, 200 * GIB, 'kept', {
  number: 2,
  label: 'Windows',
  fileSystem: 'ntfs',
  systems: [{ kind: 'windows', name: 'Windows 11' }],
});
const course = part(201 * GIB, 120 * GIB, 'erased', {
  number: 3,
  label: 'Course data',
  fileSystem: 'ntfs',
});
const rest = part(322 * GIB, 154 * GIB, 'free');

export const fakePlan: InstallPlan = {
  id: 'a'.repeat(64),
  request: {
    disk: '/dev/nvme0n1',
    target: { mode: 'partition', number: 3 },
    swapMiB: 8192,
    encrypt: true,
  },
  disk: {
    path: '/dev/nvme0n1',
    model: withWindows.model,
    serial: withWindows.serial,
    size: withWindows.size,
    fingerprint: FINGERPRINT,
  },
  source: { version: '2026.11.2', bytes: 496 * MIB },
  findings: [
    {
      code: 'erases-data',
      severity: 'warn',
      details: { path: '/dev/nvme0n1p3', label: 'Course data', type: 'ntfs', bytes: 120 * GIB },
    },
  ],
  before: [efi, windows, course, rest],
  after: [
    efi,
    windows,
    part(201 * GIB, 0.25 * GIB, 'efi'),
    part(201.3 * GIB, 8 * GIB, 'swap'),
    part(209 * GIB, 40 * GIB, 'system'),
    part(249 * GIB, 72 * GIB, 'data'),
    rest,
  ],
  steps: [
    {
      step: 'partitioning',
      commands: [
        'sfdisk --no-reread --delete /dev/nvme0n1 3',
        'sfdisk --no-reread --append /dev/nvme0n1 <<< start=421527552, size=524288, type=uefi, name=KIOSKESP',
      ],
    },
    {
      step: 'formatting',
      commands: ['mkfs.vfat -n KIOSKESP /dev/nvme0n1p4', 'mkfs.btrfs -L KIOSK /dev/nvme0n1p6'],
    },
    {
      step: 'bootloader',
      commands: ['grub-install --target=x86_64-efi --efi-directory=/run/vestibule/install/esp'],
    },
  ],
  confirmWord: 'nvme0n1',
};

const tooSmall: Finding[] = [
  { code: 'disk-too-small', severity: 'refuse', details: { bytes: 2 * GIB, required: 9 * GIB } },
  { code: 'partition-windows', severity: 'refuse', details: { name: 'Windows 11' } },
];
export const refusedPlan: InstallPlan = { ...fakePlan, findings: tooSmall, after: [], steps: [] };

/** A second version on trial beside the good one. */
export function fakeSystem(now: number): InstalledSystem {
  return {
    disk: '/dev/nvme0n1',
    running: 'A',
    slots: [
      {
        name: 'A',
        version: '2026.11.2',
        bytes: 496 * MIB,
        rootHash: 'b'.repeat(64),
        writtenAt: now - 9 * 86_400_000,
        verified: true,
      },
      {
        name: 'B',
        version: '2026.12.0',
        bytes: 501 * MIB,
        rootHash: 'c'.repeat(64),
        writtenAt: now - 3_600_000,
        verified: true,
      },
    ],
    good: 'A',
    trial: { slot: 'B', tries: 2 },
    failed: null,
    bootProblem: null,
  };
}
