/** The messages of the bridge, the same for every transport. */
import { z } from 'zod';
import type { Json, WireError } from './errors.ts';

/** Page → main. `id` is chosen by the page and echoed. */
export const CallMessage = z.strictObject({
  id: z.int().nonnegative(),
  method: z.string().max(64),
  params: z.unknown(),
});
export type CallMessage = z.infer<typeof CallMessage>;

/** Main → page. */
export type ReplyMessage = { id: number; result: Json } | { id: number; error: WireError };
export type EventMessage = { event: string; payload: Json };
export type PageMessage = ReplyMessage | EventMessage;
