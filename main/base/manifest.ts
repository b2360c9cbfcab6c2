/**
 * The campus's signed description, format 1. Everything in it is untrusted until
 * `main/campus` has verified the signature over the file's exact bytes; after that it is still
 * validated by this schema. Documented for campus administrators in docs/campus-protocol.md.
 */
import { z } from 'zod';
import { Id, Text } from '../../preload/contract/model.ts';
import { InstallProfile, SystemRelease } from './system.ts';

/** Lower-case hexadecimal SHA-256. */
export const Sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/**
 * A path inside a bundle: relative, forward slashes, no empty, `.` or `..` segment, nothing that
 * a file system or URL could read as something else.
 */
export const BundlePath = z
  .string()
  .min(1)
  .max(512)
  .regex(/^[^\\\0?#%:]+$/)
  .refine((path) => path.split('/').every((part) => part !== '' && part !== '.' && part !== '..'), {
    message: 'a relative path without empty, "." or ".." segments',
  });

/** Relative to the manifest's own URL, or absolute http(s). */
export const CampusUrl = z
  .string()
  .max(2048)
  .refine((url) => /^https?:\/\//.test(url) || !/^[a-z][a-z0-9+.-]*:|^\/\/|\\/i.test(url), {
    message: 'a relative reference, or an absolute http(s) URL',
  });

/** Absolute http(s). */
const WebUrl = z.url({ protocol: /^https?$/ }).max(2048);

export const BundleFile = z.object({
  path: BundlePath,
  size: z
    .int()
    .min(0)
    .max(256 * 1024 * 1024),
  sha256: Sha256,
  /** Content-Type; by the extension when absent. */
  type: z.string().max(128).optional(),
});
export type BundleFile = z.infer<typeof BundleFile>;

export const UiBundle = z.object({
  version: z.string().min(1).max(128),
  /** Where the files live, each at `base + path`. */
  base: CampusUrl,
  entry: BundlePath.default('index.html'),
  files: z.array(BundleFile).min(1).max(20_000),
});
export type UiBundle = z.infer<typeof UiBundle>;

/** Pages of an existing server as the UI: network-first, each kept with its resources. */
export const UiPages = z.object({
  start: WebUrl,
  /** Origins whose pages may be kept and shown. */
  origins: z.array(WebUrl).min(1).max(20),
  /** Origins that get `window.kiosk`; a subset of `origins`. Absent: none. */
  privileged: z.array(WebUrl).max(5).default([]),
});

export type UiPages = z.infer<typeof UiPages>;

export const ImageRef = z.object({
  id: Id,
  version: z.string().min(1).max(128),
  title: Text.optional(),
  /** The image manifest (chunk hashes); trusted through this hash in the signed manifest. */
  manifest: z.object({
    url: CampusUrl,
    size: z
      .int()
      .positive()
      .max(256 * 1024 * 1024),
    sha256: Sha256,
  }),
  /** Where the image's bytes are, for HTTP ranges. */
  urls: z.array(CampusUrl).min(1).max(16),
  /** What changed since older versions, see docs/images.md: for kiosks that have one of them. */
  deltas: z
    .array(
      z.object({
        /** The older version's root. */
        from: Sha256,
        index: z.object({
          url: CampusUrl,
          size: z
            .int()
            .positive()
            .max(64 * 1024 * 1024),
          sha256: Sha256,
        }),
        urls: z.array(CampusUrl).min(1).max(16),
      }),
    )
    .max(16)
    .optional(),
  /** Multicast offers, in order of preference; see main/images. */
  multicast: z.array(z.json()).max(8).optional(),
});
export type ImageRef = z.infer<typeof ImageRef>;

const EntryBase = {
  id: Id,
  title: Text,
  subtitle: Text.optional(),
  icon: z
    .object({ letters: z.string().min(1).max(2), colour: z.string().regex(/^#[0-9a-f]{6}$/) })
    .optional(),
  /** Who sees it; absent: everybody. `guest` matches guests. */
  groups: z.array(z.string().max(256)).max(1000).optional(),
  /** Rooms where it is offered; absent: all. */
  rooms: z.array(Id).max(1000).optional(),
};

/** One machine of a vm entry: an image and its description (schema in main/sessions/vm). */
const MachineRef = z.object({
  name: Id,
  image: Id.optional(),
  /** The machine description; validated by `main/sessions/vm`. */
  description: z.json(),
});

export const VmEntry = z.object({
  ...EntryBase,
  kind: z.literal('vm'),
  machines: z.array(MachineRef).min(1).max(16),
  /** `reset`: a fresh overlay each time; `person`: kept per person on this kiosk. */
  keep: z.enum(['reset', 'person']).default('reset'),
});
export const WebEntry = z.object({
  ...EntryBase,
  kind: z.literal('web'),
  url: WebUrl,
  /** Hosts that the session may reach: `example.org`, `*.example.org`. Default: the URL's own. */
  hosts: z.array(z.string().max(255)).max(200).optional(),
  downloads: z.boolean().default(false),
  uploads: z.boolean().default(false),
  print: z.boolean().default(false),
  /** Pages kept for offline use. */
  saved: z.array(WebUrl).max(200).default([]),
});
export const SpiceEntry = z.object({
  ...EntryBase,
  kind: z.literal('spice'),
  engine: z.enum(['auto', 'native', 'embedded']).default('auto'),
  target: z.json(),
});
export const RdpEntry = z.object({
  ...EntryBase,
  kind: z.literal('rdp'),
  engine: z.enum(['auto', 'native', 'embedded']).default('auto'),
  target: z.json(),
});
export const ManifestEntry = z.discriminatedUnion('kind', [
  VmEntry,
  WebEntry,
  SpiceEntry,
  RdpEntry,
]);
export type ManifestEntry = z.infer<typeof ManifestEntry>;
export type VmEntry = z.infer<typeof VmEntry>;
export type WebEntry = z.infer<typeof WebEntry>;
export type SpiceEntry = z.infer<typeof SpiceEntry>;
export type RdpEntry = z.infer<typeof RdpEntry>;

export const Room = z.object({
  id: Id,
  name: Text,
  match: z.object({
    subnets: z.array(z.string().max(64)).max(100).optional(),
    hostnames: z.array(z.string().max(255)).max(2000).optional(),
    macs: z.array(z.string().max(17)).max(2000).optional(),
  }),
  /** Seat by hostname or MAC address. */
  seats: z.record(z.string(), z.string().max(32)).optional(),
});
export type Room = z.infer<typeof Room>;

const ManifestShape = z.object({
  format: z.literal(1),
  campus: z.object({ id: Id, name: Text }),
  /** Grows with each publication; an older one is refused (replay). */
  version: z.int().positive(),
  issuedAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
  /** Other servers of the same campus; a lower priority is tried first, weights share the load. */
  servers: z
    .array(
      z.object({
        url: WebUrl,
        priority: z.int().min(0).max(65_535).default(0),
        weight: z.int().min(0).max(65_535).default(1),
      }),
    )
    .max(32)
    .default([]),
  /** Optional services; one that is absent is simply not used. */
  endpoints: z
    .object({
      login: CampusUrl.optional(),
      catalogue: CampusUrl.optional(),
      jobs: CampusUrl.optional(),
      reports: CampusUrl.optional(),
      events: CampusUrl.optional(),
      live: CampusUrl.optional(),
    })
    .default({}),
  ui: UiBundle.optional(),
  pages: UiPages.optional(),
  images: z.array(ImageRef).max(1000).default([]),
  /** The system that kiosks with one on their disk should have; absent: each keeps its own. */
  system: SystemRelease.optional(),
  /** How computers are installed unattended. */
  installs: z.array(InstallProfile).max(100).default([]),
  catalogue: z.array(ManifestEntry).max(2000).default([]),
  rooms: z.array(Room).max(2000).default([]),
  policy: z
    .object({
      guests: z.boolean().default(true),
      /** Days that a person may sign in without the campus after the last online sign-in; 0: never. */
      offlineSignInDays: z.int().min(0).max(365).default(30),
      /** Groups whose members are administrators of kiosks. */
      adminGroups: z.array(z.string().max(256)).max(100).default([]),
      /** Overrides of the kiosk's settings (main/settings); unknown keys are refused there. */
      settings: z.record(z.string(), z.json()).default({}),
    })
    .prefault({}),
});

/** Where nobody on the way can put pages of their own in: TLS, or this computer itself. */
function isProtected(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol === 'https:' || /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname);
}

/** The schema, and what it cannot say field by field: ids and paths are unique, dates in order. */
export const Manifest = ManifestShape.superRefine((manifest, context) => {
  const unique = (keys: readonly string[], path: readonly (string | number)[], field: string) => {
    const seen = new Set<string>();
    for (const [index, key] of keys.entries()) {
      if (seen.has(key)) {
        context.addIssue({
          code: 'custom',
          path: [...path, index, field],
          message: `"${key}" appears twice`,
        });
      }
      seen.add(key);
    }
  };
  const ids = (items: readonly { readonly id: string }[]) => items.map((item) => item.id);
  unique(ids(manifest.catalogue), ['catalogue'], 'id');
  unique(ids(manifest.images), ['images'], 'id');
  unique(ids(manifest.rooms), ['rooms'], 'id');
  unique(ids(manifest.installs), ['installs'], 'id');
  for (const [index, entry] of manifest.catalogue.entries()) {
    if (entry.kind !== 'vm') continue;
    const names = entry.machines.map((machine) => machine.name);
    unique(names, ['catalogue', index, 'machines'], 'name');
  }
  if (manifest.ui) {
    const paths = manifest.ui.files.map((file) => file.path);
    unique(paths, ['ui', 'files'], 'path');
    if (!paths.includes(manifest.ui.entry)) {
      context.addIssue({
        code: 'custom',
        path: ['ui', 'entry'],
        message: 'is not among the files',
      });
    }
  }
  const { pages } = manifest;
  if (pages) {
    const origins = new Set(pages.origins.map((url) => new URL(url).origin));
    if (!origins.has(new URL(pages.start).origin)) {
      context.addIssue({ code: 'custom', path: ['pages', 'start'], message: 'is not of origins' });
    }
    for (const [index, url] of pages.privileged.entries()) {
      const path = ['pages', 'privileged', index];
      if (!origins.has(new URL(url).origin)) {
        context.addIssue({ code: 'custom', path, message: 'is not among origins' });
      } else if (!isProtected(url)) {
        context.addIssue({ code: 'custom', path, message: 'needs https: its pages may call main' });
      }
    }
  }
  if (Date.parse(manifest.expiresAt) <= Date.parse(manifest.issuedAt)) {
    context.addIssue({ code: 'custom', path: ['expiresAt'], message: 'is not after issuedAt' });
  }
});
export type Manifest = z.infer<typeof Manifest>;
