/** What main and the thread that receives say to each other. */
import type { ErrorCode } from '../../../preload/contract/errors.ts';

export type FromReceiver =
  /** The next bytes of the stream; the buffer was handed over, and comes back with `consumed`. */
  | { readonly type: 'data'; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly type: 'end' }
  | { readonly type: 'failed'; readonly code: ErrorCode; readonly message: string }
  /** It has left the group. */
  | { readonly type: 'stopped' };

export type ToReceiver =
  | { readonly type: 'consumed'; readonly bytes: number; readonly buffer: ArrayBuffer }
  | { readonly type: 'stop' };
