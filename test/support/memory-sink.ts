/** A {@link ChunkSink} in memory, with the checks of the real one. */
import { createHash } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import type { ImageManifest } from '../../main/images/manifest.ts';
import type { ChunkRun, ChunkSink, PutOutcome } from '../../main/images/transport.ts';

export class MemorySink implements ChunkSink {
  readonly manifest: ImageManifest;
  readonly #chunks = new Map<number, Uint8Array>();

  constructor(manifest: ImageManifest) {
    this.manifest = manifest;
  }

  needs(index: number): boolean {
    return index >= 0 && index < this.manifest.chunks && !this.#chunks.has(index);
  }

  get missing(): number {
    return this.manifest.chunks - this.#chunks.size;
  }

  *missingIndexes(): Generator<number> {
    for (let index = 0; index < this.manifest.chunks; index++) {
      if (this.needs(index)) yield index;
    }
  }

  async put(index: number, bytes: Uint8Array): Promise<PutOutcome> {
    if (!this.needs(index)) return 'duplicate';
    const hash = createHash('sha256').update(bytes).digest();
    if (!hash.equals(this.manifest.hash(index))) return 'mismatch';
    this.#chunks.set(index, bytes);
    return 'accepted';
  }

  async putStored(index: number, bytes: Uint8Array): Promise<PutOutcome> {
    if (this.manifest.stored(index).encoding !== 'zstd') return this.put(index, bytes);
    try {
      return await this.put(index, zstdDecompressSync(bytes));
    } catch {
      return 'mismatch';
    }
  }

  async putRun({
    indexes,
    bytes,
    form,
  }: ChunkRun): Promise<{ outcomes: PutOutcome[]; buffer: ArrayBuffer }> {
    const outcomes: PutOutcome[] = [];
    let start = 0;
    for (const index of indexes) {
      const plain = form === 'plain';
      const { length } = this.manifest.stored(index);
      const end = start + (plain ? this.manifest.chunkLength(index) : length);
      const chunk = bytes.slice(start, end);
      outcomes.push(await (plain ? this.put(index, chunk) : this.putStored(index, chunk)));
      start = end;
    }
    return { outcomes, buffer: bytes.buffer };
  }

  /** The image, zeros where nothing arrived. */
  bytes(): Buffer {
    return Buffer.concat(
      Array.from({ length: this.manifest.chunks }, (_, index) => {
        return this.#chunks.get(index) ?? Buffer.alloc(this.manifest.chunkLength(index));
      }),
    );
  }
}
