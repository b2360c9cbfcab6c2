/**
 * The installation onto a disk, as the page, main and the root helper speak of it. A plan is data:
 * what is on the disk, what will be, which steps lead there, and the exact commands of each.
 */
import { z } from 'zod';

/** A whole disk as Linux names it. Partitions, device-mapper names and links never fit. */
export const DiskPath = z
  .string()
  .regex(
    /^\/dev\/(?:sd[a-z]{1,3}|vd[a-z]{1,3}|xvd[a-z]{1,2}|nvme\d{1,3}n\d{1,3}|mmcblk\d{1,2}|loop\d{1,3})$/,
  );

const Bytes = z.int().nonnegative();

/** A system that was found on a partition by its files or its table entry. */
export const FoundSystem = z.object({
  kind: z.enum(['windows', 'linux', 'macos', 'vestibule']),
  /** As it calls itself where that could be read: `Debian GNU/Linux 13 (trixie)`. */
  name: z.string().max(200),
});
export type FoundSystem = z.infer<typeof FoundSystem>;

export const DiskPartition = z.object({
  number: z.int().min(1).max(256),
  path: z.string().max(64),
  /** From the beginning of the disk. */
  start: Bytes,
  size: Bytes,
  /** GPT type GUID in capitals; `0x07` and the like on an MBR disk. */
  type: z.string().max(64),
  /** The partition's own name in the GPT. */
  name: z.string().max(200),
  uuid: z.string().max(64),
  fileSystem: z
    .object({ type: z.string().max(64), label: z.string().max(256), uuid: z.string().max(64) })
    .nullable(),
  /** Where it is mounted. */
  mounts: z.array(z.string().max(1024)).max(100),
  /** What else holds it: `swap`, `dm`, `md`, `btrfs`, `loop`, `bcache`. */
  holders: z.array(z.string().max(64)).max(100),
  systems: z.array(FoundSystem).max(10),
});
export type DiskPartition = z.infer<typeof DiskPartition>;

/** How far an installation of ours on the disk has come. */
export const DiskInstallation = z.object({
  /** `interrupted`: begun and not finished; nothing boots from it. */
  state: z.enum(['installed', 'interrupted']),
  /** The step that was under way. */
  step: z.string().max(64).nullable(),
});
export type DiskInstallation = z.infer<typeof DiskInstallation>;

export const Disk = z.object({
  path: DiskPath,
  model: z.string().max(256),
  serial: z.string().max(256),
  size: Bytes,
  sectorSize: z.int().positive(),
  /** `sata`, `nvme`, `usb`, `virtio`, … as lsblk(8) says; empty where unknown. */
  transport: z.string().max(32),
  removable: z.boolean(),
  readOnly: z.boolean(),
  rotational: z.boolean(),
  table: z.enum(['gpt', 'dos', 'none', 'other']),
  /** Of the table and every partition's place: a disk that changed since is not the same. */
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  partitions: z.array(DiskPartition).max(256),
  /** Room that no partition has, of 1 MiB and more, aligned to MiB. */
  free: z.array(z.object({ start: Bytes, size: Bytes })).max(256),
  /** The system in use was read from this disk. */
  bootMedium: z.boolean(),
  /** What holds the disk itself, outside its partitions. */
  mounts: z.array(z.string().max(1024)).max(100),
  holders: z.array(z.string().max(64)).max(100),
  installation: DiskInstallation.nullable(),
});
export type Disk = z.infer<typeof Disk>;

/** What the firmware offers for a boot entry. */
export const BootFacts = z.object({
  firmware: z.enum(['bios', 'uefi']),
  secureBoot: z.boolean(),
  /** Boot entries can be written (efivarfs is there and writable). */
  nvram: z.boolean(),
  tpm: z.boolean(),
});
export type BootFacts = z.infer<typeof BootFacts>;

/** The system that would be installed: the one in use. */
export const SystemSource = z.object({
  version: z.string().min(1).max(128),
  /** Of everything that a slot holds. */
  bytes: Bytes,
});
export type SystemSource = z.infer<typeof SystemSource>;

export const InstallTarget = z.discriminatedUnion('mode', [
  /** Everything on the disk goes. */
  z.strictObject({ mode: z.literal('whole') }),
  /** Into room that no partition has, found by where it begins. */
  z.strictObject({ mode: z.literal('free'), start: Bytes }),
  /** In place of one partition; all others stay, Windows among them. */
  z.strictObject({ mode: z.literal('partition'), number: z.int().min(1).max(256) }),
]);
export type InstallTarget = z.infer<typeof InstallTarget>;

export const InstallRequest = z.strictObject({
  disk: DiskPath,
  target: InstallTarget,
  /** MiB of swap on the disk; 0: none. */
  swapMiB: z.int().min(0).max(65_536).default(0),
  /** LUKS2 for what people and machines leave, unlocked by the TPM. Systems stay readable: verity guards them. */
  encrypt: z.boolean().default(false),
});
export type InstallRequest = z.infer<typeof InstallRequest>;

/** Why not, or what to know before. Words come from the UI, by `code`. */
export const FINDINGS = [
  'disk-mounted',
  'disk-held',
  'disk-boot-medium',
  'disk-read-only',
  'disk-too-small',
  'disk-sector-size',
  'table-unreadable',
  'table-not-gpt',
  'table-full',
  'free-unknown',
  'partition-unknown',
  'partition-windows',
  'partition-boot',
  'tpm-missing',
  'source-missing',
  'erases-systems',
  'erases-data',
  'disk-removable',
  'disk-rotational',
  'disk-without-serial',
  'replaces-installation',
  'nvram-missing',
] as const;
export const Finding = z.object({
  code: z.enum(FINDINGS),
  /** `refuse`: the plan cannot be carried out. `warn`: it can, the person should know. */
  severity: z.enum(['refuse', 'warn']),
  details: z.record(z.string(), z.union([z.string().max(1024), z.number()])),
});
export type Finding = z.infer<typeof Finding>;

/** One piece of the picture before or after; pieces are in the order of the disk and fill it. */
export const PlanPart = z.object({
  start: Bytes,
  size: Bytes,
  kind: z.enum(['free', 'kept', 'erased', 'bios-boot', 'efi', 'swap', 'system', 'data']),
  /** Of a partition that is there before. */
  number: z.int().nullable(),
  label: z.string().max(256),
  fileSystem: z.string().max(64),
  systems: z.array(FoundSystem).max(10),
});
export type PlanPart = z.infer<typeof PlanPart>;

/** In this order; an interrupted installation goes on at the one that its breadcrumb names. */
export const INSTALL_STEPS = [
  'partitioning',
  'formatting',
  'writing',
  'verifying',
  'bootloader',
  'activating',
] as const;
export const InstallStep = z.enum(INSTALL_STEPS);
export type InstallStep = z.infer<typeof InstallStep>;

export const InstallPlan = z.object({
  /** Of the request, the disk's fingerprint and everything below: what is confirmed. */
  id: z.string().regex(/^[0-9a-f]{64}$/),
  request: InstallRequest,
  disk: z.object({
    path: DiskPath,
    model: z.string().max(256),
    serial: z.string().max(256),
    size: Bytes,
    fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  }),
  source: SystemSource,
  findings: z.array(Finding).max(100),
  before: z.array(PlanPart).max(600),
  after: z.array(PlanPart).max(600),
  /** What a dry run prints: each command as it will be run, inputs as `<<<`. */
  steps: z.array(z.object({ step: InstallStep, commands: z.array(z.string().max(8192)).max(64) })),
  /** What the person types to confirm: the disk's short name, `sda`. */
  confirmWord: z.string().min(1).max(64),
});
export type InstallPlan = z.infer<typeof InstallPlan>;

export const SlotName = z.enum(['A', 'B']);
export type SlotName = z.infer<typeof SlotName>;

export const Slot = z.object({
  name: SlotName,
  version: z.string().max(128),
  bytes: Bytes,
  /** Root hash of its dm-verity tree. */
  rootHash: z.string().max(128),
  writtenAt: z.int().nonnegative().nullable(),
  /** Its last full reading back found every byte right. */
  verified: z.boolean(),
});
export type Slot = z.infer<typeof Slot>;

/** The system on this computer's own disk. */
export const InstalledSystem = z.object({
  disk: DiskPath,
  /** The system in use came from this slot; null: from the network. */
  running: SlotName.nullable(),
  slots: z.array(Slot).max(2),
  /** Has reached the screen: what is started when a trial fails. */
  good: SlotName,
  /** Is tried at the next start, so many times at most. */
  trial: z.object({ slot: SlotName, tries: z.int().min(0).max(9) }).nullable(),
  /** A trial that did not reach the screen and was given up. */
  failed: SlotName.nullable(),
  /** Why its boot loader needs repair; null: it does not. */
  bootProblem: z.string().max(500).nullable(),
});
export type InstalledSystem = z.infer<typeof InstalledSystem>;

export const InstallOverview = z.object({
  disks: z.array(Disk).max(64),
  boot: BootFacts,
  /** Null: what runs here cannot be written to a disk (a development computer). */
  source: SystemSource.nullable(),
});
export type InstallOverview = z.infer<typeof InstallOverview>;
