/**
 * The image store: a folder per image, a few files per version (version.ts), and `current`.
 * What is visible here is complete: files get their final names only after every chunk was
 * verified and synced (publish.ts).
 */
import { lstat, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { Id } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import { errno, fromDiskError, KioskError } from '../base/errors.ts';
import { fsyncFolder, writeFileAtomic } from '../base/files.ts';
import { Sha256 } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { ImageManifest } from './manifest.ts';
import { makeImageFolder, type PublishOptions, publish, switchCurrent } from './publish.ts';
import {
  ImageFolder,
  readManifestFile,
  readRecord,
  stampOf,
  type VersionRecord,
  writeRecord,
} from './version.ts';

/** An administrator went back: the version that stays refused while the campus offers it. */
const Hold = z.object({ refused: Sha256 });

export interface StoreOptions {
  /** Holds one folder per image; made by the caller. */
  readonly folder: string;
  readonly log: Logger;
  readonly clock: Clock;
}

export class ImageStore {
  readonly folder: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  /** By image, the newest first. */
  readonly #versions = new Map<string, VersionRecord[]>();
  readonly #current = new Map<string, string>();
  /** Image → hash of the image manifest that an administrator went back from. */
  readonly #refused = new Map<string, string>();
  /** Uses under way, by path of the image. */
  readonly #uses = new Map<string, number>();

  private constructor({ folder, log, clock }: StoreOptions) {
    this.folder = folder;
    this.#log = log;
    this.#clock = clock;
  }

  /** Reads the store and finishes or clears away what a crash left half done. */
  static async open(options: StoreOptions): Promise<ImageStore> {
    const store = new ImageStore(options);
    for (const entry of await readdir(options.folder, { withFileTypes: true })) {
      if (entry.isDirectory() && Id.safeParse(entry.name).success) await store.#load(entry.name);
    }
    return store;
  }

  images(): string[] {
    return [...this.#versions.keys()];
  }

  /** The newest first. */
  versions(image: string): readonly VersionRecord[] {
    return this.#versions.get(image) ?? [];
  }

  all(): VersionRecord[] {
    return [...this.#versions.values()].flat();
  }

  current(image: string): VersionRecord | undefined {
    const root = this.#current.get(image);
    return this.versions(image).find((version) => version.root === root);
  }

  isCurrent(version: VersionRecord): boolean {
    return this.#current.get(version.image) === version.root;
  }

  imagePath({ image, root }: Pick<VersionRecord, 'image' | 'root'>): string {
    return this.folderOf(image).imagePath(root);
  }

  manifestPath({ image, root }: Pick<VersionRecord, 'image' | 'root'>): string {
    return this.folderOf(image).manifestPath(root);
  }

  folderOf(image: string): ImageFolder {
    return new ImageFolder(this.folder, image);
  }

  /** @throws KioskError `IMAGE_HASH_MISMATCH` where the file is not the one that was pinned */
  async manifest(version: VersionRecord): Promise<ImageManifest> {
    const { manifest } = await readManifestFile(this.manifestPath(version), version.manifestSha256);
    return manifest;
  }

  /** Makes the image's folder, with its staging folder, and returns the latter. */
  async stagingFolder(image: string): Promise<string> {
    const folder = this.folderOf(image);
    try {
      await makeImageFolder(folder, this.folder);
    } catch (error) {
      throw fromDiskError(error, 'preparing the image store');
    }
    return folder.stagingPath;
  }

  /** Commits a complete file and makes it the current version. */
  async publish(options: Omit<PublishOptions, 'folder' | 'clock'>): Promise<VersionRecord> {
    const folder = this.folderOf(options.manifest.id);
    const record = await publish({ ...options, folder, clock: this.#clock });
    this.#add(record);
    this.#current.set(record.image, record.root);
    return record;
  }

  /**
   * Gives contents that are here already the name under which the campus offers them now: another
   * version, or the same one packed anew.
   */
  async rename(
    version: VersionRecord,
    manifest: ImageManifest,
    bytes: Uint8Array,
    manifestSha256: string,
  ): Promise<VersionRecord> {
    await writeFileAtomic(this.manifestPath(version), bytes);
    return this.update(version, { version: manifest.version, manifestSha256 });
  }

  async setCurrent(version: VersionRecord): Promise<void> {
    if (this.isCurrent(version)) return;
    await switchCurrent(this.folderOf(version.image), version.root);
    this.#current.set(version.image, version.root);
  }

  async update(
    version: VersionRecord,
    change: Partial<
      Pick<
        VersionRecord,
        'version' | 'manifestSha256' | 'stamp' | 'verifiedAt' | 'pinned' | 'damaged'
      >
    >,
  ): Promise<VersionRecord> {
    const record = { ...version, ...change };
    await writeRecord(this.folderOf(record.image), record);
    this.#add(record);
    return record;
  }

  /** The image manifest (by its hash) that an administrator went back from. */
  refused(image: string): string | undefined {
    return this.#refused.get(image);
  }

  /** @param manifestSha256 undefined: nothing is refused any more */
  async setRefused(image: string, manifestSha256: string | undefined): Promise<void> {
    const path = this.folderOf(image).holdPath;
    if (manifestSha256 === undefined) {
      if (!this.#refused.delete(image)) return;
      await rm(path, { force: true });
      await fsyncFolder(this.folderOf(image).path);
    } else {
      await writeFileAtomic(path, JSON.stringify({ refused: manifestSha256 }));
      this.#refused.set(image, manifestSha256);
    }
  }

  /** Counts a use; a version in use is not removed. Returns the function that ends it. */
  use(version: VersionRecord): () => void {
    const path = this.imagePath(version);
    this.#uses.set(path, (this.#uses.get(path) ?? 0) + 1);
    let over = false;
    return () => {
      if (over) return;
      over = true;
      const left = (this.#uses.get(path) ?? 1) - 1;
      if (left === 0) this.#uses.delete(path);
      else this.#uses.set(path, left);
    };
  }

  isUsed(version: VersionRecord): boolean {
    return this.#uses.has(this.imagePath(version));
  }

  /**
   * Removes a version: first from sight, then its bytes.
   * @throws KioskError `IMAGE_IN_USE`
   */
  async remove(version: VersionRecord): Promise<void> {
    if (this.isUsed(version)) {
      throw new KioskError('IMAGE_IN_USE', `${version.image} ${version.version} is in use.`);
    }
    const folder = this.folderOf(version.image);
    const rest = this.versions(version.image).filter(({ root }) => root !== version.root);
    if (this.isCurrent(version)) {
      this.#current.delete(version.image);
      const [next] = rest;
      if (next) await this.setCurrent(next);
      else await rm(folder.currentPath, { force: true });
    }
    this.#versions.set(version.image, rest);
    await rm(folder.imagePath(version.root), { force: true });
    await rm(folder.recordPath(version.root), { force: true });
    await rm(folder.manifestPath(version.root), { force: true });
    await fsyncFolder(folder.path);
  }

  #add(record: VersionRecord): void {
    const others = this.versions(record.image).filter(({ root }) => root !== record.root);
    this.#versions.set(
      record.image,
      [record, ...others].sort((a, b) => b.committedAt - a.committedAt),
    );
  }

  async #load(image: string): Promise<void> {
    const folder = this.folderOf(image);
    const names = await readdir(folder.path);
    const roots = names.filter((name) => /^[0-9a-f]{64}\.img$/.test(name));
    for (const name of roots) {
      const root = name.slice(0, 64);
      const record = (await readRecord(folder, root)) ?? (await this.#recover(image, root));
      if (record?.image === image) this.#add(record);
    }
    await this.#sweep(folder, names);
    const current = await linkedRoot(folder);
    const known = this.versions(image);
    const chosen = known.find(({ root }) => root === current) ?? known[0];
    if (chosen) this.#current.set(image, chosen.root);
    if (chosen && chosen.root !== current)
      await this.#mend(() => switchCurrent(folder, chosen.root));
    const refused = await readHold(folder.holdPath);
    if (refused !== undefined) this.#refused.set(image, refused);
  }

  /**
   * A version whose record was lost between its commit and the writing of it, or damaged since.
   * The image manifest names its contents by root; whether it was pinned is for the campus's
   * manifest to say.
   */
  async #recover(image: string, root: string): Promise<VersionRecord | undefined> {
    const folder = this.folderOf(image);
    try {
      const { manifest, sha256 } = await readManifestFile(folder.manifestPath(root));
      const { size, mtimeMs } = await stat(folder.imagePath(root));
      if (manifest.root !== root || manifest.id !== image || manifest.size !== size) {
        throw new KioskError('IMAGE_MANIFEST_INVALID', 'It belongs to another image.');
      }
      const record: VersionRecord = {
        record: 1,
        image,
        version: manifest.version,
        root,
        format: manifest.format,
        size,
        manifestSha256: sha256,
        stamp: await stampOf(folder.imagePath(root)),
        committedAt: Math.round(mtimeMs),
        verifiedAt: null,
        pinned: false,
        damaged: false,
      };
      await this.#mend(() => writeRecord(folder, record));
      this.#log.warn('the record of an image was written again', { image, root });
      return record;
    } catch (error) {
      this.#log.error('a file of the image store is left aside: it cannot be verified', {
        image,
        root,
        error,
      });
      return undefined;
    }
  }

  /** Removes what a crash left: temporary files, and records without an image. */
  async #sweep(folder: ImageFolder, names: readonly string[]): Promise<void> {
    const present = new Set(names);
    for (const name of names) {
      const orphan =
        /^[0-9a-f]{64}\.(json|manifest)$/.test(name) && !present.has(`${name.slice(0, 64)}.img`);
      if (orphan || name.startsWith('.')) {
        await this.#mend(() => rm(join(folder.path, name), { force: true }));
      }
    }
    for (const name of present.has('staging') ? await readdir(folder.stagingPath) : []) {
      if (name.startsWith('.')) {
        await this.#mend(() => rm(join(folder.stagingPath, name), { force: true }));
      }
    }
  }

  /** A store on a read-only disk is still read. */
  async #mend(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#log.warn('the image store could not be mended', { error });
    }
  }
}

async function linkedRoot(folder: ImageFolder): Promise<string | undefined> {
  try {
    const target = basename(await readlink(folder.currentPath));
    await lstat(join(folder.path, target));
    return target.replace(/\.img$/, '');
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes(errno(error) ?? '')) return undefined;
    throw error;
  }
}

async function readHold(path: string): Promise<string | undefined> {
  try {
    return Hold.parse(JSON.parse(await readFile(path, 'utf8'))).refused;
  } catch {
    return undefined;
  }
}
