/**
 * A delta: chunks of a version as zstd frames that need chunks of the version before (docs/adr/0014).
 * The index says which chunks, and of which chunks of the parent the dictionary of each is made.
 * It is trusted through its hash in the signed campus manifest, and parsed with bounds checks all
 * the same; what a frame decompresses to is compared with the chunk's own hash.
 *
 * Layout of the index, integers little-endian:
 * ```
 * 8     magic "VSTDLT1\n"
 * 32    root of the parent
 * 32    root of the version
 * 4     n, how many chunks follow, in ascending order
 * n ×   4 index of the chunk, 4 length of its frame, 1 d (0 to 4), d × 4 chunks of the parent
 * ```
 * The frames follow each other without gaps in a file of their own. The dictionary of a frame is
 * the parent's chunks, joined in this order, as raw content (RFC 8878, 5).
 */
import { KioskError } from '../../base/errors.ts';

/** Chunks of the parent that a dictionary is made of, at most: 256 KiB. */
const MAX_DICTIONARY = 4;

const MAGIC = Buffer.from('VSTDLT1\n', 'latin1');
const ROOT_BYTES = 32;
const HEAD = MAGIC.length + 2 * ROOT_BYTES + 4;

export interface DeltaEntry {
  /** Of the chunk in the new version. */
  readonly index: number;
  /** Bytes of its frame. */
  readonly length: number;
  /** Chunks of the parent. */
  readonly dictionary: readonly number[];
}

export interface DeltaIndex {
  /** Roots, hexadecimal. */
  readonly parent: string;
  readonly root: string;
  readonly entries: readonly DeltaEntry[];
}

export function encodeDeltaIndex({ parent, root, entries }: DeltaIndex): Buffer {
  const parts = [MAGIC, Buffer.from(parent, 'hex'), Buffer.from(root, 'hex'), u32(entries.length)];
  for (const { index, length, dictionary } of entries) {
    parts.push(u32(index), u32(length), Buffer.of(dictionary.length), ...dictionary.map(u32));
  }
  return Buffer.concat(parts);
}

/**
 * @param limits chunks of the new version and of its parent: no index is beyond them
 * @throws KioskError `IMAGE_MANIFEST_INVALID`
 */
export function parseDeltaIndex(
  file: Uint8Array,
  limits: { readonly chunks: number; readonly parentChunks: number },
): DeltaIndex {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < HEAD || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalid('it does not begin as one');
  }
  const rootAt = MAGIC.length + ROOT_BYTES;
  const count = bytes.readUInt32LE(HEAD - 4);
  if (count > limits.chunks) throw invalid('it has more chunks than the image');
  const entries: DeltaEntry[] = [];
  let at = HEAD;
  let before = -1;
  for (let number = 0; number < count; number++) {
    if (at + 9 > bytes.length) throw invalid('it is truncated');
    const index = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    const size = bytes.readUInt8(at + 8);
    at += 9;
    if (index <= before || index >= limits.chunks) throw invalid('its chunks are out of order');
    if (length === 0 || size > MAX_DICTIONARY || at + 4 * size > bytes.length) {
      throw invalid(`chunk ${index} has no frame, or too many parents`);
    }
    before = index;
    const dictionary: number[] = [];
    for (const end = at + 4 * size; at < end; at += 4) {
      const parent = bytes.readUInt32LE(at);
      if (parent >= limits.parentChunks) throw invalid(`the parent has no chunk ${parent}`);
      dictionary.push(parent);
    }
    entries.push({ index, length, dictionary });
  }
  if (at !== bytes.length) throw invalid('it has another length');
  return {
    parent: bytes.toString('hex', MAGIC.length, rootAt),
    root: bytes.toString('hex', rootAt, rootAt + ROOT_BYTES),
    entries,
  };
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function invalid(why: string): KioskError {
  return new KioskError('IMAGE_MANIFEST_INVALID', `The index of a delta is wrong: ${why}.`);
}
