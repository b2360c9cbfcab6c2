/**
 * The transport `delta`: chunks of an update as frames that need the version before, which is on
 * this kiosk. Over HTTP, from the campus's servers; what it does not bring comes as it is.
 */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { KioskError } from '../../base/errors.ts';
import type { ImageRef } from '../../base/manifest.ts';
import type { ChunkFile, ChunkPlace } from '../chunk-file.ts';
import type { GetPort } from '../fetch-manifest.ts';
import { createHttpTransport, type RangePort } from '../http.ts';
import type { LocalSource } from '../local.ts';
import type { ImageManifest } from '../manifest.ts';
import type { ChunkSink, TransferOptions, TransferReport, Transport } from '../transport.ts';
import { type DeltaIndex, parseDeltaIndex } from './delta-index.ts';

type DeltaRef = NonNullable<ImageRef['deltas']>[number];

export interface DeltaTransportOptions {
  readonly delta: DeltaRef;
  /** The version that the delta is from. */
  readonly parent: LocalSource;
  readonly port: GetPort & RangePort;
}

/** The first delta, in the campus's order, from a version that is here; undefined: there is none. */
export function chooseDelta(
  ref: ImageRef,
  sources: readonly LocalSource[],
): { readonly delta: DeltaRef; readonly parent: LocalSource } | undefined {
  for (const delta of ref.deltas ?? []) {
    const parent = sources.find(({ manifest }) => manifest.root === delta.from);
    if (parent) return { delta, parent };
  }
  return undefined;
}

export function createDeltaTransport(options: DeltaTransportOptions): Transport {
  return { name: 'delta', transfer: (sink, transfer) => run(options, sink, transfer) };
}

async function run(
  { delta, parent, port }: DeltaTransportOptions,
  sink: ChunkSink,
  transfer: TransferOptions,
): Promise<TransferReport> {
  const index = await fetchIndex(delta, parent.manifest, sink.manifest, port, transfer);
  const file = await open(parent.path, 'r');
  try {
    const report = await createHttpTransport({
      name: 'delta',
      urls: delta.urls,
      port,
      file: () => deltaFile(index, { fd: file.fd, size: parent.manifest.size }),
    }).transfer(sink, transfer);
    return { ...report, bytes: report.bytes + delta.index.size };
  } finally {
    await file.close();
  }
}

/** @throws KioskError `IMAGE_HASH_MISMATCH`, `IMAGE_MANIFEST_INVALID`, and what the port throws */
async function fetchIndex(
  { index: { url, size, sha256 } }: DeltaRef,
  parent: ImageManifest,
  manifest: ImageManifest,
  port: GetPort,
  { signal, received, throttle }: TransferOptions,
): Promise<DeltaIndex> {
  await throttle(size);
  const { body } = await port.get(url, { maxBytes: size, signal });
  received(body.length);
  if (createHash('sha256').update(body).digest('hex') !== sha256) {
    throw new KioskError('IMAGE_HASH_MISMATCH', 'The index of a delta is not the signed one.');
  }
  const limits = { chunks: manifest.chunks, parentChunks: parent.chunks };
  const index = parseDeltaIndex(body, limits);
  if (index.parent !== parent.root || index.root !== manifest.root) {
    throw new KioskError('IMAGE_MANIFEST_INVALID', 'A delta is between other versions.');
  }
  return index;
}

function deltaFile(
  { entries }: DeltaIndex,
  parent: { readonly fd: number; readonly size: number },
): ChunkFile {
  const frames = new Map<number, ChunkPlace & { readonly dictionary: readonly number[] }>();
  let offset = 0;
  for (const { index, length, dictionary } of entries) {
    frames.set(index, { offset, length, dictionary });
    offset += length;
  }
  return {
    place: (index) => frames.get(index),
    put: (sink, index, bytes) =>
      sink.putStored(index, bytes, {
        ...parent,
        indexes: Uint32Array.from(frames.get(index)?.dictionary ?? []),
      }),
  };
}
