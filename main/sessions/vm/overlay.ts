/**
 * Disk images as bytes: the checks that come before QEMU is given a base image, and the overlay
 * of a session. The overlay's header is written here because starting `qemu-img` costs tens of
 * milliseconds between a click and the first picture (docs/adr/0005-local-machines.md).
 * Format: docs/interop/qcow2.txt of QEMU.
 */
import { open } from 'node:fs/promises';
import { fromDiskError, KioskError } from '../../base/errors.ts';

const MAGIC = 0x514649fb;
const HEADER = 104;
const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
/** What one entry of the first-level table maps: a cluster of 8-byte entries, a cluster each. */
const L1_SPAN = (CLUSTER / 8) * CLUSTER;
const BACKING_FORMAT = 0xe2792aca;
const INCOMPATIBLE_EXTERNAL_DATA = 1n << 2n;
const INCOMPATIBLE_KNOWN = 0b11111n;
const INCOMPATIBLE_CORRUPT = 1n << 1n;
const MAX_VIRTUAL = 2n ** 53n;

export type DiskFormat = 'raw' | 'qcow2';

/**
 * Checks a base image and returns its virtual size in bytes. A base must stand alone: one that
 * names a backing file or an external data file could make QEMU open any file of the kiosk.
 * @throws KioskError `MACHINE_IMAGE_MISSING`, `MACHINE_IMAGE_CORRUPT`
 */
export async function checkBase(path: string, format: DiskFormat): Promise<number> {
  const handle = await open(path, 'r').catch((error: unknown) => {
    throw new KioskError('MACHINE_IMAGE_MISSING', 'The image file cannot be read.', {
      cause: error,
    });
  });
  try {
    const { size } = await handle.stat();
    if (format === 'raw') return checkRaw(size);
    const header = Buffer.alloc(HEADER);
    const { bytesRead } = await handle.read(header, 0, HEADER, 0);
    return checkQcow2(header.subarray(0, bytesRead), size);
  } finally {
    await handle.close();
  }
}

function checkRaw(size: number): number {
  if (size === 0 || size % 512 !== 0)
    throw corrupt(`a raw disk has whole sectors, this one ${size} bytes`);
  return size;
}

/** @param fileSize of the whole file, to notice a truncated one */
export function checkQcow2(header: Buffer, fileSize: number): number {
  if (header.length < 72 || header.readUInt32BE(0) !== MAGIC) throw corrupt('not in qcow2 format');
  const version = header.readUInt32BE(4);
  if (version !== 2 && version !== 3) throw corrupt(`unknown qcow2 version ${version}`);
  if (header.readBigUInt64BE(8) !== 0n) throw corrupt('names a backing file');
  if (header.readUInt32BE(32) !== 0) throw corrupt('is encrypted');
  const virtual = header.readBigUInt64BE(24);
  const clusterBits = header.readUInt32BE(20);
  if (virtual === 0n || virtual > MAX_VIRTUAL || clusterBits < 9 || clusterBits > 21)
    throw corrupt('impossible sizes in its header');
  if (version === 3) {
    if (header.length < HEADER) throw corrupt('its header is cut');
    const incompatible = header.readBigUInt64BE(72);
    if ((incompatible & INCOMPATIBLE_EXTERNAL_DATA) !== 0n) throw corrupt('names a data file');
    if ((incompatible & INCOMPATIBLE_CORRUPT) !== 0n) throw corrupt('marked as corrupt');
    if ((incompatible & ~INCOMPATIBLE_KNOWN) !== 0n) throw corrupt('uses unknown features');
  }
  const l1Entries = BigInt(header.readUInt32BE(36));
  const l1End = header.readBigUInt64BE(40) + l1Entries * 8n;
  const refcountEnd =
    header.readBigUInt64BE(48) + (BigInt(header.readUInt32BE(56)) << BigInt(clusterBits));
  if (l1End > BigInt(fileSize) || refcountEnd > BigInt(fileSize)) throw corrupt('it is cut short');
  return Number(virtual);
}

/**
 * Creates an empty qcow2 file: an overlay when `backing` is given, else an empty disk.
 * @param virtualSize bytes
 * @throws KioskError `DISK_FULL`, `DISK_READ_ONLY`; Error where the file exists
 */
export async function createQcow2(
  path: string,
  virtualSize: number,
  backing?: { readonly path: string; readonly format: DiskFormat },
): Promise<void> {
  try {
    const handle = await open(path, 'wx', 0o600);
    try {
      const bytes = emptyQcow2(virtualSize, backing);
      await handle.write(bytes, 0, bytes.length, 0);
      // The tables after what was written are zeros, which a hole reads as.
      await handle.truncate(layout(virtualSize).end);
    } finally {
      await handle.close();
    }
  } catch (error) {
    throw fromDiskError(error, "creating a machine's disk");
  }
}

function layout(virtualSize: number): { l1Entries: number; l1Clusters: number; end: number } {
  const l1Entries = Math.ceil(virtualSize / L1_SPAN);
  const l1Clusters = Math.max(1, Math.ceil((l1Entries * 8) / CLUSTER));
  // header, refcount table, refcount block, first-level table
  return { l1Entries, l1Clusters, end: (3 + l1Clusters) * CLUSTER };
}

/** Header, refcount table and refcount block: everything that is not zero. */
export function emptyQcow2(
  virtualSize: number,
  backing?: { readonly path: string; readonly format: DiskFormat },
): Buffer {
  if (!Number.isSafeInteger(virtualSize) || virtualSize <= 0 || virtualSize % 512 !== 0)
    throw corrupt('a disk has whole sectors');
  const { l1Entries, l1Clusters } = layout(virtualSize);
  const bytes = Buffer.alloc(3 * CLUSTER);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(3, 4);
  bytes.writeUInt32BE(CLUSTER_BITS, 20);
  bytes.writeBigUInt64BE(BigInt(virtualSize), 24);
  bytes.writeUInt32BE(l1Entries, 36);
  bytes.writeBigUInt64BE(BigInt(3 * CLUSTER), 40);
  bytes.writeBigUInt64BE(BigInt(CLUSTER), 48); // refcount table
  bytes.writeUInt32BE(1, 56);
  bytes.writeUInt32BE(4, 96); // 16-bit refcounts
  bytes.writeUInt32BE(HEADER, 100);
  if (backing) {
    const name = Buffer.from(backing.path);
    if (name.length > 1023) throw corrupt('its path is too long for an overlay');
    const format = Buffer.from(backing.format);
    bytes.writeUInt32BE(BACKING_FORMAT, HEADER);
    bytes.writeUInt32BE(format.length, HEADER + 4);
    format.copy(bytes, HEADER + 8);
    // After the extension, padded to 8, comes the end marker (8 zeros), then the name.
    const nameAt = HEADER + 8 + Math.ceil(format.length / 8) * 8 + 8;
    bytes.writeBigUInt64BE(BigInt(nameAt), 8);
    bytes.writeUInt32BE(name.length, 16);
    name.copy(bytes, nameAt);
  }
  bytes.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let cluster = 0; cluster < 3 + l1Clusters; cluster++)
    bytes.writeUInt16BE(1, 2 * CLUSTER + cluster * 2);
  return bytes;
}

function corrupt(why: string): KioskError {
  return new KioskError('MACHINE_IMAGE_CORRUPT', `The image is not usable: ${why}.`);
}
