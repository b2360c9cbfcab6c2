/**
 * What need not be transferred: chunks that a version on this kiosk has. Equal chunks at the same
 * place are shared by reflink where the file system can; others are copied. Each is verified.
 */
import { open } from 'node:fs/promises';
import { ChunkIndex, sameHash } from './chunk-index.ts';
import type { ChunkTarget } from './chunk-target.ts';
import type { ImageManifest } from './manifest.ts';

export interface LocalSource {
  readonly path: string;
  readonly manifest: ImageManifest;
}

/** Chunks of a manifest that a source has at the same place. */
export function* sharedIndexes(manifest: ImageManifest, source: ImageManifest): Generator<number> {
  const chunks = Math.min(manifest.chunks, source.chunks);
  for (let index = 0; index < chunks; index++) {
    if (sameHash(manifest.hash(index), source.hash(index))) yield index;
  }
}

/** The source that shares the most chunks in place; undefined where none shares any. */
export function chooseBase(
  manifest: ImageManifest,
  sources: readonly LocalSource[],
): LocalSource | undefined {
  let best: { source: LocalSource; shared: number } | undefined;
  for (const source of sources) {
    let shared = 0;
    for (const index of sharedIndexes(manifest, source.manifest)) {
      if (!manifest.isZero(index)) shared++;
    }
    if (shared > (best?.shared ?? 0)) best = { source, shared };
  }
  return best?.source;
}

/**
 * Copies the chunks that are missing and that a source has.
 * @param between called before each batch: pauses and cancels
 */
export async function copyLocal(
  target: ChunkTarget,
  sources: readonly LocalSource[],
  between: () => Promise<void>,
): Promise<void> {
  if (sources.length === 0 || target.missing === 0) return;
  const index = new ChunkIndex(sources.map(({ manifest }) => manifest));
  const places = sources.map(() => new Map<number, number>());
  for (const missing of target.missingIndexes()) {
    const found = index.find(target.manifest.hash(missing));
    if (!found) continue;
    // A short last chunk equals only another of its length.
    const source = sources[found.source];
    if (source?.manifest.chunkLength(found.index) !== target.manifest.chunkLength(missing))
      continue;
    places[found.source]?.set(missing, found.index);
  }
  for (const [number, source] of sources.entries()) {
    const wanted = places[number];
    if (!wanted || wanted.size === 0) continue;
    const file = await open(source.path, 'r');
    try {
      await target.copy(file.fd, wanted, between);
    } finally {
      await file.close();
    }
  }
}
