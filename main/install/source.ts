/**
 * The system that can be put into a slot: the one in use, as the initrd left it in
 * /run/vestibule (squashfs/README.md), completed by what the kiosk fetched from the boot server,
 * or a whole one that the kiosk fetched. Nothing is believed but the signatures of our keys.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemSource } from '../../preload/contract/install.ts';
import { KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import { openRootDescription, type RootDescription } from './root-description.ts';
import { DESCRIPTION, SIGNATURE, type SlotFile, slotFiles } from './slot-files.ts';

export interface SourcePlaces {
  /** `/run/vestibule/image`: root.sqfs and root.cfg of the system in use, or its whole slot. */
  readonly imageFolder: string;
  /** `/run/vestibule/boot`: what the initrd found out, and the keys that it believed. */
  readonly bootFolder: string;
}

/** As the initrd leaves them. */
export const SYSTEM_PLACES: SourcePlaces = {
  imageFolder: '/run/vestibule/image',
  bootFolder: '/run/vestibule/boot',
};

/** Kernel, initrd and unified kernel image, where they are not here yet: more than they take. */
const LOADABLE_BYTES = 192 * 1024 * 1024;
const MAX_TEXT = 64 * 1024;

/** Facts of the initrd: `source=network`, `where=http://…`, `version=…`. */
export async function readBootFacts(bootFolder: string): Promise<ReadonlyMap<string, string>> {
  const text = await readFile(join(bootFolder, 'facts'), 'utf8').catch(() => '');
  return new Map(
    text.split('\n').flatMap((line) => {
      const at = line.indexOf('=');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}

/** The system in use; null where it did not come from an image of ours. */
export async function readSource(
  { imageFolder, bootFolder }: SourcePlaces,
  log: Logger,
): Promise<SystemSource | null> {
  try {
    const { root } = await openDescription(imageFolder, await readKeys(bootFolder));
    return { version: root.version, bytes: root.size + LOADABLE_BYTES };
  } catch (error) {
    log.info('What runs is not an image of ours.', { error });
    return null;
  }
}

/** A system with each of its files found. */
export interface CompleteSource {
  readonly root: RootDescription;
  /** `root.cfg` and its signature, as they are. */
  readonly text: string;
  readonly signature: Buffer;
  readonly files: ReadonlyArray<SlotFile & { readonly path: string; readonly size: number }>;
}

/**
 * @param folders where files may be, the one with the description first
 * @throws KioskError `INSTALL_SOURCE_MISSING` where a file is missing or cannot be right,
 * `MANIFEST_SIGNATURE_WRONG`, `IMAGE_MANIFEST_INVALID`
 */
export async function openSource(
  folders: readonly string[],
  bootFolder: string,
): Promise<CompleteSource> {
  const [first = ''] = folders;
  const keys = await readKeys(bootFolder);
  const described = await openDescription(first, keys);
  const files = await Promise.all(
    slotFiles(described.root).map(async (file) => {
      const expected = file.name === 'root.sqfs' ? described.root.size : undefined;
      return { ...file, ...(await find(folders, file.name, expected)) };
    }),
  );
  return { ...described, files };
}

/** The first folder's file of that name. */
async function find(
  folders: readonly string[],
  name: string,
  expected: number | undefined,
): Promise<{ path: string; size: number }> {
  for (const folder of folders) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    const size = found?.isFile() ? found.size : 0;
    const fits = expected === undefined ? size <= LOADABLE_BYTES : size === expected;
    if (size > 0 && fits) return { path, size };
  }
  throw new KioskError('INSTALL_SOURCE_MISSING', `There is no ${name} of this system here.`, {
    details: { file: name },
  });
}

async function openDescription(
  folder: string,
  keys: readonly string[],
): Promise<{ root: RootDescription; text: string; signature: Buffer }> {
  const path = join(folder, DESCRIPTION);
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile() || found.size > MAX_TEXT) {
    throw new KioskError('INSTALL_SOURCE_MISSING', `There is no ${DESCRIPTION} in ${folder}.`);
  }
  const text = await readFile(path, 'utf8');
  const signature = await readFile(join(folder, SIGNATURE));
  return { root: openRootDescription(text, signature, keys), text, signature };
}

/** The keys that the initrd believed: it is covered by Secure Boot, the network is not. */
async function readKeys(bootFolder: string): Promise<string[]> {
  const folder = join(bootFolder, 'keys');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.pem'));
  return await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
}
