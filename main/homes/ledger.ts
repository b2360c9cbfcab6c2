/**
 * What was the same here and on the storage at the end of the last synchronisation: what tells a
 * change from a deletion, and a change here from one there. It lies in the vault, since paths are
 * the person's own business.
 */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { writeFileAtomic } from '../base/files.ts';

const LedgerEntry = z.union([
  z.strictObject({ kind: z.literal('folder') }),
  z.strictObject({
    kind: z.literal('file'),
    size: z.int().nonnegative(),
    modified: z.int(),
    /** The storage's name for this content. */
    version: z.string(),
  }),
]);
export type LedgerEntry = z.infer<typeof LedgerEntry>;

const LedgerFile = z.strictObject({
  format: z.literal(1),
  /** Another storage is another history: the ledger of one says nothing about the other. */
  storage: z.string(),
  entries: z.array(z.tuple([z.string(), LedgerEntry])),
});

export type Ledger = Map<string, LedgerEntry>;

/** An empty one where there is none, or none that can be believed: then nothing is deleted. */
export async function readLedger(path: string, storage: string): Promise<Ledger> {
  try {
    const file = LedgerFile.parse(JSON.parse(await readFile(path, 'utf8')));
    return file.storage === storage ? new Map(file.entries) : new Map();
  } catch {
    return new Map();
  }
}

/** @throws KioskError `DISK_FULL`, `DISK_READ_ONLY` */
export async function writeLedger(path: string, storage: string, ledger: Ledger): Promise<void> {
  const file: z.infer<typeof LedgerFile> = { format: 1, storage, entries: [...ledger] };
  await writeFileAtomic(path, JSON.stringify(file));
}
