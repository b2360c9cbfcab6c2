/**
 * The system that can be put into a slot: the one in use, as the initrd left it in
 * /run/vestibule (squashfs/README.md), completed by what the kiosk fetched from the boot server,
 * or a whole one that the kiosk fetched. Nothing is believed but the signatures of our keys.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { SystemSource } from '../../preload/contract/install.ts';
import { KioskError } from '../base/errors.ts';
import { openRootDescription, verifySigned } from './root-description.ts';
import {
  parseSlotFiles,
  SLOT_FILES,
  type SlotFile,
  type SlotFiles,
  totalBytes,
} from './slot-files.ts';

export interface SourcePlaces {
  /** `/run/vestibule/image`: root.sqfs and root.cfg of the system in use, or the whole slot. */
  readonly imageFolder: string;
  /** `/run/vestibule/boot`: what the initrd found out, and the keys that it believed. */
  readonly bootFolder: string;
}

/** Kernel, initrd and UKI where their sizes are not known yet: more than they take. */
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
export async function readSource({
  imageFolder,
  bootFolder,
}: SourcePlaces): Promise<SystemSource | null> {
  try {
    const keys = await readKeys(bootFolder);
    const root = await openRoot(imageFolder, keys);
    const files = await openFiles(imageFolder, keys).catch(() => undefined);
    const bytes = files === undefined ? root.size + LOADABLE_BYTES : totalBytes(files);
    return { version: root.version, bytes };
  } catch {
    return null;
  }
}

/** Each file of a system with where it is, and what it must be. */
export interface CompleteSource {
  readonly version: string;
  readonly rootHash: string;
  readonly files: SlotFiles;
  readonly paths: Readonly<Partial<Record<SlotFile, string>>>;
  /** `files.cfg` and its signature, as they are. */
  readonly list: { readonly text: string; readonly signature: Buffer };
}

/**
 * @param folders where files may be, the preferred one first
 * @throws KioskError `INSTALL_SOURCE_MISSING` where one is missing or too long,
 * `MANIFEST_SIGNATURE_WRONG`, `IMAGE_MANIFEST_INVALID`
 */
export async function openSource(
  folders: readonly string[],
  bootFolder: string,
): Promise<CompleteSource> {
  const keys = await readKeys(bootFolder);
  const place = await first(folders, 'files.cfg');
  const list = {
    text: await readFile(place, 'utf8'),
    signature: await readFile(`${place}.sig`),
  };
  verifySigned(list.text, list.signature, keys);
  const files = parseSlotFiles(list.text);
  const paths: Partial<Record<SlotFile, string>> = {};
  for (const name of SLOT_FILES) {
    const facts = files[name];
    if (facts !== undefined) paths[name] = await first(folders, name, facts.size);
  }
  const root = await openRoot(join(paths['root.cfg'] ?? '', '..'), keys);
  if (root.sha256 !== files['root.sqfs']?.sha256) {
    throw new KioskError('IMAGE_MANIFEST_INVALID', 'files.cfg and root.cfg are not of one system.');
  }
  return { version: root.version, rootHash: root.rootHash, files, paths, list };
}

/** The first folder's file of that name, and of that size where one is asked for. */
async function first(folders: readonly string[], name: string, size?: number): Promise<string> {
  for (const folder of folders) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() && (size === undefined || found.size === size)) return path;
  }
  throw new KioskError('INSTALL_SOURCE_MISSING', `There is no ${name} of this system here.`, {
    details: { file: name },
  });
}

async function readText(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > MAX_TEXT) throw new KioskError('IMAGE_MANIFEST_INVALID', `${path} is too long.`);
  return await readFile(path, 'utf8');
}

async function openRoot(folder: string, keys: readonly string[]) {
  const text = await readText(join(folder, 'root.cfg'));
  return openRootDescription(text, await readFile(join(folder, 'root.cfg.sig')), keys);
}

async function openFiles(folder: string, keys: readonly string[]): Promise<SlotFiles> {
  const text = await readText(join(folder, 'files.cfg'));
  verifySigned(text, await readFile(join(folder, 'files.cfg.sig')), keys);
  return parseSlotFiles(text);
}

/** The keys that the initrd believed: it is covered by Secure Boot, the network is not. */
async function readKeys(bootFolder: string): Promise<string[]> {
  const folder = join(bootFolder, 'keys');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.pem'));
  return await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
}
