/**
 * Receives an image into a store, step by step, as a process that can be killed or whose disk can
 * be cut off at each step. Arguments: one JSON object, {@link ChildOrder}.
 *
 * Prints each step before it is taken; with `ask` it then waits for a byte on stdin.
 */
import { createHash } from 'node:crypto';
import { readSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../main/base/clock.ts';
import { ChunkWorkers } from '../../main/images/chunk-workers.ts';
import { createFileTransport } from '../../main/images/file.ts';
import { parseImageManifest } from '../../main/images/manifest.ts';
import { Pace } from '../../main/images/pace.ts';
import { receive } from '../../main/images/receive.ts';
import { ImageStore } from '../../main/images/store.ts';
import { silentLogger } from '../../main/log/logger.ts';

export interface ChildOrder {
  readonly folder: string;
  readonly chunks: string;
  readonly manifest: string;
  /** Kill yourself before this step. */
  readonly killAt?: string;
  /** Wait for a byte at each step. */
  readonly ask?: boolean;
}

/** @param step told each step before it is taken */
export async function receiveInto(
  order: ChildOrder,
  step: (name: string) => void = () => {},
): Promise<void> {
  step('opening');
  const store = await ImageStore.open({
    folder: order.folder,
    log: silentLogger,
    clock: systemClock,
  });
  const manifestBytes = await readFile(order.manifest);
  const manifest = parseImageManifest(manifestBytes);
  const workers = new ChunkWorkers({ count: 2, priority: 'normal' });
  const sources = await Promise.all(
    store.versions(manifest.id).map(async (version) => ({
      path: store.imagePath(version),
      manifest: await store.manifest(version),
    })),
  );
  let announced = '';
  await receive({
    store,
    manifest,
    manifestBytes,
    manifestSha256: createHash('sha256').update(manifestBytes).digest('hex'),
    sources,
    transports: [createFileTransport({ paths: [order.chunks] })],
    context: {
      signal: new AbortController().signal,
      progress: (fraction, name = '') => {
        // Twice in the middle of each phase: at its begin, and half way.
        const at = fraction > 0.5 ? `${name}-late` : name;
        if (at !== announced) step(at);
        announced = at;
      },
      throttleWhilePaused: () => Promise.resolve(),
    },
    pace: new Pace(systemClock),
    workers: () => workers,
    reserve: 0,
    makeRoom: () => Promise.resolve(),
    log: silentLogger,
    onStep: step,
  });
  await workers.close();
}

/** Says the step, and ends or waits there as the order wants it. */
function announce(order: ChildOrder, name: string): void {
  writeSync(1, `${name}\n`);
  if (name === order.killAt) process.kill(process.pid, 'SIGKILL');
  if (order.ask) readSync(0, Buffer.alloc(1));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const order = JSON.parse(process.argv[2] ?? '') as ChildOrder;
  await receiveInto(order, (name) => announce(order, name));
}
