/**
 * The form of a segment file: records one after the other, each checked by itself, so that a file
 * cut anywhere is read up to its last whole record (the log structure of Bitcask, Sheehy and
 * Smith, 2010). Little-endian:
 *
 * | offset | bytes | what |
 * | --- | --- | --- |
 * | 0 | 4 | `VSB1` |
 * | 4 | 1 | kind: 1 a file, 2 the description of a bundle |
 * | 5 | 3 | zero |
 * | 8 | 4 | length of the content |
 * | 12 | 32 | SHA-256 of the content |
 * | 44 | 4 | CRC-32 of the 44 bytes before: a length that can be believed |
 * | 48 | length | the content |
 */
import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';

const MAGIC = 0x31425356;
export const HEADER_BYTES = 48;
const READ_BYTES = 1024 * 1024;

export type RecordKind = 'file' | 'description';

export interface SegmentRecord {
  readonly kind: RecordKind;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  /** Of the content, from the start of the file. */
  readonly offset: number;
  readonly length: number;
}

/** @param length bytes of the content that follows */
export function encodeHeader(kind: RecordKind, sha256: string, length: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt8(kind === 'file' ? 1 : 2, 4);
  header.writeUInt32LE(length, 8);
  header.write(sha256, 12, 'hex');
  header.writeUInt32LE(crc32(header.subarray(0, 44)), 44);
  return header;
}

/** The record that a header announces, or undefined where the bytes are no header. */
function decodeHeader(header: Uint8Array, position: number): SegmentRecord | undefined {
  const bytes = Buffer.from(header.buffer, header.byteOffset, header.byteLength);
  if (bytes.length < HEADER_BYTES || bytes.readUInt32LE(0) !== MAGIC) return undefined;
  if (bytes.readUInt32LE(44) !== crc32(bytes.subarray(0, 44))) return undefined;
  const kind = bytes.readUInt8(4);
  if (kind !== 1 && kind !== 2) return undefined;
  return {
    kind: kind === 1 ? 'file' : 'description',
    sha256: bytes.toString('hex', 12, 44),
    offset: position + HEADER_BYTES,
    length: bytes.readUInt32LE(8),
  };
}

/**
 * Reads and checks the records from `start` on.
 * @returns the good ones; `damaged` how many were whole but wrong (a bad sector); `end` where
 * reading had to stop: everything behind it is no record
 */
export async function scanSegment(
  file: FileHandle,
  size: number,
  start: number,
): Promise<{ records: SegmentRecord[]; damaged: number; end: number }> {
  const records: SegmentRecord[] = [];
  const header = Buffer.alloc(HEADER_BYTES);
  let damaged = 0;
  let position = start;
  while (position + HEADER_BYTES <= size) {
    await file.read(header, 0, HEADER_BYTES, position);
    const record = decodeHeader(header, position);
    if (record === undefined || record.offset + record.length > size) break;
    if (await holds(file, record)) records.push(record);
    else damaged++;
    position = record.offset + record.length;
  }
  return { records, damaged, end: position };
}

/** Whether the content has the hash it should; read in pieces, so that main is never blocked long. */
async function holds(file: FileHandle, record: SegmentRecord): Promise<boolean> {
  const hash = createHash('sha256');
  for await (const piece of readPieces(file, record)) hash.update(piece);
  return hash.digest('hex') === record.sha256;
}

/** The content of a record if its hash is right, else undefined. Read and hashed in pieces. */
export async function readRecord(
  file: FileHandle,
  record: SegmentRecord,
): Promise<Buffer | undefined> {
  const content = Buffer.allocUnsafe(record.length);
  const hash = createHash('sha256');
  let filled = 0;
  while (filled < record.length) {
    const wanted = Math.min(READ_BYTES, record.length - filled);
    const { bytesRead } = await file.read(content, filled, wanted, record.offset + filled);
    if (bytesRead === 0) return undefined;
    hash.update(content.subarray(filled, filled + bytesRead));
    filled += bytesRead;
  }
  return hash.digest('hex') === record.sha256 ? content : undefined;
}

/** The bytes of a record as they are, unchecked, in pieces that are only valid until the next. */
async function* readPieces(file: FileHandle, record: SegmentRecord): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, record.length));
  let done = 0;
  while (done < record.length) {
    const wanted = Math.min(buffer.length, record.length - done);
    const { bytesRead } = await file.read(buffer, 0, wanted, record.offset + done);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    done += bytesRead;
  }
}
