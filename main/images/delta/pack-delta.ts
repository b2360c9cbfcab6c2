/** `vestibule image pack --parent`: the delta from an older version, for small updates. */
import { createHash } from 'node:crypto';
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { KioskError } from '../../base/errors.ts';
import { fsyncFolder, writeFileAtomic } from '../../base/files.ts';
import { ChunkIndex } from '../chunk-index.ts';
import { ChunkWorkers } from '../chunk-workers.ts';
import { CHUNK_SIZE, type ImageManifest, parseImageManifest } from '../manifest.ts';
import { chunksName, isFileVersion } from '../names.ts';
import { type DeltaEntry, encodeDeltaIndex } from './delta-index.ts';
import { SimilarChunks } from './similar.ts';

export interface PackDeltaOptions {
  /** The image that `manifest` describes. */
  readonly source: string;
  readonly manifest: ImageManifest;
  /** The older version's image manifest; its `.chunks` are beside it. */
  readonly parent: Parent;
  readonly outputFolder: string;
  readonly signal?: AbortSignal | undefined;
  /** 0 to 1. */
  readonly progress?: ((fraction: number) => void) | undefined;
}

export interface Parent {
  readonly manifest: ImageManifest;
  readonly chunksPath: string;
}

/** What the campus manifest says of a delta, and where the files are. */
export interface PackedDelta {
  /** The parent's root. */
  readonly from: string;
  readonly indexPath: string;
  readonly indexSize: number;
  readonly indexSha256: string;
  readonly framesPath: string;
  readonly framesSize: number;
}

/** zstd's level: above it little is gained (1 %), for several times the time. */
const LEVEL = 12;
/** Chunks of the parent per dictionary. Two bring most; each costs the kiosk a read. */
const DICTIONARY = 2;

/** @throws KioskError `IMAGE_MANIFEST_INVALID`, `IMAGE_SOURCE_UNSUPPORTED` */
export async function openParent(manifestPath: string): Promise<Parent> {
  const manifest = parseImageManifest(await readFile(manifestPath));
  if (manifest.layout !== 'packed' || !isFileVersion(manifest.version)) {
    throw new KioskError(
      'IMAGE_SOURCE_UNSUPPORTED',
      'A parent must have the layout `packed`, and a version that can be a file name.',
    );
  }
  return { manifest, chunksPath: join(dirname(manifestPath), chunksName(manifest)) };
}

/** Makes a delta; the same for the same images and zstd. Files appear whole. */
export async function packDelta(options: PackDeltaOptions): Promise<PackedDelta> {
  const { manifest, parent, outputFolder } = options;
  const name = `${manifest.id}-${manifest.version}-from-${parent.manifest.version}`;
  const framesPath = join(outputFolder, `${name}.delta`);
  const indexPath = join(outputFolder, `${name}.delta-index`);
  const temporary = `${framesPath}.part`;
  const workers = new ChunkWorkers({ count: availableParallelism(), priority: 'normal' });
  const files = [await open(options.source, 'r'), await open(parent.chunksPath, 'r')] as const;
  const output = await open(temporary, 'w', 0o644);
  try {
    const reader = new ParentReader(parent.manifest, files[1]);
    const entries = await writeFrames(options, files[0], reader, workers, output);
    await output.sync();
    await rename(temporary, framesPath);
    await fsyncFolder(outputFolder);
    const index = encodeDeltaIndex({
      parent: parent.manifest.root,
      root: manifest.root,
      entries,
    });
    await writeFileAtomic(indexPath, index, 0o644);
    return {
      from: parent.manifest.root,
      indexPath,
      indexSize: index.length,
      indexSha256: createHash('sha256').update(index).digest('hex'),
      framesPath,
      framesSize: entries.reduce((sum, { length }) => sum + length, 0),
    };
  } finally {
    await workers.close();
    for (const file of [...files, output]) await file.close();
    await rm(temporary, { force: true });
  }
}

async function writeFrames(
  { manifest, signal, progress }: PackDeltaOptions,
  source: FileHandle,
  parent: ParentReader,
  workers: ChunkWorkers,
  output: FileHandle,
): Promise<DeltaEntry[]> {
  const old = parent.manifest;
  const known = new ChunkIndex([old]);
  const similar = new SimilarChunks();
  for (let index = 0; index < old.chunks; index++) {
    signal?.throwIfAborted();
    if (!old.isZero(index)) similar.add(index, await parent.chunk(index));
    progress?.((0.5 * index) / old.chunks);
  }
  const fresh: number[] = [];
  for (let index = 0; index < manifest.chunks; index++) {
    if (!manifest.isZero(index) && !known.find(manifest.hash(index))) fresh.push(index);
  }
  const compress = async (index: number): Promise<{ entry: DeltaEntry; frame: Uint8Array }> => {
    const chunk = Buffer.alloc(manifest.chunkLength(index));
    await source.read(chunk, 0, chunk.length, index * CHUNK_SIZE);
    const here = index < old.chunks && !old.isZero(index) ? index : undefined;
    const dictionary = similar.find(chunk, here, DICTIONARY);
    const parts: Buffer[] = [];
    for (const one of dictionary) parts.push(await parent.chunk(one));
    const joined = new Uint8Array(Buffer.concat(parts));
    const frame = await workers.run('delta', { chunk, dictionary: joined, level: LEVEL });
    return { entry: { index, length: frame.length, dictionary }, frame };
  };
  const entries: DeltaEntry[] = [];
  const lanes = availableParallelism() + 1;
  const underWay: Array<ReturnType<typeof compress>> = [];
  for (let at = 0, done = 0; done < fresh.length; done++) {
    signal?.throwIfAborted();
    for (; underWay.length < lanes && at < fresh.length; at++) {
      const one = compress(fresh[at] ?? 0);
      one.catch(() => {}); // it is awaited below, unless an earlier one failed
      underWay.push(one);
    }
    const packed = await underWay.shift();
    if (!packed) break;
    progress?.(0.5 + (0.5 * done) / fresh.length);
    // What is no smaller comes as the image manifest has it.
    if (packed.frame.length >= manifest.stored(packed.entry.index).length) continue;
    entries.push(packed.entry);
    await output.appendFile(packed.frame);
  }
  return entries;
}

/** Chunks of a packed image. */
class ParentReader {
  readonly manifest: ImageManifest;
  readonly #file: FileHandle;

  constructor(manifest: ImageManifest, file: FileHandle) {
    this.manifest = manifest;
    this.#file = file;
  }

  /** @throws KioskError `IMAGE_SOURCE_UNSUPPORTED` where the file is another one */
  async chunk(index: number): Promise<Buffer> {
    const { offset, length, encoding } = this.manifest.stored(index);
    if (encoding === 'zero') return Buffer.alloc(this.manifest.chunkLength(index));
    const stored = Buffer.alloc(length);
    await this.#file.read(stored, 0, length, offset);
    const chunk = encoding === 'zstd' ? zstdDecompressSync(stored) : stored;
    const hash = createHash('sha256').update(chunk).digest();
    if (hash.equals(this.manifest.hash(index))) return chunk;
    throw new KioskError(
      'IMAGE_SOURCE_UNSUPPORTED',
      `The .chunks file of the parent does not fit its manifest, at chunk ${index}.`,
    );
  }
}
