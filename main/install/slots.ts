/**
 * The two slots of systems on the disk. A new system is written beside them, read back from the
 * platter, and only then takes the place of the old one: until then the old one stays whole.
 */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Slot, SlotName } from '../../preload/contract/install.ts';
import { fromDiskError, KioskError } from '../base/errors.ts';
import { fsyncFolder, writeFileAtomic } from '../base/files.ts';
import type { Launcher } from '../process/launcher.ts';
import type { Letter } from './grubenv.ts';
import { parseRootDescription } from './root-description.ts';
import { parseSlotFiles, SLOT_FILES, type SlotFiles, totalBytes } from './slot-files.ts';
import type { CompleteSource } from './source.ts';

const INCOMING = '.incoming';
const OUTGOING = '.outgoing';
/** Beside the files: the last full reading back found every byte right. */
const VERIFIED = 'verified';

export const letterOf = (slot: SlotName): Letter => (slot === 'A' ? 'a' : 'b');
export const nameOf = (letter: Letter): SlotName => (letter === 'a' ? 'A' : 'B');

/** @param fraction 0 to 1 of all bytes */
export type OnFraction = (fraction: number) => void;

/**
 * Copies a system beside the slots. What an interrupted copy left and is right is kept.
 *
 * @param folder the subvolume `slots`
 * @throws KioskError `SYSTEM_CORRUPT` where the source is not what its signed list says
 */
export async function writeIncoming(
  folder: string,
  source: CompleteSource,
  signal: AbortSignal,
  onFraction: OnFraction,
): Promise<void> {
  const target = join(folder, INCOMING);
  await mkdir(target, { recursive: true, mode: 0o755 });
  const total = totalBytes(source.files);
  let before = 0;
  for (const name of SLOT_FILES) {
    const facts = source.files[name];
    const from = source.paths[name];
    if (facts === undefined || from === undefined) continue;
    const path = join(target, name);
    const start = before;
    const report = (bytes: number): void => onFraction((start + bytes) / total);
    const there = await stat(path).catch(() => undefined);
    const kept =
      there?.size === facts.size && (await hashFile(path, signal, report)) === facts.sha256;
    if (!kept) {
      const sha256 = await copy(from, path, facts.size, signal, report);
      if (sha256 !== facts.sha256) {
        await rm(path, { force: true });
        throw corrupt(name);
      }
    }
    before += facts.size;
  }
  for (const name of await readdir(target)) {
    if (!(SLOT_FILES as readonly string[]).includes(name)) {
      await rm(join(target, name), { recursive: true, force: true });
    }
  }
  await writeFileAtomic(join(target, 'files.cfg'), source.list.text, 0o644);
  await writeFileAtomic(join(target, 'files.cfg.sig'), source.list.signature, 0o644);
}

/**
 * Reads every file of the incoming system from the platter, past the page cache.
 * @throws KioskError `SYSTEM_CORRUPT`
 */
export async function verifyIncoming(
  launcher: Launcher,
  folder: string,
  signal: AbortSignal,
  onFraction: OnFraction,
): Promise<void> {
  await verifyFolder(launcher, join(folder, INCOMING), signal, onFraction);
}

/** Reads a slot back likewise. */
export async function verifySlot(
  launcher: Launcher,
  folder: string,
  letter: Letter,
  signal: AbortSignal,
  onFraction: OnFraction,
): Promise<void> {
  const slot = join(folder, letter);
  await rm(join(slot, VERIFIED), { force: true });
  await verifyFolder(launcher, slot, signal, onFraction);
}

/** The incoming system, written and verified, takes the slot's place. */
export async function publish(folder: string, letter: Letter): Promise<void> {
  const slot = join(folder, letter);
  const outgoing = join(folder, OUTGOING);
  await rm(outgoing, { recursive: true, force: true });
  await rename(slot, outgoing).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  });
  await rename(join(folder, INCOMING), slot);
  await fsyncFolder(folder);
  await rm(outgoing, { recursive: true, force: true });
}

/** What the slots hold; a slot without a whole system is left out. */
export async function readSlots(folder: string): Promise<Slot[]> {
  const slots: Slot[] = [];
  for (const letter of ['a', 'b'] as const) {
    try {
      const path = join(folder, letter);
      const root = parseRootDescription(await readFile(join(path, 'root.cfg'), 'utf8'));
      const list = join(path, 'files.cfg');
      const files = parseSlotFiles(await readFile(list, 'utf8'));
      const verified = await stat(join(path, VERIFIED)).catch(() => undefined);
      slots.push({
        name: nameOf(letter),
        version: root.version,
        bytes: totalBytes(files),
        rootHash: root.rootHash,
        writtenAt: Math.max(0, Math.round((await stat(list)).mtimeMs)),
        verified: verified !== undefined && (await sizesFit(path, files)),
      });
    } catch {
      // Empty, or never finished: it is not there.
    }
  }
  return slots;
}

async function sizesFit(folder: string, files: SlotFiles): Promise<boolean> {
  for (const name of SLOT_FILES) {
    const facts = files[name];
    if (facts === undefined) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found?.size !== facts.size) return false;
  }
  return true;
}

async function verifyFolder(
  launcher: Launcher,
  folder: string,
  signal: AbortSignal,
  onFraction: OnFraction,
): Promise<void> {
  const files = parseSlotFiles(await readFile(join(folder, 'files.cfg'), 'utf8'));
  const total = totalBytes(files);
  let before = 0;
  for (const name of SLOT_FILES) {
    const facts = files[name];
    if (facts === undefined) continue;
    const start = before;
    const sha256 = await hashPlatter(launcher, join(folder, name), signal, (bytes) =>
      onFraction((start + bytes) / total),
    );
    if (sha256 !== facts.sha256) throw corrupt(name);
    before += facts.size;
  }
  await writeFileAtomic(join(folder, VERIFIED), '', 0o644);
}

const BLOCK = 1024 * 1024;

/** @returns the SHA-256 of what was written, which is durable */
async function copy(
  from: string,
  to: string,
  size: number,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const hash = createHash('sha256');
  let written = 0;
  try {
    const target = await open(to, 'w', 0o644);
    try {
      for await (const chunk of createReadStream(from, { highWaterMark: BLOCK, signal })) {
        const bytes = chunk as Buffer;
        written += bytes.length;
        // A source that grows meanwhile never fills the disk.
        if (written > size) break;
        hash.update(bytes);
        await target.write(bytes);
        onBytes(written);
      }
      await target.sync();
    } finally {
      await target.close();
    }
  } catch (error) {
    throw fromDiskError(error, 'writing the system');
  }
  return hash.digest('hex');
}

async function hashFile(
  path: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const stream = createReadStream(path, { highWaterMark: BLOCK, signal });
  return await hashStream(stream, onBytes);
}

/** Direct reads (open(2), O_DIRECT) by dd(1): what the disk has, not what memory remembers. */
async function hashPlatter(
  launcher: Launcher,
  path: string,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const child = await launcher.launch({
    program: 'dd',
    args: [`if=${path}`, 'iflag=direct', 'bs=1M', 'status=none'],
    signal,
  });
  const sha256 = await hashStream(child.stdout, onBytes);
  const { code, stderrTail } = await child.exited;
  signal.throwIfAborted();
  if (code !== 0) {
    throw new KioskError('SYSTEM_CORRUPT', `The disk cannot be read: ${stderrTail.slice(-500)}`);
  }
  return sha256;
}

async function hashStream(
  stream: AsyncIterable<unknown>,
  onBytes: (bytes: number) => void,
): Promise<string> {
  const hash: Hash = createHash('sha256');
  let read = 0;
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    read += (chunk as Buffer).length;
    onBytes(read);
  }
  return hash.digest('hex');
}

function corrupt(file: string): KioskError {
  return new KioskError('SYSTEM_CORRUPT', `${file} is not what its signed list says.`, {
    details: { file },
  });
}
