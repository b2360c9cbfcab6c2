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
import { parseRootDescription, type RootDescription } from './root-description.ts';
import { DESCRIPTION, SIGNATURE, slotFiles } from './slot-files.ts';
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
 * @throws KioskError `SYSTEM_CORRUPT` where the source is not what its signed description says
 */
export async function writeIncoming(
  folder: string,
  source: CompleteSource,
  signal: AbortSignal,
  onFraction: OnFraction,
): Promise<void> {
  const target = join(folder, INCOMING);
  await mkdir(target, { recursive: true, mode: 0o755 });
  const wanted = new Set<string>(source.files.map(({ name }) => name));
  for (const name of await readdir(target)) {
    if (!wanted.has(name)) await rm(join(target, name), { recursive: true, force: true });
  }
  const total = source.files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const { name, path: from, size, sha256 } of source.files) {
    const path = join(target, name);
    const start = before;
    const report = (bytes: number): void => onFraction((start + bytes) / total);
    const there = await stat(path).catch(() => undefined);
    const kept = there?.size === size && (await hashFile(path, signal, report)) === sha256;
    if (!kept && (await copy(from, path, size, signal, report)) !== sha256) {
      await rm(path, { force: true });
      throw corrupt(name);
    }
    before += size;
  }
  await writeFileAtomic(join(target, SIGNATURE), source.signature, 0o644);
  await writeFileAtomic(join(target, DESCRIPTION), source.text, 0o644);
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
      const root = await readDescription(path);
      let bytes = 0;
      for (const { name } of slotFiles(root)) bytes += (await stat(join(path, name))).size;
      const written = await stat(join(path, DESCRIPTION));
      const verified = await stat(join(path, VERIFIED)).catch(() => undefined);
      slots.push({
        name: nameOf(letter),
        version: root.version,
        bytes,
        rootHash: root.rootHash,
        writtenAt: Math.max(0, Math.round(written.mtimeMs)),
        verified: verified !== undefined,
      });
    } catch {
      // Empty, or never finished: it is not there.
    }
  }
  return slots;
}

async function readDescription(folder: string): Promise<RootDescription> {
  return parseRootDescription(await readFile(join(folder, DESCRIPTION), 'utf8'));
}

async function verifyFolder(
  launcher: Launcher,
  folder: string,
  signal: AbortSignal,
  onFraction: OnFraction,
): Promise<void> {
  const files = await Promise.all(
    slotFiles(await readDescription(folder)).map(async (file) => {
      const path = join(folder, file.name);
      const found = await stat(path).catch(() => undefined);
      if (!found) throw corrupt(file.name);
      return { ...file, path, size: found.size };
    }),
  );
  const total = files.reduce((sum, { size }) => sum + size, 0);
  let before = 0;
  for (const { name, path, size, sha256 } of files) {
    const start = before;
    const read = await hashPlatter(launcher, path, signal, (bytes) =>
      onFraction((start + bytes) / total),
    );
    if (read !== sha256) throw corrupt(name);
    before += size;
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
  return new KioskError('SYSTEM_CORRUPT', `${file} is not what its signed description says.`, {
    details: { file },
  });
}
