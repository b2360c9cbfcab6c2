/**
 * What a restarted main must know of a machine: one file in its runtime folder, written before
 * anything is started, so that there is never a machine without one.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Id, Text } from '../../../preload/contract/model.ts';
import { writeFileAtomic } from '../../base/files.ts';

export const MachineRecord = z.object({
  format: z.literal(1),
  sessionId: Id,
  groupId: Id,
  entryId: Id,
  title: Text,
  machine: z.string().nullable(),
  personId: z.string(),
  startedAt: z.int(),
  memoryMib: z.int(),
  console: z.boolean(),
  /** Network cards that lead to the computer's networks. */
  userCards: z.array(z.int()),
  /** The SPICE password; the folder is the kiosk user's own, and gone after a restart. */
  password: z.string(),
  /** Removed at the end. */
  disks: z.string(),
  /** The person's own state, which stays. */
  kept: z.string().nullable(),
});
export type MachineRecord = z.output<typeof MachineRecord>;

const NAME = 'record.json';

/** Whole or not at all, also at a power cut. */
export async function writeRecord(folder: string, record: MachineRecord): Promise<void> {
  await writeFileAtomic(join(folder, NAME), JSON.stringify(record));
}

/** Undefined for a folder whose record is missing or not ours. */
export async function readRecord(folder: string): Promise<MachineRecord | undefined> {
  try {
    return MachineRecord.parse(JSON.parse(await readFile(join(folder, NAME), 'utf8')));
  } catch {
    return undefined;
  }
}
