/**
 * How far an installation is, kept on the disk itself at the top of its BTRFS: written before each
 * step, so that what a power cut leaves behind says what was under way. Complete is only a disk
 * with the label KIOSK whose breadcrumb says `done`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { INSTALL_STEPS } from '../../preload/contract/install.ts';
import { writeFileAtomic } from '../base/files.ts';
import type { Table } from '../base/machine.ts';

const FILE = 'install.json';

export const Progress = z.enum([...INSTALL_STEPS, 'done']);
export type Progress = z.infer<typeof Progress>;

export const INSTALL_TABLE: Table<Progress, 'step'> = {
  partitioning: { step: 'formatting' },
  formatting: { step: 'writing' },
  writing: { step: 'verifying' },
  verifying: { step: 'bootloader' },
  bootloader: { step: 'activating' },
  activating: { step: 'done' },
  done: {},
};

const Breadcrumb = z.object({
  format: z.literal(1),
  progress: Progress,
  /** UUIDs of our partitions: of the installation that this breadcrumb belongs to. */
  partitions: z.array(z.string()).max(8),
  version: z.string().max(128),
  /** Files of the loader also went where firmware looks without a boot entry. */
  removable: z.boolean(),
  /** The boot code of sector 0 before ours, in Base64; null: not touched. */
  formerBootCode: z.string().max(700).nullable(),
});
export type Breadcrumb = z.infer<typeof Breadcrumb>;

/** @returns undefined where there is none, or none that can be read */
export async function readBreadcrumb(root: string): Promise<Breadcrumb | undefined> {
  try {
    return Breadcrumb.parse(JSON.parse(await readFile(join(root, FILE), 'utf8')));
  } catch {
    return undefined;
  }
}

/** Whole and on the platter once this returns. */
export async function writeBreadcrumb(root: string, breadcrumb: Breadcrumb): Promise<void> {
  await writeFileAtomic(join(root, FILE), `${JSON.stringify(breadcrumb)}\n`, 0o644);
}
