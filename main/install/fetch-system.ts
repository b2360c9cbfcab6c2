/**
 * What a computer that started from the network has no more: the kernel, the initrd and the
 * unified kernel image that its firmware loaded. They are fetched again from the server that the
 * initrd used, and believed by the hashes of the signed `root.cfg`.
 */
import { createHash } from 'node:crypto';
import { access, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KioskError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files.ts';
import { parseRootDescription } from './root-description.ts';
import { DESCRIPTION, slotFiles } from './slot-files.ts';
import { readBootFacts, type SourcePlaces } from './source.ts';

/** @throws KioskError what keeps the file from coming */
export type Fetch = (
  url: string,
  options: { readonly maxBytes: number; readonly signal: AbortSignal },
) => Promise<Uint8Array>;

export interface FetchSystemOptions {
  readonly places: SourcePlaces;
  /** Where they are put. */
  readonly folder: string;
  readonly fetch: Fetch;
}

const MAX_BYTES = 128 * 1024 * 1024;

/**
 * @returns the folder with what was missing; null where nothing was
 * @throws KioskError `INSTALL_SOURCE_MISSING` where nobody says whence the system came,
 * `SYSTEM_CORRUPT` for a file that is another than the one started
 */
export async function fetchSystem(
  { places, folder, fetch }: FetchSystemOptions,
  signal: AbortSignal,
): Promise<string | null> {
  const text = await readFile(join(places.imageFolder, DESCRIPTION), 'utf8').catch(() => '');
  const files = slotFiles(parseRootDescription(text));
  const there = await Promise.all(files.map(({ name }) => exists(join(places.imageFolder, name))));
  const missing = files.filter((_, at) => !there[at]);
  if (missing.length === 0) return null;
  const server = (await readBootFacts(places.bootFolder)).get('where');
  if (server === undefined || !/^https?:\/\//.test(server)) {
    throw new KioskError('INSTALL_SOURCE_MISSING', 'Nobody says whence this system came.');
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const { name, sha256 } of missing) {
    const bytes = await fetch(new URL(name, server).href, { maxBytes: MAX_BYTES, signal });
    if (createHash('sha256').update(bytes).digest('hex') !== sha256) {
      throw new KioskError(
        'SYSTEM_CORRUPT',
        `The server has another ${name} than the one started.`,
      );
    }
    await writeFileAtomic(join(folder, name), bytes, 0o644);
  }
  return folder;
}

async function exists(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
