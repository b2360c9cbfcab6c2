/**
 * Every setting of a kiosk, once: its form, its default, who may set it, and what it is for. The
 * file's schema, the documentation (docs/settings.md), the kernel command line's names and the
 * types all derive from this value. A key has one name everywhere.
 */
import { z } from 'zod';
import { Id, Locale, LogLevel } from '../../preload/contract/model.ts';
import { isClock, isHours } from '../base/timetable.ts';

export interface Setting<S extends z.ZodType = z.ZodType> {
  readonly schema: S;
  readonly fallback: z.output<S>;
  /** What a right value is, completing "expected …". */
  readonly expected: string;
  readonly description: string;
  /** The campus's signed manifest may set it. Never for what decides whom the kiosk trusts. */
  readonly policy: boolean;
  /** What the campus sets counts from the next start on. */
  readonly restart: boolean;
  /** Its value is never shown or logged. */
  readonly secret: boolean;
}

function setting<S extends z.ZodType>(
  schema: S,
  fallback: NoInfer<z.output<S>>,
  expected: string,
  description: string,
  flags: { policy?: boolean; restart?: boolean; secret?: boolean } = {},
): Setting<S> {
  const { policy = false, restart = false, secret = false } = flags;
  return { schema, fallback, expected, description, policy, restart, secret };
}

const HttpUrl = z.url({ protocol: /^https?$/ }).max(2048);

const Server = z.union([
  HttpUrl,
  z.strictObject({
    url: HttpUrl,
    priority: z.int().min(0).max(65_535).optional(),
    weight: z.int().min(0).max(65_535).optional(),
  }),
]);

/** 32 raw bytes, or the 44 of their SPKI, in base64. */
const PublicKey = z.string().regex(/^(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{59}=)$/);
const KeyId = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/);
const Key = z.union([
  z.string().regex(/^[A-Za-z0-9._-]{1,128}:(?:[A-Za-z0-9+/]{43}=|[A-Za-z0-9+/]{59}=)$/),
  z.strictObject({ id: KeyId, publicKey: PublicKey }),
]);

const AbsolutePath = z
  .string()
  .max(1024)
  .regex(/^\/[^\0]*$/)
  .refine((path) => !path.split('/').includes('..'));

const MAX_MIB = 16 * 1024 * 1024;

export const SETTINGS = {
  'campus.servers': setting(
    z
      .array(Server)
      .max(32)
      .transform((servers) =>
        servers.map((server) =>
          typeof server === 'string'
            ? { url: server, priority: 0, weight: 1 }
            : { url: server.url, priority: server.priority ?? 0, weight: server.weight ?? 1 },
        ),
      ),
    [],
    'a list of http(s) URLs, or of { "url", "priority", "weight" }',
    'Where the campus publishes its manifest. The lowest priority is tried first; weights share the load among equals (RFC 2782).',
  ),
  'campus.keys': setting(
    z
      .array(Key)
      .max(16)
      .transform((keys) =>
        keys.map((key) => {
          if (typeof key !== 'string') return key;
          const colon = key.indexOf(':');
          return { id: key.slice(0, colon), publicKey: key.slice(colon + 1) };
        }),
      ),
    [],
    'a list of "id:base64 of an Ed25519 public key", or of { "id", "publicKey" }',
    'The public keys whose signature makes a manifest believed. Without one no campus is believed.',
  ),
  'campus.caFile': setting(
    AbsolutePath.nullable(),
    null,
    'an absolute path, or null',
    "PEM file with the campus's own certificate authority. When set, only its certificates are believed.",
  ),
  'campus.allowPlainServices': setting(
    z.boolean(),
    false,
    'true or false',
    'Lets login, orders and personal catalogues go over http to another computer. For test rooms.',
  ),
  'campus.pollSeconds': setting(
    z.int().min(5).max(86_400),
    60,
    'a whole number from 5 to 86400',
    'Seconds between two looks for a new manifest.',
    // Not by policy: the campus client is made before its stored manifest is read.
    { restart: true },
  ),

  'kiosk.id': setting(
    Id.nullable(),
    null,
    'letters, digits, ".", "_" and "-", or null',
    "Identity towards the campus. Default: a hash of the first built-in network card's address.",
  ),
  'kiosk.name': setting(
    z.string().min(1).max(64).nullable(),
    null,
    'a text of 1 to 64 characters, or null',
    'Name shown to people. Default: the host name.',
  ),
  'kiosk.room': setting(
    Id.nullable(),
    null,
    'the id of a room of the manifest, or null',
    'Overrides the room that the campus finds by address.',
  ),
  'kiosk.seat': setting(
    z.string().min(1).max(32).nullable(),
    null,
    'a text of 1 to 32 characters, or null',
    'Overrides the seat that the campus knows.',
  ),

  'locale.default': setting(
    Locale,
    'en',
    `one of ${Locale.options.join(', ')}`,
    'Language before anyone chooses one.',
    { policy: true },
  ),
  'locale.list': setting(
    z.array(Locale).min(1),
    [...Locale.options],
    `a list of ${Locale.options.join(', ')}`,
    'Languages that people may choose.',
    { policy: true },
  ),

  'images.bandwidthMbit': setting(
    z.number().positive().max(1_000_000).nullable(),
    null,
    'a number above 0, or null',
    'Ceiling for receiving images, in Mbit/s. null: none.',
    { policy: true },
  ),
  'images.reserveMiB': setting(
    z.int().min(0).max(MAX_MIB),
    2_048,
    'a whole number of MiB',
    'Disk space that images leave free.',
    { policy: true, restart: true },
  ),
  'images.keepVersions': setting(
    z.int().min(1).max(20),
    2,
    'a whole number from 1 to 20',
    'Versions of each image that are kept, the current one included.',
    { policy: true, restart: true },
  ),
  'images.transports': setting(
    z.array(z.enum(['multicast', 'udpcast', 'peer', 'http', 'file'])).min(1),
    ['file', 'multicast', 'udpcast', 'peer', 'http'],
    'a list of multicast, udpcast, peer, http, file',
    'How images are received, in the order to try; one that is not listed is not used. `peer` needs `images.peers` too.',
    { policy: true, restart: true },
  ),
  'images.verifyDays': setting(
    z.int().min(0).max(365),
    30,
    'a whole number from 0 to 365',
    'Days after which a version is read and verified whole again, while nobody works. 0: never by itself.',
    { policy: true, restart: true },
  ),
  'images.folders': setting(
    z.array(AbsolutePath).max(16),
    ['/media', '/run/media'],
    'a list of absolute paths',
    'Folders in which files of packed images are looked for, with the two levels of folders in them: USB disks, network shares.',
  ),
  'images.peers': setting(
    z.boolean(),
    false,
    'true or false',
    'Serves verified images to the other kiosks of the room, and receives from them.',
    { policy: true, restart: true },
  ),
  'images.peerPort': setting(
    z.int().min(1024).max(65_535),
    9110,
    'a whole number from 1024 to 65535',
    'UDP and TCP port on which kiosks of a room find and serve each other. The same on all of them.',
    { policy: true, restart: true },
  ),
  'images.peerMbit': setting(
    z.number().positive().max(1_000_000),
    100,
    'a number above 0',
    'Ceiling for serving images to other kiosks, in Mbit/s.',
    { policy: true, restart: true },
  ),

  'sessions.max': setting(
    z.int().min(1).max(32),
    4,
    'a whole number from 1 to 32',
    'Sessions that may run at once.',
    { policy: true },
  ),
  'sessions.viewer': setting(
    z.enum(['embedded', 'native']),
    'embedded',
    '"embedded" or "native"',
    'How machines and remote desktops are shown where both would do: in the page, or in a window of a viewer of its own (remote-viewer, xfreerdp) where it is installed. An RDP desktop that needs sound or redirection takes the window.',
    { policy: true },
  ),
  'sessions.graceSeconds': setting(
    z.int().min(0).max(600),
    20,
    'a whole number from 0 to 600',
    'Seconds between asking a session to end and ending it.',
    { policy: true },
  ),
  'sessions.memoryReserveMiB': setting(
    z.int().min(128).max(MAX_MIB),
    1_024,
    'a whole number of MiB, at least 128',
    'Memory that machines leave to the kiosk itself.',
    { policy: true },
  ),

  'people.guests': setting(
    z.boolean().nullable(),
    null,
    'true, false or null',
    "Whether someone may continue without signing in. null: as the campus's manifest says.",
    { policy: true },
  ),
  'people.idleMinutes': setting(
    z.int().min(0).max(1_440),
    0,
    'a whole number from 0 to 1440',
    'Minutes without any input after which the person is signed out, and their sessions end; the last one shows a warning. 0: never. Needs xprintidle.',
    { policy: true },
  ),
  'people.offlineSignInDays': setting(
    z.int().min(0).max(365).nullable(),
    null,
    'a whole number from 0 to 365, or null',
    "Days that a person may sign in without the campus. null: as the campus's manifest says.",
    { policy: true },
  ),
  'people.localAdministrator': setting(
    z
      .strictObject({
        name: z.string().min(1).max(256),
        verifier: z
          .string()
          .regex(/^scrypt\$\d+\$\d+\$\d+\$[A-Za-z0-9_-]{22,86}\$[A-Za-z0-9_-]{43}$/),
      })
      .nullable(),
    null,
    '{ "name", "verifier" } as `vestibule verifier` prints it, or null',
    'An administrator who can sign in when nothing else works. Holds a scrypt verifier, never the password.',
    { secret: true },
  ),

  'homes.url': setting(
    z
      .url({ protocol: /^https?$/ })
      .max(2048)
      .refine((url) => url.includes('{person}') || url.includes('%7Bperson%7D'))
      .nullable(),
    null,
    'an http(s) URL with {person} in it, or null',
    "Where the campus keeps each person's files (WebDAV). {person} becomes the person's id. null: people have no folder on this computer.",
    { policy: true },
  ),
  'homes.syncMinutes': setting(
    z.int().min(1).max(1440),
    10,
    'a whole number from 1 to 1440',
    "Minutes between two looks at the campus's storage while a person is signed in.",
    { policy: true },
  ),

  'install.profile': setting(
    Id.nullable(),
    null,
    'the id of a profile of the manifest, or null',
    'Installs this computer unattended as the profile says, once the campus is there. For the kernel command line of a room; a computer that is installed already is left alone.',
  ),
  'system.updates': setting(
    z.boolean(),
    true,
    'true or false',
    'Whether the system on the disk follows what the campus publishes. It is fetched in the background and tried at the next start: see power.restartAt.',
    { policy: true },
  ),

  'power.actions': setting(
    z.array(z.enum(['shutdown', 'restart', 'suspend'])),
    ['shutdown', 'restart', 'suspend'],
    'a list of shutdown, restart, suspend',
    'What people may do with the computer from the screen.',
    { policy: true },
  ),
  'power.idleMinutes': setting(
    z.int().min(5).max(1_440).nullable(),
    null,
    'a whole number from 5 to 1440, or null',
    'Minutes without anybody (no input, nobody signed in, no session) before power.idleAction. null: never.',
    { policy: true },
  ),
  'power.idleAction': setting(
    z.enum(['suspend', 'shutdown']),
    'shutdown',
    '"suspend" or "shutdown"',
    'What the computer does when nobody has been there for power.idleMinutes. Wake-on-LAN brings it back.',
    { policy: true },
  ),
  'power.openHours': setting(
    z.array(z.string().refine(isHours)).max(32),
    [],
    'a list such as "Mon-Fri 07:00-21:00", "Sat 08:00-12:00"',
    'The timetable, in local time: within these hours the computer stays on, however idle.',
    { policy: true },
  ),
  'power.restartAt': setting(
    z.string().refine(isClock).nullable(),
    null,
    'a time such as "04:30", or null',
    'Starts the computer again each night, for the newest system; when nobody is there, within six hours. null: never.',
    { policy: true },
  ),
  'log.level': setting(
    LogLevel,
    'info',
    '"debug", "info", "warn" or "error"',
    'The least important lines that are logged.',
    { policy: true },
  ),
} as const satisfies Record<string, Setting>;

export type SettingKey = keyof typeof SETTINGS;
export type SettingValues = {
  readonly [K in SettingKey]: z.output<(typeof SETTINGS)[K]['schema']>;
};

export const SETTING_KEYS = Object.keys(SETTINGS) as readonly SettingKey[];

/** A name that settings have, of whatever came from outside. */
export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(SETTINGS, key);
}

/** The file as a whole: any of the keys, and `$schema` for editors. */
export const SettingsFile = z.strictObject({
  $schema: z.string().optional(),
  ...Object.fromEntries(SETTING_KEYS.map((key) => [key, SETTINGS[key].schema.optional()])),
});
