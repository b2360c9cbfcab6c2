/**
 * What a slot holds, as one small signed text: `files.cfg`, beside `root.cfg` on the boot server
 * and in a slot. Lines `name=size:sha256`, and `format=1`; squashfs/README.md describes it. Its
 * signature is made like that of `root.cfg`.
 */
import { z } from 'zod';
import { KioskError } from '../base/errors.ts';

/** In the order of writing: what makes a slot startable comes last. */
export const SLOT_FILES = [
  'vmlinuz',
  'initrd.img',
  'vestibule.efi',
  'root.sqfs',
  'root.cfg.sig',
  'root.cfg',
] as const;
export type SlotFile = (typeof SLOT_FILES)[number];
/** Where kernels start by BIOS or unsigned; one that is signed comes as `vestibule.efi` too. */
const OPTIONAL: readonly SlotFile[] = ['vestibule.efi'];

export interface FileFacts {
  readonly size: number;
  readonly sha256: string;
}
export type SlotFiles = Readonly<Partial<Record<SlotFile, FileFacts>>>;

const Value = z.string().regex(/^(0|[1-9]\d{0,13}):[0-9a-f]{64}$/);

/** The text of `files.cfg`. */
export function formatSlotFiles(files: SlotFiles): string {
  const lines = SLOT_FILES.flatMap((name) => {
    const facts = files[name];
    return facts === undefined ? [] : [`${name}=${facts.size}:${facts.sha256}`];
  });
  return `format=1\n${lines.join('\n')}\n`;
}

/** @throws KioskError `IMAGE_MANIFEST_INVALID` for anything but what {@link formatSlotFiles} writes */
export function parseSlotFiles(text: string): SlotFiles {
  const files: Partial<Record<SlotFile, FileFacts>> = {};
  const [first, ...lines] = text.slice(0, 8192).split('\n');
  if (first !== 'format=1') throw refused('its format');
  for (const line of lines) {
    if (line === '') continue;
    const at = line.indexOf('=');
    const name = SLOT_FILES.find((known) => known === line.slice(0, at));
    const value = Value.safeParse(line.slice(at + 1));
    if (name === undefined || files[name] || !value.success) throw refused(line.slice(0, 40));
    const [size = '', sha256 = ''] = value.data.split(':');
    files[name] = { size: Number(size), sha256 };
  }
  for (const name of SLOT_FILES) {
    if (!files[name] && !OPTIONAL.includes(name)) throw refused(`without ${name}`);
  }
  return files;
}

/** Bytes of all files together. */
export function totalBytes(files: SlotFiles): number {
  return SLOT_FILES.reduce((sum, name) => sum + (files[name]?.size ?? 0), 0);
}

function refused(what: string): KioskError {
  return new KioskError('IMAGE_MANIFEST_INVALID', `files.cfg is not one: ${what}`);
}
