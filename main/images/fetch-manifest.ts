import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KioskError } from '../base/errors.ts';
import type { ImageRef } from '../base/manifest.ts';
import { type ImageManifest, parseImageManifest } from './manifest.ts';

/** What brings small files whole; the campus's client satisfies it. */
export interface GetPort {
  get(
    url: string,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<{ readonly body: Uint8Array }>;
}

export interface FetchedManifest {
  readonly manifest: ImageManifest;
  readonly bytes: Uint8Array;
}

/**
 * Brings an image manifest: from the staging folder where an earlier try left it, from a folder
 * that is at hand, or from the campus. Whatever it comes from, its hash is the signed one.
 *
 * @param nearby paths that may hold it
 * @throws KioskError `IMAGE_HASH_MISMATCH`, `IMAGE_MANIFEST_INVALID`, and what the port throws
 */
export async function fetchManifest(
  ref: ImageRef,
  options: {
    readonly staging: string;
    readonly nearby: readonly string[];
    readonly port: GetPort;
    readonly signal: AbortSignal;
  },
): Promise<FetchedManifest> {
  const kept = join(options.staging, `${ref.manifest.sha256}.manifest`);
  for (const path of [kept, ...options.nearby]) {
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes && isPinned(bytes, ref)) return parse(bytes, ref);
  }
  const { body } = await options.port.get(ref.manifest.url, {
    maxBytes: ref.manifest.size,
    signal: options.signal,
  });
  if (!isPinned(body, ref)) {
    throw new KioskError(
      'IMAGE_HASH_MISMATCH',
      `The image manifest of ${ref.id} ${ref.version} is not the one that the campus signed.`,
      { details: { image: ref.id } },
    );
  }
  // Only to spare a second download; it is looked at again when it is read.
  await writeFile(kept, body, { mode: 0o600 }).catch(() => {});
  return parse(body, ref);
}

function isPinned(bytes: Uint8Array, { manifest }: ImageRef): boolean {
  return (
    bytes.length === manifest.size &&
    createHash('sha256').update(bytes).digest('hex') === manifest.sha256
  );
}

function parse(bytes: Uint8Array, ref: ImageRef): FetchedManifest {
  const manifest = parseImageManifest(bytes);
  if (manifest.id !== ref.id || manifest.version !== ref.version) {
    throw new KioskError(
      'IMAGE_MANIFEST_INVALID',
      `The image manifest describes ${manifest.id} ${manifest.version}, not ${ref.id} ${ref.version}.`,
    );
  }
  return { manifest, bytes };
}
