/** Bringing what is missing of an image through the transports, in the order of policy. */
import type { ErrorCode } from '../../preload/contract/errors.ts';
import { fromDiskError, isAbort, KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { ChunkTarget } from './chunk-target.ts';
import type { Pace } from './pace.ts';
import type { Transport } from './transport.ts';

/** The part of a job that image work needs; main/jobs gives it. */
export interface WorkContext {
  readonly signal: AbortSignal;
  progress(fraction: number, step?: string): void;
  throttleWhilePaused(): Promise<void>;
}

/** What one transport contributed, also when it failed in the end. */
export interface TransportAccount {
  readonly transport: string;
  readonly bytes: number;
  readonly chunks: number;
  readonly retries: number;
  readonly mismatches: number;
  readonly seconds: number;
  readonly failure: ErrorCode | null;
}

export interface FillOptions {
  readonly target: ChunkTarget;
  readonly transports: readonly Transport[];
  readonly context: WorkContext;
  readonly pace: Pace;
  readonly log: Logger;
}

/**
 * Runs the transports until nothing is missing, going round again as long as a round helped.
 * @throws KioskError `IMAGE_TRANSPORT_FAILED` with what is missing; `DISK_FULL`,
 * `DISK_READ_ONLY`; the signal's reason. What arrived stays in the target.
 */
export async function fill(options: FillOptions): Promise<TransportAccount[]> {
  const { target, transports, context } = options;
  const accounts: TransportAccount[] = [];
  for (let before = Number.POSITIVE_INFINITY; target.missing > 0; ) {
    if (target.missing >= before) {
      const failure = accounts.findLast((account) => account.failure !== null)?.failure ?? null;
      throw new KioskError(
        'IMAGE_TRANSPORT_FAILED',
        `No transport brings the ${target.missing} chunks of ${target.manifest.id} that are missing.`,
        { details: { missing: target.missing, last: failure } },
      );
    }
    before = target.missing;
    for (const transport of transports) {
      if (target.missing === 0) break;
      context.signal.throwIfAborted();
      accounts.push(await runTransport(transport, options));
    }
  }
  return accounts;
}

async function runTransport(
  transport: Transport,
  { target, context, pace, log }: FillOptions,
): Promise<TransportAccount> {
  const startedAt = performance.now();
  const missing = target.missing;
  const mismatches = target.mismatches;
  let bytes = 0;
  let retries = 0;
  let failure: ErrorCode | null = null;
  try {
    const report = await transport.transfer(target, {
      signal: context.signal,
      received: (count) => {
        bytes += count;
      },
      throttle: async (count) => {
        await pace.take(count, context.signal);
        await context.throttleWhilePaused();
      },
    });
    retries = report.retries;
  } catch (caught) {
    const error = fromDiskError(caught, 'receiving an image');
    if (context.signal.aborted || isAbort(error)) throw error;
    if (error instanceof KioskError && ['DISK_FULL', 'DISK_READ_ONLY'].includes(error.code)) {
      throw error;
    }
    failure = error instanceof KioskError ? error.code : 'INTERNAL';
    log.warn('a transport failed; the next one goes on', {
      code: failure,
      image: target.manifest.id,
      transport: transport.name,
      error,
    });
  } finally {
    await target.settled();
  }
  return {
    transport: transport.name,
    bytes,
    chunks: missing - target.missing,
    retries,
    mismatches: target.mismatches - mismatches,
    seconds: (performance.now() - startedAt) / 1000,
    failure,
  };
}
