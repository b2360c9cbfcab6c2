/**
 * The contract: every call and event that crosses between the page and main, as one value.
 * Channel names, `window.kiosk`, main's handler table and the test helpers derive from it.
 */
import { z } from 'zod';
import * as i from './install.ts';
import * as m from './model.ts';

/** One thing that the page may ask. */
export interface CallSpec<P extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType> {
  /** Who must be signed in. Checked by the dispatcher before the arguments are looked at. */
  readonly role: m.Role;
  readonly params: P;
  readonly result: R;
}

function call<P extends z.ZodType, R extends z.ZodType>(role: m.Role, params: P, result: R) {
  return { role, params, result } satisfies CallSpec;
}

const nothing = z.strictObject({});
const done = z.null();
const sessionRef = z.strictObject({ id: m.Id });

export const CALLS = {
  /** The page has painted and can be used: commits the UI version that it belongs to. */
  'ui.rendered': call('anyone', nothing, done),
  /** The page is alive; sent every `HEARTBEAT_MS`. A silent page is reloaded. */
  'ui.heartbeat': call('anyone', nothing, done),
  /** Something in the page failed; it goes to the log. */
  'ui.report': call(
    'anyone',
    z.strictObject({ message: z.string().max(2000), stack: z.string().max(8000).optional() }),
    done,
  ),
  /**
   * How much of the screen's upper edge the page wants for its session bar when a session has a
   * window of its own: pixels of the screen. 0 or never said: such windows cover everything.
   */
  'ui.sessionBar': call('person', z.strictObject({ height: z.int().min(0).max(2000) }), done),
  'state.get': call('anyone', nothing, m.KioskState),
  'preferences.set': call('anyone', z.strictObject(m.Preferences.partial().shape), m.Preferences),

  'people.signIn': call(
    'anyone',
    z.strictObject({ name: z.string().min(1).max(256), secret: z.string().max(1024) }),
    m.Person,
  ),
  'people.continueAsGuest': call('anyone', nothing, m.Person),
  /** Ends the person's sessions, forgets their secrets, and returns to the sign-in screen. */
  'people.signOut': call('anyone', nothing, done),

  'catalogue.list': call('person', nothing, z.array(m.CatalogueEntry)),

  /** Starts every machine of the entry; answers once they are accepted, not once they run. */
  'sessions.start': call('person', z.strictObject({ entryId: m.Id }), z.array(m.Session)),
  'sessions.list': call('person', nothing, z.array(m.Session)),
  /** Asks the session to end; it is killed after the grace time. `now` skips the grace. */
  'sessions.stop': call('person', z.strictObject({ id: m.Id, now: z.boolean().optional() }), done),
  /** Gives the screen to a session. */
  'sessions.show': call('person', sessionRef, done),
  /** Takes the screen back to the tiles. */
  'sessions.hide': call('person', nothing, done),
  /** A fresh one-time address for the session's frame. */
  'sessions.display': call('person', sessionRef, m.SessionDisplay),
  /** Answers the session's question; `SIGN_IN_*` where who vouches is not believed. */
  'sessions.answer': call('person', z.strictObject({ id: m.Id, answer: m.SessionAnswer }), done),
  /** Removes an ended session from the list. */
  'sessions.dismiss': call('person', sessionRef, done),

  'jobs.list': call('person', nothing, z.array(m.Job)),
  'jobs.pause': call('admin', z.strictObject({ id: m.Id }), done),
  'jobs.resume': call('admin', z.strictObject({ id: m.Id }), done),
  'jobs.cancel': call('admin', z.strictObject({ id: m.Id }), done),

  'power.act': call(
    'anyone',
    z.strictObject({ action: z.enum(['shutdown', 'restart', 'suspend']) }),
    done,
  ),

  'device.facts': call('admin', nothing, m.DeviceFacts),
  'device.networkCheck': call('admin', nothing, m.NetworkCheck),
  'device.storage': call('admin', nothing, m.StorageUse),
  'device.versions': call('admin', nothing, m.Versions),
  /** The certificates of remote servers that were met first (`trustFirst` of an entry). */
  'certificates.list': call('admin', nothing, z.array(m.KeptCertificate)),
  /** The next one that the server shows counts as met first again. */
  'certificates.forget': call(
    'admin',
    z.strictObject({ host: z.string().min(1).max(255), port: z.int().min(1).max(65_535) }),
    done,
  ),
  'logs.read': call(
    'admin',
    z.strictObject({
      level: m.LogLevel.optional(),
      limit: z.int().min(1).max(1000).optional(),
      contains: z.string().max(200).optional(),
    }),
    z.array(m.LogLine),
  ),
  'settings.read': call(
    'admin',
    nothing,
    z.array(z.object({ key: z.string(), value: z.json(), source: z.string() })),
  ),
  'campus.refresh': call('admin', nothing, done),
  'images.list': call('admin', nothing, z.array(m.ImageVersion)),
  'images.verify': call('admin', z.strictObject({ image: m.Id }), m.Job),
  'images.rollback': call(
    'admin',
    z.strictObject({ image: m.Id, version: z.string().max(128) }),
    done,
  ),

  /** The disks as they are, read anew. */
  'install.overview': call('admin', nothing, i.InstallOverview),
  /** What an installation would do; changes nothing. Refusals are findings in the plan. */
  'install.plan': call('admin', i.InstallRequest, i.InstallPlan),
  /**
   * Carries a plan out as a job of kind `install` whose steps are those of the plan. An
   * interrupted installation of ours is continued by the same call.
   */
  'install.start': call(
    'admin',
    z.strictObject({
      planId: z.string().regex(/^[0-9a-f]{64}$/),
      request: i.InstallRequest,
      /** Must be the plan's `confirmWord`. */
      confirmation: z.string().max(64),
    }),
    m.Job,
  ),
  /** The system on this computer's disk; null: there is none. */
  'install.system': call('admin', nothing, i.InstalledSystem.nullable()),
  /** The other slot at the next start, and from then on. */
  'install.rollback': call('admin', z.strictObject({ slot: i.SlotName }), i.InstalledSystem),
  /** Reads a slot again in full, as a job of kind `install-verify`. */
  'install.verify': call('admin', z.strictObject({ slot: i.SlotName }), m.Job),
  /** Writes the boot loader again, as a job of kind `install-repair`. */
  'install.repairBoot': call('admin', z.strictObject({ disk: i.DiskPath }), m.Job),
  /** Takes Vestibule off a disk, as a job of kind `install-remove`; other systems stay. */
  'install.remove': call(
    'admin',
    z.strictObject({ disk: i.DiskPath, confirmation: z.string().max(64) }),
    m.Job,
  ),
} as const satisfies Record<string, CallSpec>;

/** What main tells the page. Every event carries the whole new value: a lost one heals itself. */
export const EVENTS = {
  'state.changed': m.KioskState,
  'catalogue.changed': z.array(m.CatalogueEntry),
  'sessions.changed': z.array(m.Session),
  'jobs.changed': z.array(m.Job),
  'install.changed': i.InstalledSystem.nullable(),
  notice: m.Notice,
} as const satisfies Record<string, z.ZodType>;

export type CallName = keyof typeof CALLS;
export type EventName = keyof typeof EVENTS;
export type CallParams<N extends CallName> = z.input<(typeof CALLS)[N]['params']>;
export type CallResult<N extends CallName> = z.output<(typeof CALLS)[N]['result']>;
export type EventPayload<N extends EventName> = z.output<(typeof EVENTS)[N]>;

export { HEARTBEAT_MS, MAX_MESSAGE_LENGTH, MAX_PENDING_CALLS } from './limits.ts';

type Scope<S extends string> = S extends `${infer A}.${string}` ? A : never;
type Member<S extends CallName, A extends string> = S extends `${A}.${infer B}` ? B : never;
// biome-ignore lint/complexity/noBannedTypes: the empty parameter object is what it says
type IsEmpty<T> = {} extends T ? true : false;

/**
 * `window.kiosk`: `kiosk.sessions.start({ entryId })`, `kiosk.on('sessions.changed', …)`.
 * Calls reject with a {@link KioskCallError}.
 */
export type KioskApi = {
  readonly [A in Scope<CallName>]: {
    readonly [B in Member<CallName, A>]: `${A}.${B}` extends infer N extends CallName
      ? IsEmpty<CallParams<N>> extends true
        ? (params?: CallParams<N>) => Promise<CallResult<N>>
        : (params: CallParams<N>) => Promise<CallResult<N>>
      : never;
  };
} & {
  /** The contract's version: raised when a call or event changes meaning. */
  readonly version: 1;
  /** Calls the listener at each event; returns a function that stops it. */
  on<N extends EventName>(event: N, listener: (payload: EventPayload<N>) => void): () => void;
};
