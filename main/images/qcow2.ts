/**
 * The little of qcow2 that the store needs: which other files an image refers to (QEMU,
 * docs/interop/qcow2.txt). Session disks are written by main/sessions/vm.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { KioskError } from '../base/errors.ts';

const MAGIC = 0x514649fb;
const HEADER_BYTES = 104;
const MAX_BACKING_NAME = 1023;

const INCOMPATIBLE_DIRTY = 1n;
const INCOMPATIBLE_CORRUPT = 2n;
const INCOMPATIBLE_EXTERNAL_DATA = 4n;

export interface Qcow2Header {
  /** Path as written in the file; null: none. */
  readonly backingFile: string | null;
  /** It was not closed properly, or QEMU found damage in it. */
  readonly dirty: boolean;
  readonly corrupt: boolean;
  /** Its data are in another file. */
  readonly externalData: boolean;
}

/**
 * Reads the header of a qcow2 file.
 * @returns undefined where the file is not qcow2
 * @throws KioskError `IMAGE_SOURCE_UNSUPPORTED` for a version that QEMU of Debian 12 does not write
 */
export async function readQcow2Header(path: string): Promise<Qcow2Header | undefined> {
  const file = await open(path, 'r');
  try {
    const header = await read(file, HEADER_BYTES, 0);
    if (header.length < 72 || header.readUInt32BE(0) !== MAGIC) return undefined;
    const version = header.readUInt32BE(4);
    if (version !== 2 && version !== 3) {
      throw new KioskError(
        'IMAGE_SOURCE_UNSUPPORTED',
        `qcow2 version ${version} is not supported.`,
      );
    }
    const nameOffset = Number(header.readBigUInt64BE(8));
    const nameLength = header.readUInt32BE(16);
    const features =
      version === 3 && header.length >= HEADER_BYTES ? header.readBigUInt64BE(72) : 0n;
    const backingFile =
      nameOffset === 0
        ? null
        : (await read(file, Math.min(nameLength, MAX_BACKING_NAME), nameOffset)).toString('utf8');
    return {
      backingFile,
      dirty: (features & INCOMPATIBLE_DIRTY) !== 0n,
      corrupt: (features & INCOMPATIBLE_CORRUPT) !== 0n,
      externalData: (features & INCOMPATIBLE_EXTERNAL_DATA) !== 0n,
    };
  } finally {
    await file.close();
  }
}

async function read(file: FileHandle, length: number, position: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
