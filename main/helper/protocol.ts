/**
 * What may be asked of the root helper: a closed list of verbs, one JSON object a line in each
 * direction. A verb is data here, so that client and service cannot disagree.
 */
import { z } from 'zod';
import { ERROR_CODES } from '../../preload/contract/errors.ts';

export const PowerAction = z.enum(['shutdown', 'restart', 'suspend']);
export type PowerAction = z.infer<typeof PowerAction>;

/** Each verb's arguments; the answer is empty unless a verb says more. */
export const VERBS = {
  power: z.strictObject({ action: PowerAction }),
} as const satisfies Record<string, z.ZodType>;

export type Verb = keyof typeof VERBS;
export type VerbArguments<V extends Verb> = z.infer<(typeof VERBS)[V]>;

export const HelperRequest = z.strictObject({
  id: z.int().nonnegative(),
  verb: z.string().max(64),
  arguments: z.unknown().optional(),
});

export const HelperReply = z.strictObject({
  id: z.int().nonnegative(),
  error: z.strictObject({ code: z.enum(ERROR_CODES), message: z.string() }).nullable(),
});
export type HelperReply = z.infer<typeof HelperReply>;

/** In bytes; a longer line closes the connection. */
export const MAX_LINE = 64 * 1024;

export const HELPER_SOCKET = '/run/vestibule/helper.sock';
