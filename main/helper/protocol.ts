/**
 * What may be asked of the root helper: a closed list of verbs, one JSON object a line in each
 * direction. A verb is data here, so that client and service cannot disagree. A long verb answers
 * with lines of progress before its last line; a client that hangs up ends it.
 */
import { z } from 'zod';
import { ERROR_CODES } from '../../preload/contract/errors.ts';
import {
  DiskPath,
  InstalledSystem,
  InstallOverview,
  InstallPlan,
  InstallRequest,
  SlotName,
} from '../../preload/contract/install.ts';

export const PowerAction = z.enum(['shutdown', 'restart', 'suspend']);
export type PowerAction = z.infer<typeof PowerAction>;

/** Verbs of one lane wait for each other; those of different lanes do not. */
type Lane = 'power' | 'disk';

interface VerbSpec {
  readonly lane: Lane;
  readonly params: z.ZodType;
  readonly result: z.ZodType;
}

function verb<P extends z.ZodType, R extends z.ZodType>(lane: Lane, params: P, result: R) {
  return { lane, params, result } satisfies VerbSpec;
}

const nothing = z.strictObject({});
const done = z.null();
const PlanId = z.string().regex(/^[0-9a-f]{64}$/);
const Word = z.string().max(64);
const Folder = z.string().min(2).max(1024).startsWith('/');

export const VERBS = {
  power: verb('power', z.strictObject({ action: PowerAction }), done),

  'install.overview': verb('disk', nothing, InstallOverview),
  'install.plan': verb('disk', z.strictObject({ request: InstallRequest }), InstallPlan),
  /** Plans again from the disk as it is now; only a plan with the confirmed id is carried out. */
  'install.run': verb(
    'disk',
    z.strictObject({
      planId: PlanId,
      request: InstallRequest,
      confirmation: Word,
      /** Where what the boot server has and memory has not was fetched to; null: all is here. */
      folder: Folder.nullable(),
    }),
    done,
  ),
  'install.remove': verb('disk', z.strictObject({ disk: DiskPath, confirmation: Word }), done),
  'boot.repair': verb('disk', z.strictObject({ disk: DiskPath }), done),

  'system.read': verb('disk', nothing, InstalledSystem.nullable()),
  /** Copies a system from a folder that the kiosk filled into the slot that is not in use. */
  'slot.write': verb(
    'disk',
    z.strictObject({ folder: Folder }),
    z.strictObject({ slot: SlotName }),
  ),
  'slot.verify': verb('disk', z.strictObject({ slot: SlotName }), done),
  /** At the next starts, as often as `tries` says; then back to the good one. */
  'slot.try': verb(
    'disk',
    z.strictObject({ slot: SlotName, tries: z.int().min(1).max(9) }),
    InstalledSystem,
  ),
  /** The running slot has reached the screen. Answers null where none runs. */
  'slot.good': verb('disk', nothing, InstalledSystem.nullable()),
  /** At the next start and from then on. */
  'slot.choose': verb('disk', z.strictObject({ slot: SlotName }), InstalledSystem),
} as const satisfies Record<string, VerbSpec>;

export type Verb = keyof typeof VERBS;
export type VerbArguments<V extends Verb> = z.infer<(typeof VERBS)[V]['params']>;
export type VerbResult<V extends Verb> = z.infer<(typeof VERBS)[V]['result']>;

export const HelperRequest = z.strictObject({
  id: z.int().nonnegative(),
  verb: z.string().max(64),
  arguments: z.unknown().optional(),
});

/** How far a long verb is: 0 to 1 of `step`. */
export const HelperProgress = z.strictObject({
  step: z.string().max(64).nullable(),
  fraction: z.number().min(0).max(1),
});
export type HelperProgress = z.infer<typeof HelperProgress>;

export const HelperReply = z.union([
  z.strictObject({ id: z.int().nonnegative(), progress: HelperProgress }),
  z.strictObject({
    id: z.int().nonnegative(),
    error: z
      .strictObject({
        code: z.enum(ERROR_CODES),
        message: z.string(),
        details: z.record(z.string(), z.json()).optional(),
      })
      .nullable(),
    result: z.json().optional(),
  }),
]);
export type HelperReply = z.infer<typeof HelperReply>;

/** Bytes of a request; a longer line closes the connection. */
export const MAX_LINE = 64 * 1024;
/** Bytes of an answer: an overview of many disks is the longest. */
export const MAX_REPLY = 4 * 1024 * 1024;
/** A long verb says something at least this often (ms), so that silence means a dead helper. */
export const HEARTBEAT_MS = 3_000;

export const HELPER_SOCKET = '/run/vestibule/helper.sock';
