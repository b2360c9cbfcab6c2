/**
 * What the campus says of the kiosks' own system, as parts of the signed manifest: the version
 * that computers with a system on their disk should have, and how whole rooms are installed
 * unattended. For campus administrators: docs/install.md.
 */
import { z } from 'zod';
import { Id } from '../../preload/contract/model.ts';

const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const GIB = 1024 ** 3;

/** What a slot of the disk holds; squashfs/README.md describes each. */
export const SYSTEM_FILES = [
  'vmlinuz',
  'initrd.img',
  'root.sqfs',
  'root.cfg',
  'root.cfg.sig',
  'vestibule.efi',
] as const;

const SystemFile = z.object({
  name: z.enum(SYSTEM_FILES),
  size: z
    .int()
    .positive()
    .max(16 * GIB),
  sha256: Sha256,
});

/** A version of the system, at `base + name` of each file. */
export const SystemRelease = z
  .object({
    /** As in its `root.cfg`. */
    version: z.string().regex(/^[\w.+~-]{1,64}$/),
    /** Where the files are: relative to the manifest, or absolute http(s); ends with a slash. */
    base: z
      .string()
      .max(2048)
      .regex(/\/$/)
      .refine((url) => /^https?:\/\//.test(url) || !/^[a-z][a-z0-9+.-]*:|^\/\/|\\/i.test(url), {
        message: 'a relative reference, or an absolute http(s) URL',
      }),
    files: z.array(SystemFile).min(5).max(SYSTEM_FILES.length),
    /** Rooms that take it; absent: all. A version is tried in one room before the others. */
    rooms: z.array(Id).max(2000).optional(),
  })
  .refine(
    ({ files }) =>
      new Set(files.map(({ name }) => name)).size === files.length &&
      SYSTEM_FILES.every(
        (name) => name === 'vestibule.efi' || files.some((file) => file.name === name),
      ),
    { message: 'each file of a system once', path: ['files'] },
  );
export type SystemRelease = z.infer<typeof SystemRelease>;

/**
 * How computers are installed without anybody at the screen. All conditions on the disk must
 * hold, and exactly one disk must be left: an ambiguous choice is refused.
 */
export const InstallProfile = z.object({
  /** Named by the kernel command line or by an order of the campus. */
  id: Id,
  /** Rooms in which it may be carried out; absent: all. */
  rooms: z.array(Id).max(2000).optional(),
  disk: z
    .object({
      minimumBytes: z.int().nonnegative().default(0),
      maximumBytes: z.int().positive().optional(),
      /** As lsblk(8) says: `nvme`, `sata`, `virtio`, …; absent: any. */
      transports: z.array(z.string().max(32)).min(1).max(10).optional(),
      /** A part of the model's name. */
      model: z.string().min(1).max(128).optional(),
      serials: z.array(z.string().min(1).max(256)).min(1).max(2000).optional(),
      /** Chooses among several that fit; equals stay ambiguous. */
      prefer: z.enum(['smallest', 'largest']).optional(),
    })
    .prefault({}),
  /** The whole disk, or its largest free space. */
  target: z.enum(['whole', 'free']).default('whole'),
  /**
   * With `whole`: whether partitions that are there may be erased. Without, a disk must be empty,
   * or hold nothing but an interrupted installation of ours.
   */
  erase: z.boolean().default(false),
  /** Whether a disk that Vestibule is installed on is installed anew; by an order only. */
  replace: z.boolean().default(false),
  swapMiB: z.int().min(0).max(65_536).default(0),
  /** `if-possible`: where there is a TPM. */
  encrypt: z.enum(['never', 'if-possible', 'always']).default('never'),
  /** Once it is done and nobody is signed in. */
  afterwards: z.enum(['restart', 'shutdown', 'stay']).default('restart'),
});
export type InstallProfile = z.infer<typeof InstallProfile>;
