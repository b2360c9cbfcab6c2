/**
 * What the page sees of the kiosk: schemas of every value in the contract. This folder imports
 * nothing of the application (zod only), so campus UI authors can depend on it alone.
 */
import { z } from 'zod';
import { ERROR_CODES } from './errors.ts';

export const Id = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);
/** Milliseconds since the epoch. */
export const Timestamp = z.int().nonnegative();
export const Locale = z.enum(['en', 'fr', 'es', 'de', 'ar']);
export type Locale = z.infer<typeof Locale>;

/** A text that the campus may give in several languages. `en` or the first one is the fallback. */
export const Text = z.union([
  z.string().min(1).max(500),
  z.record(z.string().regex(/^[a-z]{2}$/), z.string().max(500)),
]);
export type Text = z.infer<typeof Text>;

export const WireErrorSchema = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  details: z.record(z.string(), z.json()).optional(),
});

export const Role = z.enum(['anyone', 'person', 'admin']);
export type Role = z.infer<typeof Role>;

export const Person = z.object({
  id: z.string().min(1).max(256),
  name: z.string().min(1).max(256),
  kind: z.enum(['guest', 'member', 'admin']),
  groups: z.array(z.string().max(256)).max(1000),
  /** Signed in from what this kiosk remembers, because the campus could not be asked. */
  offline: z.boolean(),
});
export type Person = z.infer<typeof Person>;

export const LinkState = z.enum(['offline', 'connecting', 'online', 'backoff']);
export type LinkState = z.infer<typeof LinkState>;

export const Preferences = z.object({
  locale: Locale,
  highContrast: z.boolean(),
  /** 1 is normal; text is scaled by this factor. */
  textScale: z.number().min(1).max(2),
  reducedMotion: z.boolean(),
});
export type Preferences = z.infer<typeof Preferences>;

/** How the files of the person at the screen do: on this computer, and on the campus's storage. */
export const HomeState = z.object({
  /**
   * `waiting`: there are changes that are not on the storage yet; `failed`: there is no folder
   * during this visit.
   */
  state: z.enum(['opening', 'syncing', 'synced', 'waiting', 'failed']),
  /** When both sides were last the same; null: never on this computer. */
  syncedAt: Timestamp.nullable(),
  /** Files whose last change is on this computer only. */
  unsent: z.int().nonnegative(),
  /** Files of this visit that were changed here and elsewhere: both versions are kept. */
  conflicts: z.int().nonnegative(),
  error: WireErrorSchema.nullable(),
});
export type HomeState = z.infer<typeof HomeState>;

export const KioskState = z.object({
  kiosk: z.object({
    id: z.string(),
    name: z.string(),
    room: z.string().nullable(),
    seat: z.string().nullable(),
  }),
  campus: z.object({
    name: Text.nullable(),
    link: LinkState,
    /** When the link last changed state. */
    since: Timestamp,
    /** When the catalogue shown was last confirmed by the campus; null: never. */
    dataAsOf: Timestamp.nullable(),
    /** The last failure, when the link is not online. */
    error: WireErrorSchema.nullable(),
  }),
  ui: z.object({ source: z.enum(['live', 'cached', 'fallback']), version: z.string() }),
  person: Person.nullable(),
  /** null: this person has no folder, or nobody is signed in. */
  home: HomeState.nullable(),
  signIn: z.object({ guests: z.boolean(), members: z.boolean() }),
  preferences: Preferences,
  locales: z.array(Locale),
  /** Reports that wait for the campus. */
  outbox: z.int().nonnegative(),
  /** The key chord that always returns to the tiles, as shown to people, e.g. `Ctrl+Alt+Home`. */
  returnChord: z.string(),
  /** When the person is signed out for being away, unless there is a key or a movement; null: not soon. */
  signOutAt: Timestamp.nullable(),
  /** What this computer lacks, said before anyone signs in (VT off, little memory, …). */
  warnings: z.array(WireErrorSchema),
});
export type KioskState = z.infer<typeof KioskState>;

export const Availability = z.discriminatedUnion('state', [
  /** Can be started now. `offline`: also without the network. */
  z.object({ state: z.literal('ready'), offline: z.boolean() }),
  /** An older version can be started while a new one arrives (`startable`), or none yet. */
  z.object({
    state: z.literal('updating'),
    startable: z.boolean(),
    /** 0 to 1 */
    progress: z.number().min(0).max(1),
    /** Seconds; null while unknown. */
    secondsLeft: z.number().nonnegative().nullable(),
  }),
  z.object({ state: z.literal('needs-network') }),
  z.object({ state: z.literal('unavailable'), error: WireErrorSchema }),
]);
export type Availability = z.infer<typeof Availability>;

export const SessionKind = z.enum(['vm', 'spice', 'rdp', 'web']);
export type SessionKind = z.infer<typeof SessionKind>;

export const CatalogueEntry = z.object({
  id: Id,
  kind: SessionKind,
  title: Text,
  subtitle: Text.nullable(),
  /** One or two letters shown in the icon, and its colour. */
  icon: z.object({ letters: z.string().max(2), colour: z.string().regex(/^#[0-9a-f]{6}$/) }),
  /** Versions of the image for machines: the one that starts, and the one that arrives. */
  version: z.object({ current: z.string().nullable(), next: z.string().nullable() }).nullable(),
  /** How many machines start together. */
  machines: z.int().positive(),
  /** For web sessions with saved pages. */
  savedAt: Timestamp.nullable(),
  /**
   * What happens to a machine's disks when it ends: thrown away, or kept for this person. Absent:
   * the work lives elsewhere (remote desktops, web).
   */
  keep: z.enum(['reset', 'person']).optional(),
  availability: Availability,
});
export type CatalogueEntry = z.infer<typeof CatalogueEntry>;

export const SessionState = z.enum([
  'preparing',
  'launching',
  'running',
  'stopping',
  'killing',
  'stopped',
  'failed',
]);
export type SessionState = z.infer<typeof SessionState>;

/** One line of what people type as a name. */
const TypedName = z
  .string()
  .max(256)
  .regex(/^[^\p{Cc}\p{Cs}]*$/u);

/** What a session waits for somebody at the screen to say; `sessions.answer` says it. */
export const SessionQuestion = z.discriminatedUnion('type', [
  /** The remote computer wants to know who comes. */
  z.object({
    type: z.literal('credentials'),
    /** The remote computer, as people know it. */
    server: z.string().max(600),
    /** A proposal; null: it wants a password only. */
    user: z.string().max(256).nullable(),
    /** A proposal; null: it knows no domains. */
    domain: z.string().max(256).nullable(),
    /**
     * Why it is asked again: `details.attemptsLeft`, or `details.until` (milliseconds since the
     * epoch) before which no answer is taken.
     */
    error: WireErrorSchema.nullable(),
  }),
  /** Nobody vouches for this server: an administrator compares its certificate. */
  z.object({
    type: z.literal('certificate'),
    server: z.string().max(600),
    /** SHA-256 of the certificate, lower-case hexadecimal. */
    fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  }),
]);
export type SessionQuestion = z.infer<typeof SessionQuestion>;

/** To say no, end the session. */
export const SessionAnswer = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('credentials'),
    /** Not looked at where a password only is wanted. `DOMAIN\\user` says both. */
    user: TypedName,
    domain: TypedName,
    secret: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[^\p{Cc}]+$/u),
  }),
  z.strictObject({
    type: z.literal('certificate'),
    /** Who vouches; null: the administrator who is signed in. */
    administrator: z
      .strictObject({ name: TypedName.min(1), secret: z.string().min(1).max(1024) })
      .nullable(),
  }),
]);
export type SessionAnswer = z.infer<typeof SessionAnswer>;

export const Session = z.object({
  id: Id,
  entryId: Id,
  /** Sessions that were started by one click share a group. */
  groupId: Id,
  kind: SessionKind,
  title: Text,
  /** Which machine of the group, when there are several. */
  machine: z.string().nullable(),
  state: SessionState,
  startedAt: Timestamp,
  /**
   * How it is shown: `frame` inside the page (ask `sessions.display`), `view` laid over the page
   * by the shell, `native` in a window of its own.
   */
  surface: z.enum(['frame', 'view', 'native']),
  /** The session that has the screen; at most one. */
  shown: z.boolean(),
  /** Progress of preparing, 0 to 1, when it is known. */
  progress: z.number().min(0).max(1).nullable(),
  /** Things that were asked for and are missing (a TPM, KVM, sound): the session runs without. */
  notices: z.array(WireErrorSchema),
  /** It goes on when this is answered. */
  question: SessionQuestion.nullable(),
  error: WireErrorSchema.nullable(),
});
export type Session = z.infer<typeof Session>;

/** Where a frame finds its picture. The URL holds a one-time token. */
export const SessionDisplay = z.object({
  sessionId: Id,
  protocol: z.enum(['spice', 'rdp']),
  /** Of the frame to show: an origin of the shell's own without the bridge. */
  frameUrl: z.url(),
});
export type SessionDisplay = z.infer<typeof SessionDisplay>;

export const JobState = z.enum([
  'queued',
  'running',
  'paused',
  'succeeded',
  'failed',
  'cancelled',
  'interrupted',
]);
export type JobState = z.infer<typeof JobState>;

export const Job = z.object({
  id: Id,
  kind: z.string(),
  title: z.string(),
  state: JobState,
  /** 0 to 1; null while unknown. */
  progress: z.number().min(0).max(1).nullable(),
  /** The step in progress, a stable word that the UI translates (`receiving`, `verifying`). */
  step: z.string().nullable(),
  secondsLeft: z.number().nonnegative().nullable(),
  createdAt: Timestamp,
  finishedAt: Timestamp.nullable(),
  error: WireErrorSchema.nullable(),
});
export type Job = z.infer<typeof Job>;

export const LogLevel = z.enum(['debug', 'info', 'warn', 'error']);
export type LogLevel = z.infer<typeof LogLevel>;
export const LogLine = z.object({
  time: Timestamp,
  level: LogLevel,
  scope: z.string(),
  message: z.string(),
  code: z.enum(ERROR_CODES).nullable(),
  fields: z.record(z.string(), z.json()),
});
export type LogLine = z.infer<typeof LogLine>;

export const DeviceFacts = z.object({
  manufacturer: z.string(),
  model: z.string(),
  serial: z.string(),
  firmware: z.enum(['bios', 'uefi', 'unknown']),
  secureBoot: z.boolean().nullable(),
  cpu: z.object({ model: z.string(), cores: z.int(), threads: z.int() }),
  /** bytes */
  memory: z.object({ total: z.int(), available: z.int() }),
  graphics: z.array(z.string()),
  displays: z.array(z.object({ name: z.string(), width: z.int(), height: z.int() })),
  disks: z.array(z.object({ device: z.string(), model: z.string(), bytes: z.int() })),
  network: z.array(
    z.object({
      name: z.string(),
      mac: z.string(),
      addresses: z.array(z.string()),
      up: z.boolean(),
    }),
  ),
  virtualization: z.object({ kvm: z.boolean(), reason: z.string().nullable() }),
  tpm: z.boolean(),
  operatingSystem: z.string(),
  uptimeSeconds: z.number(),
});
export type DeviceFacts = z.infer<typeof DeviceFacts>;

export const NetworkCheck = z.object({
  /** `link`, `address`, `gateway`, `dns`, `campus`, `clock`: in the order they depend on each other. */
  checks: z.array(
    z.object({
      id: z.enum(['link', 'address', 'gateway', 'dns', 'campus', 'clock']),
      result: z.enum(['ok', 'failed', 'skipped']),
      /** What was seen, for an administrator. */
      detail: z.string(),
      milliseconds: z.number(),
    }),
  ),
});
export type NetworkCheck = z.infer<typeof NetworkCheck>;

export const StorageUse = z.object({
  parts: z.array(z.object({ id: z.string(), path: z.string(), bytes: z.int().nonnegative() })),
  free: z.int().nonnegative(),
  total: z.int().nonnegative(),
  fileSystem: z.string(),
});
export type StorageUse = z.infer<typeof StorageUse>;

export const Versions = z.object({
  vestibule: z.string(),
  shell: z.string(),
  node: z.string(),
  qemu: z.string().nullable(),
  kernel: z.string(),
  ui: z.string(),
  manifest: z.int().nullable(),
});
export type Versions = z.infer<typeof Versions>;

export const ImageVersion = z.object({
  image: z.string(),
  version: z.string(),
  bytes: z.int().nonnegative(),
  current: z.boolean(),
  pinned: z.boolean(),
  inUse: z.boolean(),
  committedAt: Timestamp,
  verifiedAt: Timestamp.nullable(),
});
export type ImageVersion = z.infer<typeof ImageVersion>;

/** A certificate that this kiosk met first at a server, and believes there from then on. */
export const KeptCertificate = z.object({
  host: z.string(),
  port: z.int(),
  /** SHA-256, lower-case hexadecimal. */
  fingerprint: z.string(),
  firstSeenAt: Timestamp,
});
export type KeptCertificate = z.infer<typeof KeptCertificate>;

export const Notice = z.object({
  level: z.enum(['info', 'warning', 'error']),
  error: WireErrorSchema,
  /** The session or job that it is about. */
  about: z.string().nullable(),
});
export type Notice = z.infer<typeof Notice>;
