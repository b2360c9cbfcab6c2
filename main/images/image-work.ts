/** What image jobs do, once the manager (image-manager.ts) has decided that they should. */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { ImageRef } from '../base/manifest.ts';
import { ChunkWorkers } from './chunk-workers.ts';
import { chooseCollection } from './collect.ts';
import { chooseDelta, createDeltaTransport } from './delta/transport.ts';
import { fetchManifest } from './fetch-manifest.ts';
import { createFileTransport } from './file.ts';
import type { WorkContext } from './fill.ts';
import { createHttpTransport } from './http.ts';
import type { ImagesOptions } from './images.ts';
import type { LocalSource } from './local.ts';
import type { ImageManifest } from './manifest.ts';
import { chunksName, manifestName } from './names.ts';
import { overlayBases } from './overlays.ts';
import { Pace } from './pace.ts';

import { findPeers } from './peers/find-peers.ts';
import { createPeerTransport } from './peers/peer-transport.ts';
import type { ImagePolicy } from './policy.ts';
import { receive } from './receive.ts';
import { sweepStaging } from './staging.ts';
import type { ImageStore } from './store.ts';
import type { Transport } from './transport.ts';
import { verifyVersion } from './verify.ts';
import type { VersionRecord } from './version.ts';

/** Chunk tables that are loaded to look for equal chunks: about 100 MB at most. */
const MAX_INDEXED_CHUNKS = 2_500_000;

export interface ImageWorkOptions {
  readonly images: ImagesOptions;
  readonly policy: ImagePolicy;
  readonly store: ImageStore;
  readonly clock: Clock;
  readonly random: () => number;
  /** What the campus offers; undefined: before the first manifest. */
  readonly offered: (image: string) => ImageRef | undefined;
  readonly anythingOffered: () => boolean;
  readonly changed: (image: string) => void;
}

export class ImageWork {
  readonly pace: Pace;
  readonly #options: ImageWorkOptions;
  readonly #store: ImageStore;
  readonly #normal: ChunkWorkers;
  readonly #low: ChunkWorkers;

  constructor(options: ImageWorkOptions) {
    this.#options = options;
    this.#store = options.store;
    this.pace = new Pace(options.clock);
    this.#normal = new ChunkWorkers({ count: 2, priority: 'normal' });
    this.#low = new ChunkWorkers({
      count: 1,
      priority: 'low',
      onLowThread: (tid) => void this.#lowerDiskPriority(tid),
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#normal.close(), this.#low.close()]);
  }

  /** Brings a version and makes it current; what it cost is reported to the campus. */
  async receive(context: WorkContext, ref: ImageRef): Promise<void> {
    const { images } = this.#options;
    const { sha256 } = ref.manifest;
    const staging = await this.#store.stagingFolder(ref.id);
    const { manifest, bytes } = await fetchManifest(ref, {
      staging,
      nearby: await this.#nearby(manifestName(ref)),
      port: images.http,
      signal: context.signal,
    });
    await sweepStaging(staging, new Set([manifest.root, sha256]));
    const same = this.#store.versions(ref.id).find(({ root }) => root === manifest.root);
    if (same) {
      await this.#store.setCurrent(await this.#store.rename(same, manifest, bytes, sha256));
    } else {
      const sources = await this.#sources(manifest);
      const { report } = await receive({
        store: this.#store,
        manifest,
        manifestBytes: bytes,
        manifestSha256: sha256,
        sources,
        transports: await this.#transports(ref, manifest, sources),
        context,
        pace: this.pace,
        workers: () => (this.pace.busy ? this.#low : this.#normal),
        reserve: this.#options.policy.reserve,
        makeRoom: (need) => this.collect(need),
        log: images.log,
      });
      const transports = report.transports.map((one) => ({ ...one }));
      images.report({ kind: 'image.committed', level: 'info', body: { ...report, transports } });
    }
    await sweepStaging(staging, new Set());
    await this.collect();
  }

  /** Reads a version back and repairs it; a repair is reported to the campus. */
  async verify(context: WorkContext, version: VersionRecord, fraction: number): Promise<void> {
    const { images, clock, random, offered } = this.#options;
    const path = this.#store.imagePath(version);
    const sources = async (): Promise<LocalSource[]> => {
      const all = await this.#sources(await this.#store.manifest(version));
      return all.filter((source) => source.path !== path);
    };
    const report = await verifyVersion({
      store: this.#store,
      version,
      fraction,
      random,
      context,
      workers: this.#low,
      pace: this.pace,
      log: images.log,
      clock,
      sources,
      transports: async (manifest) => {
        const ref = offered(version.image);
        // Another version's servers have other bytes.
        return ref?.manifest.sha256 === version.manifestSha256
          ? this.#transports(ref, manifest, await sources())
          : [];
      },
    });
    if (report.wrong > 0) {
      const transports = report.transports.map((one) => ({ ...one }));
      images.report({ kind: 'image.repaired', level: 'warning', body: { ...report, transports } });
    }
  }

  /** Removes what policy lets go, and more while so many bytes are needed. */
  async collect(needBytes = 0): Promise<void> {
    const { images, policy, offered, anythingOffered, changed } = this.#options;
    const bases = await overlayBases(images.overlayFolders);
    const versions = this.#store.all().map((record) => ({
      image: record.image,
      root: record.root,
      bytes: record.size,
      committedAt: record.committedAt,
      current: this.#store.isCurrent(record),
      pinned: record.pinned,
      inUse: this.#store.isUsed(record) || bases.has(this.#store.imagePath(record)),
      // Before the first manifest nothing is known to be dispensable.
      listed: !anythingOffered() || offered(record.image) !== undefined,
    }));
    for (const { image, root } of chooseCollection(versions, policy, needBytes)) {
      const record = this.#store.versions(image).find((one) => one.root === root);
      if (!record || this.#store.isUsed(record)) continue;
      images.log.info('image version collected', { image, version: record.version });
      await this.#store.remove(record);
      changed(image);
    }
  }

  async #transports(
    ref: ImageRef,
    manifest: ImageManifest,
    sources: readonly LocalSource[],
  ): Promise<Transport[]> {
    const { images, policy } = this.#options;
    const port = images.http;
    const nearby = await this.#nearby(chunksName(ref));
    const { peers } = images;
    const find = (root: string, signal: AbortSignal): Promise<string[]> =>
      peers ? findPeers(root, peers.port, signal) : Promise.resolve([]);
    const delta = chooseDelta(ref, sources);
    const available = [
      ...(nearby.length > 0 ? [createFileTransport({ paths: nearby })] : []),
      createHttpTransport({ urls: ref.urls, port }),
      ...(peers ? [createPeerTransport({ find, port })] : []),
      ...(images.transports?.(ref, manifest) ?? []),
    ];
    return policy.order.flatMap((name) => [
      // A delta comes over HTTP too, so it is used where HTTP may be.
      ...(name === 'http' && delta ? [createDeltaTransport({ ...delta, port })] : []),
      ...available.filter((one) => one.name === name),
    ]);
  }

  async #nearby(name: string): Promise<string[]> {
    const folders = (await this.#options.images.nearbyFolders?.()) ?? [];
    return folders.map((folder) => join(folder, name));
  }

  /** Versions whose chunks may be used again: those of the same image first, then all others. */
  async #sources(manifest: ImageManifest): Promise<LocalSource[]> {
    const versions = this.#store
      .all()
      .filter(({ damaged }) => !damaged)
      .sort((a, b) => Number(b.image === manifest.id) - Number(a.image === manifest.id));
    const sources: LocalSource[] = [];
    let chunks = 0;
    for (const version of versions) {
      chunks += Math.ceil(version.size / manifest.chunkSize);
      if (chunks > MAX_INDEXED_CHUNKS && sources.length > 0) break;
      try {
        const path = this.#store.imagePath(version);
        sources.push({ path, manifest: await this.#store.manifest(version) });
      } catch (error) {
        const { image } = version;
        this.#options.images.log.warn('a version cannot serve as a source', { image, error });
      }
    }
    return sources;
  }

  /** The idle class of the disk's scheduler (ionice(1)), for a thread of low priority. */
  async #lowerDiskPriority(tid: number): Promise<void> {
    const { launcher, log } = this.#options.images;
    try {
      await launcher.run({ program: 'ionice', args: ['-c', '3', '-p', String(tid)] });
    } catch (error) {
      log.debug('the disk priority of image work stays as it is', { error });
    }
  }
}
