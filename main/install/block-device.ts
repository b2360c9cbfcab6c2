/** Bytes of a block device, read and written in place and durably. */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { fromDiskError, KioskError } from '../base/errors.ts';
import type { ReadAt } from './fat.ts';

/** @returns fewer bytes at the end of the device */
export async function readAt(path: string, position: number, length: number): Promise<Buffer> {
  return await using(path, constants.O_RDONLY, (handle) => readFrom(handle, position, length));
}

/** Runs `work` with a reader of the device. */
export async function withReader<T>(path: string, work: (read: ReadAt) => Promise<T>): Promise<T> {
  return await using(path, constants.O_RDONLY, (handle) =>
    work((position, length) => readFrom(handle, position, length)),
  );
}

/** Writes and waits until the device says that it is on the platter. */
export async function writeAt(path: string, position: number, bytes: Buffer): Promise<void> {
  await using(path, constants.O_RDWR, async (handle) => {
    const { bytesWritten } = await handle.write(bytes, 0, bytes.length, position);
    if (bytesWritten !== bytes.length) {
      throw new KioskError('BOOT_LOADER_FAILED', `${path} took ${bytesWritten} bytes only.`);
    }
    await handle.sync();
  });
}

/** Flushes what others (mtools, mkfs) wrote, through the device's own cache. */
export async function syncDevice(path: string): Promise<void> {
  await using(path, constants.O_RDWR, (handle) => handle.sync());
}

async function readFrom(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

async function using<T>(
  path: string,
  flags: number,
  work: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await open(path, flags);
  try {
    return await work(handle);
  } catch (error) {
    throw fromDiskError(error, `using ${path}`);
  } finally {
    await handle.close();
  }
}
