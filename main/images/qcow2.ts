/**
 * The little of qcow2 that the store needs: reading a header, and writing an overlay, so that a
 * session's disk costs one small file instead of a child process (QEMU, docs/interop/qcow2.txt).
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { fromDiskError, KioskError } from '../base/errors.ts';
import type { ImageFormat } from './manifest.ts';

const MAGIC = 0x514649fb;
const CLUSTER = 65_536;
const CLUSTER_BITS = 16;
const HEADER_BYTES = 104;
/** Header extension: name of the backing file's format. */
const EXTENSION_BACKING_FORMAT = 0xe2792aca;
/** Guest bytes that one L2 table maps: 8,192 clusters. */
const L2_COVERS = (CLUSTER / 8) * CLUSTER;
const MAX_BACKING_NAME = 1023;

const INCOMPATIBLE_DIRTY = 1n;
const INCOMPATIBLE_CORRUPT = 2n;
const INCOMPATIBLE_EXTERNAL_DATA = 4n;

export interface Qcow2Header {
  readonly version: number;
  /** Bytes that the guest sees. */
  readonly virtualSize: number;
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
      version,
      virtualSize: Number(header.readBigUInt64BE(24)),
      backingFile,
      dirty: (features & INCOMPATIBLE_DIRTY) !== 0n,
      corrupt: (features & INCOMPATIBLE_CORRUPT) !== 0n,
      externalData: (features & INCOMPATIBLE_EXTERNAL_DATA) !== 0n,
    };
  } finally {
    await file.close();
  }
}

/**
 * Writes an empty qcow2 overlay over a base image: a few hundred KiB of header and tables whatever
 * the image's size (one cluster of level-1 table per 4 TiB). Not synced: a session's disk that a
 * power cut loses is made again.
 *
 * @param base absolute path of the base image, which must not change while the overlay exists
 * @param path of the new file; it must not exist
 * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`, `MACHINE_IMAGE_CORRUPT` where the base is not
 * what `format` says
 */
export async function createOverlay(
  base: { readonly path: string; readonly format: ImageFormat },
  path: string,
): Promise<void> {
  const virtualSize = await virtualSizeOf(base);
  const bytes = overlayBytes(base, virtualSize);
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(bytes);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw fromDiskError(error, 'making the disk of a session');
  }
}

async function virtualSizeOf(base: { path: string; format: ImageFormat }): Promise<number> {
  if (base.format === 'qcow2') {
    const header = await readQcow2Header(base.path);
    if (!header) {
      throw new KioskError('MACHINE_IMAGE_CORRUPT', 'The image is not qcow2, as it should be.');
    }
    return header.virtualSize;
  }
  const file = await open(base.path, 'r');
  try {
    const { size } = await file.stat();
    return Math.ceil(size / 512) * 512;
  } finally {
    await file.close();
  }
}

/** Cluster 0: header, extension, name. 1: refcount table. 2: refcount block. From 3: L1 table. */
function overlayBytes(base: { path: string; format: ImageFormat }, virtualSize: number): Buffer {
  const name = Buffer.from(base.path, 'utf8');
  const format = Buffer.from(base.format, 'latin1');
  if (name.length > MAX_BACKING_NAME) {
    throw new KioskError('IMAGE_SOURCE_UNSUPPORTED', 'The path of the base image is too long.');
  }
  const l1Entries = Math.ceil(virtualSize / L2_COVERS);
  const l1Clusters = Math.ceil((l1Entries * 8) / CLUSTER);
  const clusters = 3 + l1Clusters;
  const file = Buffer.alloc(clusters * CLUSTER);
  const extensionLength = 8 + Math.ceil(format.length / 8) * 8;
  const nameOffset = HEADER_BYTES + extensionLength + 8;

  file.writeUInt32BE(MAGIC, 0);
  file.writeUInt32BE(3, 4);
  file.writeBigUInt64BE(BigInt(nameOffset), 8);
  file.writeUInt32BE(name.length, 16);
  file.writeUInt32BE(CLUSTER_BITS, 20);
  file.writeBigUInt64BE(BigInt(virtualSize), 24);
  file.writeUInt32BE(l1Entries, 36);
  file.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  file.writeBigUInt64BE(BigInt(CLUSTER), 48);
  file.writeUInt32BE(1, 56);
  file.writeUInt32BE(4, 96); // refcounts of 16 bits
  file.writeUInt32BE(HEADER_BYTES, 100);
  file.writeUInt32BE(EXTENSION_BACKING_FORMAT, HEADER_BYTES);
  file.writeUInt32BE(format.length, HEADER_BYTES + 4);
  format.copy(file, HEADER_BYTES + 8);
  // Eight zero bytes end the list of extensions.
  name.copy(file, nameOffset);

  file.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let cluster = 0; cluster < clusters; cluster++) {
    file.writeUInt16BE(1, 2 * CLUSTER + 2 * cluster);
  }
  return file;
}

async function read(file: FileHandle, length: number, position: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}
