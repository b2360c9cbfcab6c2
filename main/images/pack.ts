/** `vestibule image pack`: makes what a web server serves of an image. */
import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Json } from '../../preload/contract/errors.ts';
import { Id } from '../../preload/contract/model.ts';
import { fromDiskError, KioskError } from '../base/errors.ts';
import { fsyncFolder, writeFileAtomic } from '../base/files.ts';
import { ChunkWorkers } from './chunk-workers.ts';
import { openParent, type PackedDelta, packDelta } from './delta/pack-delta.ts';
import { CHUNK_SIZE, type ImageFormat, type ImageLayout, ImageManifest } from './manifest.ts';
import { chunksName, isFileVersion, manifestName } from './names.ts';
import { readQcow2Header } from './qcow2.ts';

export interface PackOptions {
  /** A raw or qcow2 disk image without a backing file. */
  readonly source: string;
  readonly id: string;
  /** Also part of the file names: letters, digits, `.`, `_`, `+`, `~` and `-`. */
  readonly version: string;
  /** Made where it is missing. */
  readonly outputFolder: string;
  /** Default: what the source is. */
  readonly format?: ImageFormat;
  /**
   * `packed` (default) writes a file of compressed chunks. `plain` writes none: the source itself
   * is served, for servers that also send it with `udp-sender`.
   */
  readonly layout?: ImageLayout;
  /** zstd's, 1 to 19. Default 6. */
  readonly level?: number;
  /** Image manifests of older versions, the nearest first: a delta is made from each. */
  readonly parents?: readonly string[];
  readonly description?: Json;
  readonly signal?: AbortSignal;
  /** 0 to 1, for the image and then for each delta. */
  readonly progress?: (fraction: number) => void;
}

/** What goes into the campus manifest's `images` beside the addresses. */
export interface PackResult {
  readonly manifest: ImageManifest;
  readonly manifestPath: string;
  readonly manifestSize: number;
  readonly manifestSha256: string;
  /** The file to serve; the source itself for a plain layout. */
  readonly chunksPath: string;
  readonly deltas: readonly PackedDelta[];
}

/** Chunks per task: 4 MiB. */
const BATCH = 64;

/**
 * Packs an image. The same source, options and zstd give the same bytes.
 * @throws KioskError `IMAGE_SOURCE_UNSUPPORTED` for a qcow2 file that needs other files or was not
 * closed properly, or a version that cannot be a file name; `DISK_FULL`, `DISK_READ_ONLY`
 */
export async function packImage(options: PackOptions): Promise<PackResult> {
  const { id, version, outputFolder, layout = 'packed' } = options;
  if (!Id.safeParse(id).success || !isFileVersion(version)) {
    throw unsupported('its id and version must be usable as file names');
  }
  const format = await formatOf(options);
  try {
    await mkdir(outputFolder, { recursive: true });
    const chunksPath =
      layout === 'plain' ? options.source : join(outputFolder, chunksName(options));
    const parents = await Promise.all((options.parents ?? []).map(openParent));
    const tables = await packChunks(options, layout === 'plain' ? undefined : chunksPath);
    const manifest = new ImageManifest({
      id,
      version,
      format,
      layout,
      parents: parents.map(({ manifest: { version, root } }) => ({ version, root })),
      description: options.description,
      ...tables,
    });
    const bytes = manifest.encode();
    const manifestPath = join(outputFolder, manifestName(options));
    await writeFileAtomic(manifestPath, bytes, 0o644);
    const deltas: PackedDelta[] = [];
    for (const parent of parents) {
      const { source, signal, progress } = options;
      deltas.push(await packDelta({ source, manifest, parent, outputFolder, signal, progress }));
    }
    return {
      manifest,
      manifestPath,
      manifestSize: bytes.length,
      manifestSha256: createHash('sha256').update(bytes).digest('hex'),
      chunksPath,
      deltas,
    };
  } catch (error) {
    throw fromDiskError(error, 'packing an image');
  }
}

async function formatOf({ source, format }: PackOptions): Promise<ImageFormat> {
  const header = await readQcow2Header(source);
  if (!header) {
    if (format === 'qcow2') throw unsupported('it is not a qcow2 file');
    return 'raw';
  }
  if (format === 'raw') return 'raw';
  if (header.backingFile !== null) throw unsupported('it has a backing file: flatten it first');
  if (header.externalData) throw unsupported('its data are in another file');
  if (header.dirty || header.corrupt) throw unsupported('it was not closed properly');
  return 'qcow2';
}

/** @param path of the file of stored chunks; undefined: only the tables */
async function packChunks(
  options: PackOptions,
  path: string | undefined,
): Promise<{ size: number; hashes: Uint8Array; storedLengths: Uint32Array }> {
  const { size } = await stat(options.source);
  const chunks = Math.ceil(size / CHUNK_SIZE);
  const hashes = new Uint8Array(chunks * 32);
  const storedLengths = new Uint32Array(chunks);
  const temporary = path === undefined ? undefined : `${path}.part`;
  const lanes = Math.max(1, availableParallelism());
  const workers = new ChunkWorkers({ count: lanes, priority: 'normal' });
  const input = await open(options.source, 'r');
  let output: FileHandle | undefined;
  try {
    if (temporary !== undefined) output = await open(temporary, 'w', 0o644);
    const pack = (first: number) =>
      workers.run('pack', {
        fd: input.fd,
        size,
        first,
        count: Math.min(BATCH, chunks - first),
        level: path === undefined ? null : (options.level ?? 6),
      });
    // Several batches are under way; their results are written in order.
    const underWay: Array<ReturnType<typeof pack>> = [];
    let asked = 0;
    for (let first = 0; first < chunks; first += BATCH) {
      options.signal?.throwIfAborted();
      while (underWay.length < lanes + 1 && asked < chunks) {
        const batch = pack(asked);
        batch.catch(() => {}); // it is awaited below, unless an earlier one failed
        underWay.push(batch);
        asked += BATCH;
      }
      const packed = await underWay.shift();
      if (!packed) break;
      hashes.set(packed.hashes, first * 32);
      storedLengths.set(packed.lengths, first);
      await output?.appendFile(packed.data);
      options.progress?.(Math.min(1, (first + BATCH) / chunks));
    }
    await output?.sync();
    if (temporary !== undefined && path !== undefined) {
      await rename(temporary, path);
      await fsyncFolder(options.outputFolder);
    }
    return { size, hashes, storedLengths };
  } catch (error) {
    if (temporary !== undefined) await rm(temporary, { force: true });
    throw error;
  } finally {
    await workers.close();
    await output?.close();
    await input.close();
  }
}

function unsupported(why: string): KioskError {
  return new KioskError('IMAGE_SOURCE_UNSUPPORTED', `The image cannot be packed: ${why}.`);
}
