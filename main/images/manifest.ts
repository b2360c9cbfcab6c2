/**
 * The image manifest: what an image is, chunk by chunk. It is a binary file (docs/images.md),
 * because a 40 GiB image has 655,360 chunks; it is trusted through its SHA-256 in the signed
 * campus manifest, and parsed with bounds checks all the same.
 *
 * Layout, integers little-endian:
 * ```
 * 8      magic "VSTIMG1\n"
 * 4      H, length of the header
 * H      header, JSON in UTF-8
 * 4 · n  stored length of each chunk; 0: the chunk is all zeros and is not stored;
 *        the chunk's own length: stored as it is; less: a zstd frame (RFC 8878)
 * 32 · k SHA-256 of each chunk that is not all zeros, in order
 * ```
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Json } from '../../preload/contract/errors.ts';
import { Id } from '../../preload/contract/model.ts';
import { KioskError } from '../base/errors.ts';
import { Sha256 } from '../base/manifest.ts';
import { CHUNK_SIZE } from './chunk-size.ts';

export { CHUNK_SIZE };

/** The largest image manifest that is read, as in the campus manifest's schema. */
const MAX_MANIFEST_BYTES = 256 * 1024 * 1024;

const MAGIC = Buffer.from('VSTIMG1\n', 'latin1');
const MAX_HEADER_BYTES = 1024 * 1024;
const HASH_BYTES = 32;
/** Separates the root from every other SHA-256 over a list of hashes. */
const ROOT_DOMAIN = 'vestibule image root 1\n';

const Header = z.object({
  id: Id,
  version: z.string().min(1).max(128),
  format: z.enum(['qcow2', 'raw']),
  size: z.int().min(0),
  chunkSize: z.literal(CHUNK_SIZE),
  /** `packed`: stored chunks one after another. `plain`: the image itself, zeros included. */
  layout: z.enum(['packed', 'plain']),
  root: Sha256,
  /** Versions from which little has changed, the nearest first. */
  parents: z
    .array(z.object({ version: z.string().min(1).max(128), root: Sha256 }))
    .max(64)
    .default([]),
  /** The machine's description, for entries of the catalogue that have none. */
  description: z.json().optional(),
});
type Header = z.infer<typeof Header>;

export type ImageFormat = Header['format'];
export type ImageLayout = Header['layout'];

/** Where a chunk's stored bytes are in the packed (or plain) file. */
export interface StoredChunk {
  readonly offset: number;
  readonly length: number;
  readonly encoding: 'zero' | 'raw' | 'zstd';
}

export interface ImageManifestParts {
  readonly id: string;
  readonly version: string;
  readonly format: ImageFormat;
  readonly size: number;
  readonly layout: ImageLayout;
  readonly parents: ReadonlyArray<{ readonly version: string; readonly root: string }>;
  readonly description?: Json | undefined;
  /** 32 bytes per chunk, zero chunks included. */
  readonly hashes: Uint8Array;
  /** Stored length per chunk; 0 for a chunk of zeros. */
  readonly storedLengths: Uint32Array;
}

export class ImageManifest {
  readonly id: string;
  readonly version: string;
  readonly format: ImageFormat;
  /** Bytes of the image. */
  readonly size: number;
  readonly chunkSize: typeof CHUNK_SIZE = CHUNK_SIZE;
  /** How many chunks: `ceil(size / chunkSize)`. */
  readonly chunks: number;
  readonly layout: ImageLayout;
  /** Hexadecimal SHA-256 over a domain prefix and all chunk hashes: the name of these contents. */
  readonly root: string;
  readonly parents: ReadonlyArray<{ readonly version: string; readonly root: string }>;
  readonly description: Json | undefined;
  /** Bytes of the file that holds the stored chunks. */
  readonly storedSize: number;
  readonly #hashes: Uint8Array;
  readonly #lengths: Uint32Array;
  /** Offset of each chunk in the stored file. */
  readonly #offsets: Float64Array;

  /** @throws KioskError `IMAGE_MANIFEST_INVALID` where the tables do not fit the size */
  constructor(parts: ImageManifestParts) {
    this.id = parts.id;
    this.version = parts.version;
    this.format = parts.format;
    this.size = parts.size;
    this.chunks = Math.ceil(parts.size / CHUNK_SIZE);
    this.layout = parts.layout;
    this.parents = parts.parents;
    this.description = parts.description;
    this.#hashes = parts.hashes;
    this.#lengths = parts.storedLengths;
    if (this.#hashes.length !== this.chunks * HASH_BYTES || this.#lengths.length !== this.chunks) {
      throw invalid('its tables do not fit its size');
    }
    this.#offsets = new Float64Array(this.chunks);
    let offset = 0;
    for (let index = 0; index < this.chunks; index++) {
      const stored = this.#lengths[index] ?? 0;
      const length = this.chunkLength(index);
      if (stored > length) throw invalid(`chunk ${index} is stored longer than it is`);
      if (this.layout === 'plain') {
        if (stored !== 0 && stored !== length) {
          throw invalid(`chunk ${index} of a plain image is compressed`);
        }
        this.#offsets[index] = index * CHUNK_SIZE;
      } else {
        this.#offsets[index] = offset;
        offset += stored;
      }
    }
    this.storedSize = this.layout === 'plain' ? this.size : offset;
    this.root = createHash('sha256').update(ROOT_DOMAIN).update(this.#hashes).digest('hex');
  }

  /** Bytes of a chunk once decompressed. */
  chunkLength(index: number): number {
    return chunkLength(this.size, index);
  }

  /** SHA-256 of the decompressed chunk: a view of 32 bytes, not to be changed. */
  hash(index: number): Uint8Array {
    return this.#hashes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }

  /** The hashes of chunks `from` to `to - 1`, concatenated: a view, not to be changed. */
  hashesOf(from: number, to: number): Uint8Array {
    return this.#hashes.subarray(from * HASH_BYTES, to * HASH_BYTES);
  }

  /** True where the chunk is all zeros: nobody need send it. */
  isZero(index: number): boolean {
    return this.#lengths[index] === 0;
  }

  stored(index: number): StoredChunk {
    const length = this.#lengths[index] ?? 0;
    return {
      offset: this.#offsets[index] ?? 0,
      length,
      encoding: length === 0 ? 'zero' : length === this.chunkLength(index) ? 'raw' : 'zstd',
    };
  }

  /** The file's bytes; the same for the same parts. */
  encode(): Buffer {
    const header: Header = {
      id: this.id,
      version: this.version,
      format: this.format,
      size: this.size,
      chunkSize: CHUNK_SIZE,
      layout: this.layout,
      root: this.root,
      parents: this.parents.map(({ version, root }) => ({ version, root })),
      ...(this.description === undefined ? {} : { description: this.description }),
    };
    const json = Buffer.from(JSON.stringify(header), 'utf8');
    if (json.length > MAX_HEADER_BYTES) throw invalid('its header is too long');
    let kept = 0;
    for (const length of this.#lengths) if (length !== 0) kept++;
    const tables = MAGIC.length + 4 + json.length;
    const file = Buffer.alloc(tables + 4 * this.chunks + HASH_BYTES * kept);
    MAGIC.copy(file);
    file.writeUInt32LE(json.length, MAGIC.length);
    json.copy(file, MAGIC.length + 4);
    let at = tables + 4 * this.chunks;
    for (let index = 0; index < this.chunks; index++) {
      file.writeUInt32LE(this.#lengths[index] ?? 0, tables + 4 * index);
      if (this.isZero(index)) continue;
      file.set(this.hash(index), at);
      at += HASH_BYTES;
    }
    return file;
  }
}

/**
 * Reads an image manifest. The caller has compared the file's SHA-256 with the pinned one.
 * @throws KioskError `IMAGE_MANIFEST_INVALID`
 */
export function parseImageManifest(file: Uint8Array): ImageManifest {
  const { header, chunks, lengthAt, hashes: table } = openTables(file);
  const storedLengths = new Uint32Array(chunks);
  const hashes = new Uint8Array(chunks * HASH_BYTES);
  let at = 0;
  for (let index = 0; index < chunks; index++) {
    const length = lengthAt(index);
    storedLengths[index] = length;
    if (length === 0) {
      hashes.set(zeroHash(chunkLength(header.size, index)), index * HASH_BYTES);
    } else {
      hashes.set(table.subarray(at, at + HASH_BYTES), index * HASH_BYTES);
      at += HASH_BYTES;
    }
  }
  const manifest = new ImageManifest({ ...header, hashes, storedLengths });
  if (manifest.root !== header.root) throw invalid('its root does not follow from its hashes');
  return manifest;
}

/** A chunk to be compared with its hash. */
export interface SampledChunk {
  readonly index: number;
  readonly length: number;
  readonly hash: Uint8Array;
}

/**
 * Some chunks of an image manifest, without building its tables: the quick look at launch.
 * @param picks numbers from 0 (inclusive) to 1 (exclusive) that choose the chunks
 * @throws KioskError `IMAGE_MANIFEST_INVALID`
 */
export function sampleChunks(file: Uint8Array, picks: readonly number[]): SampledChunk[] {
  const { header, chunks, lengthAt, hashes } = openTables(file);
  const wanted = new Set(chunks === 0 ? [] : picks.map((pick) => Math.floor(pick * chunks)));
  const sampled: SampledChunk[] = [];
  let at = 0;
  for (let index = 0; index < chunks; index++) {
    const length = chunkLength(header.size, index);
    const zero = lengthAt(index) === 0;
    if (wanted.has(index)) {
      const hash = zero ? zeroHash(length) : hashes.subarray(at, at + HASH_BYTES);
      sampled.push({ index, length, hash });
    }
    if (!zero) at += HASH_BYTES;
  }
  return sampled;
}

/** Checks magic, header and the lengths of both tables. */
function openTables(file: Uint8Array): {
  header: Header;
  chunks: number;
  lengthAt: (index: number) => number;
  hashes: Buffer;
} {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const start = MAGIC.length + 4;
  if (bytes.length > MAX_MANIFEST_BYTES) throw invalid('it is too large');
  if (bytes.length < start || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw invalid('it does not begin as one');
  }
  const headerLength = bytes.readUInt32LE(MAGIC.length);
  if (headerLength > MAX_HEADER_BYTES || start + headerLength > bytes.length) {
    throw invalid('its header is too long');
  }
  const header = parseHeader(bytes.subarray(start, start + headerLength));
  const chunks = Math.ceil(header.size / CHUNK_SIZE);
  const tables = start + headerLength;
  if (4 * chunks > bytes.length - tables) throw invalid('it is truncated');
  const view = new DataView(bytes.buffer, bytes.byteOffset + tables, 4 * chunks);
  const lengthAt = (index: number): number => view.getUint32(4 * index, true);
  let kept = 0;
  for (let index = 0; index < chunks; index++) if (lengthAt(index) !== 0) kept++;
  const hashes = bytes.subarray(tables + 4 * chunks);
  if (hashes.length !== HASH_BYTES * kept) throw invalid('its hash table has another length');
  return { header, chunks, lengthAt, hashes };
}

function chunkLength(size: number, index: number): number {
  return Math.min(CHUNK_SIZE, size - index * CHUNK_SIZE);
}

const FULL_ZERO_HASH = createHash('sha256').update(Buffer.alloc(CHUNK_SIZE)).digest();

/** SHA-256 of `length` zero bytes, at most a chunk. */
export function zeroHash(length: number): Uint8Array {
  return length === CHUNK_SIZE
    ? FULL_ZERO_HASH
    : createHash('sha256').update(Buffer.alloc(length)).digest();
}

function parseHeader(bytes: Buffer): Header {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalid('its header is not JSON', cause);
  }
  const parsed = Header.safeParse(value);
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error), parsed.error);
  return parsed.data;
}

function invalid(why: string, cause?: unknown): KioskError {
  return new KioskError('IMAGE_MANIFEST_INVALID', `The image manifest is wrong: ${why}.`, {
    cause,
  });
}
