/**
 * Makes a person's folder here and on the storage the same: carries out what `plan.ts` decided,
 * checking once more before each step that the ground of the decision has not moved.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errno, fromDiskError, isAbort, KioskError } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import { type Ledger, readLedger, writeLedger } from './ledger.ts';
import { type Action, asideName, planSync, type RemoteTree } from './plan.ts';
import { type LocalTree, readLocal, statFile } from './tree.ts';
import type { Webdav } from './webdav.ts';

export interface SyncPlace {
  /** What the person sees. */
  readonly files: string;
  /** Downloads under way: on the same file system, and not seen by the person. */
  readonly incoming: string;
  readonly ledger: string;
}

export interface SyncOptions {
  readonly place: SyncPlace;
  readonly storage: Webdav;
  /** Names the storage in the ledger. */
  readonly storageId: string;
  /** In the name of what is kept beside a newer version, e.g. the kiosk's name. */
  readonly where: string;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

export interface SyncResult {
  readonly sent: number;
  readonly fetched: number;
  readonly removed: number;
  /** Files that both sides had changed: both versions are there now. */
  readonly conflicts: number;
  /** What could not be carried over this time. */
  readonly failed: number;
  readonly firstFailure: KioskError | undefined;
  /** Links and names that cannot be carried over at all. */
  readonly skipped: number;
  readonly suspicious: boolean;
}

const AT_ONCE = 4;
const LEDGER_EVERY = 50;
/** Nothing more can work after these. */
const FATAL: ReadonlySet<string> = new Set([
  'HOME_STORAGE_REFUSED',
  'CAMPUS_UNREACHABLE',
  'DISK_FULL',
  'DISK_READ_ONLY',
]);

/**
 * @throws KioskError where the storage cannot be listed, nothing more can be sent, or the disk is
 * full; what was done until then is in the ledger
 */
export async function synchronise(options: SyncOptions): Promise<SyncResult> {
  const { place, storage, storageId, signal } = options;
  const ledger = await readLedger(place.ledger, storageId);
  await emptyFolder(place.incoming);
  const remote = await storage.list(signal);
  const { tree: local, skipped } = await readLocal(place.files, signal);
  const { actions, suspicious } = planSync(local, remote, ledger);
  const run = new Run(options, { local, remote, ledger });
  try {
    await run.all(actions);
  } finally {
    run.noteFolders();
    await writeLedger(place.ledger, storageId, ledger);
  }
  return { ...run.result(), skipped, suspicious };
}

/** How many files here are not on the storage as they are, as far as can be said without it. */
export async function countUnsent(
  place: SyncPlace,
  storageId: string,
  signal: AbortSignal,
): Promise<number> {
  const [ledger, { tree }] = await Promise.all([
    readLedger(place.ledger, storageId),
    readLocal(place.files, signal),
  ]);
  let count = 0;
  for (const [path, entry] of tree) {
    const before = ledger.get(path);
    if (entry.kind === 'folder') continue;
    const same =
      before?.kind === 'file' && before.size === entry.size && before.modified === entry.modified;
    if (!same) count++;
  }
  for (const [path, entry] of ledger) if (entry.kind === 'file' && !tree.has(path)) count++;
  return count;
}

interface Trees {
  readonly local: LocalTree;
  readonly remote: RemoteTree;
  readonly ledger: Ledger;
}

class Run {
  readonly #options: SyncOptions;
  readonly #trees: Trees;
  #sent = 0;
  #fetched = 0;
  #removed = 0;
  #conflicts = 0;
  #failed = 0;
  #firstFailure: KioskError | undefined;
  #sinceWrite = 0;

  constructor(options: SyncOptions, trees: Trees) {
    this.#options = options;
    this.#trees = trees;
  }

  result(): Omit<SyncResult, 'skipped' | 'suspicious'> {
    return {
      sent: this.#sent,
      fetched: this.#fetched,
      removed: this.#removed,
      conflicts: this.#conflicts,
      failed: this.#failed,
      firstFailure: this.#firstFailure,
    };
  }

  /** Transfers a few at a time, everything else in order. */
  async all(actions: readonly Action[]): Promise<void> {
    const isTransfer = ({ type }: Action) => type === 'upload' || type === 'download';
    const queue = [...actions];
    while (queue.length > 0) {
      const batch = [queue.shift() as Action];
      while (
        batch.length < AT_ONCE &&
        isTransfer(batch[0] as Action) &&
        queue[0] !== undefined &&
        isTransfer(queue[0])
      ) {
        batch.push(queue.shift() as Action);
      }
      const results = await Promise.allSettled(batch.map((action) => this.#one(action)));
      const broken = results.find((result) => result.status === 'rejected');
      if (broken) throw broken.reason;
      await this.#keepLedger(batch.length);
    }
  }

  /** Folders that are on both sides now. */
  noteFolders(): void {
    const { local, remote, ledger } = this.#trees;
    for (const [path, entry] of local) {
      if (entry.kind === 'folder' && remote.get(path)?.kind === 'folder') {
        ledger.set(path, { kind: 'folder' });
      }
    }
  }

  async #keepLedger(done: number): Promise<void> {
    this.#sinceWrite += done;
    if (this.#sinceWrite < LEDGER_EVERY) return;
    this.#sinceWrite = 0;
    const { place, storageId } = this.#options;
    await writeLedger(place.ledger, storageId, this.#trees.ledger);
  }

  async #one(action: Action): Promise<void> {
    const { signal, log } = this.#options;
    signal.throwIfAborted();
    try {
      await this.#do(action);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = fromDiskError(thrown, "synchronising a person's file");
      if (isAbort(error) || !(error instanceof KioskError)) {
        // A file that a program is just replacing, most often: the next time finds it.
        if (errno(error) === undefined) throw error;
        this.#fail(new KioskError('INTERNAL', 'A file could not be read.', { cause: error }));
        return;
      }
      // Nothing about the file goes to the log: names are the person's own.
      log.warn('a file could not be synchronised', { code: error.code, action: action.type });
      if (FATAL.has(error.code)) throw error;
      this.#fail(error);
    }
  }

  #fail(error: KioskError): void {
    this.#failed++;
    this.#firstFailure ??= error;
  }

  #do(action: Action): Promise<void> | void {
    const { path } = action;
    switch (action.type) {
      case 'upload':
        return this.#upload(path, action.replaces);
      case 'download':
        return this.#download(path);
      case 'conflict':
        return this.#conflict(path);
      case 'remove-local':
        return this.#removeLocal(path);
      case 'remove-remote':
        return this.#removeRemote(path, action.version);
      case 'make-local-folder':
        return this.#makeLocalFolder(path);
      case 'make-remote-folder':
        return this.#makeRemoteFolder(path);
      case 'remove-local-folder':
        return this.#removeLocalFolder(path);
      case 'remove-remote-folder':
        return this.#removeRemoteFolder(path);
      case 'move-aside':
        return this.#moveAside(path);
      case 'forget':
        this.#trees.ledger.delete(path);
    }
  }

  #at(path: string): string {
    return join(this.#options.place.files, path);
  }

  async #upload(path: string, replaces: string | null): Promise<void> {
    const before = await statFile(this.#at(path));
    if (!before) return;
    const { storage, signal } = this.#options;
    const version = await storage.upload(path, this.#at(path), before.size, replaces, signal);
    // Another computer was faster: the next time is a conflict, and both are kept.
    if (version === null) return this.#fail(new KioskError('CANCELLED', 'Changed meanwhile.'));
    this.#sent++;
    // As it was when the sending began: a change meanwhile is seen as one the next time.
    this.#trees.ledger.set(path, { ...before, version });
  }

  async #download(path: string): Promise<void> {
    const part = await this.#fetch(path);
    const planned = this.#trees.local.get(path);
    const now = await statFile(this.#at(path));
    const untouched =
      now === undefined
        ? planned === undefined
        : planned?.kind === 'file' &&
          planned.size === now.size &&
          planned.modified === now.modified;
    if (!untouched && now !== undefined) return this.#both(path, part);
    await this.#place(path, part);
    this.#fetched++;
  }

  async #conflict(path: string): Promise<void> {
    await this.#both(path, await this.#fetch(path));
  }

  /** The storage's version takes the name, ours is kept beside it and sent next time. */
  async #both(path: string, part: Part): Promise<void> {
    if ((await digest(part.file)) !== (await digest(this.#at(path)))) {
      const { files } = this.#options.place;
      const siblings = new Set(await readdir(dirname(this.#at(path))));
      const aside = asideName(path, this.#options.where, new Date(), (candidate) =>
        siblings.has(basename(candidate)),
      );
      await rename(this.#at(path), join(files, aside));
      this.#conflicts++;
      await this.#place(path, part);
      await this.#upload(aside, null);
      return;
    }
    await this.#place(path, part);
  }

  async #fetch(path: string): Promise<Part> {
    const { storage, place, signal } = this.#options;
    const file = join(place.incoming, randomUUID());
    const version =
      (await storage.download(path, file, signal)) ?? (await storage.version(path, signal));
    if (version === null) throw new KioskError('CAMPUS_HTTP_ERROR', 'The file is gone there.');
    return { file, version };
  }

  async #place(path: string, { file, version }: Part): Promise<void> {
    await mkdir(dirname(this.#at(path)), { recursive: true, mode: 0o700 });
    await rename(file, this.#at(path));
    const now = await statFile(this.#at(path));
    if (now) this.#trees.ledger.set(path, { ...now, version });
  }

  async #removeLocal(path: string): Promise<void> {
    const planned = this.#trees.local.get(path);
    const now = await statFile(this.#at(path));
    // Written to since: a change outlives a deletion.
    if (planned?.kind !== 'file' || now?.modified !== planned.modified) return;
    await rm(this.#at(path), { force: true });
    this.#trees.ledger.delete(path);
    this.#removed++;
  }

  async #removeRemote(path: string, version: string): Promise<void> {
    if (!(await this.#options.storage.remove(path, version, this.#options.signal))) return;
    this.#trees.ledger.delete(path);
    this.#removed++;
  }

  async #makeLocalFolder(path: string): Promise<void> {
    await mkdir(this.#at(path), { recursive: true, mode: 0o700 });
    this.#trees.ledger.set(path, { kind: 'folder' });
  }

  async #makeRemoteFolder(path: string): Promise<void> {
    await this.#options.storage.makeFolder(path, this.#options.signal);
    this.#trees.ledger.set(path, { kind: 'folder' });
  }

  async #removeLocalFolder(path: string): Promise<void> {
    try {
      await rmdir(this.#at(path));
    } catch (error) {
      if (errno(error) !== 'ENOTEMPTY' && errno(error) !== 'ENOENT') throw error;
    }
    // What is left in it is new here: the next time makes the folder there again.
    this.#trees.ledger.delete(path);
  }

  async #removeRemoteFolder(path: string): Promise<void> {
    await this.#options.storage.removeFolder(path, this.#options.signal);
    this.#trees.ledger.delete(path);
  }

  async #moveAside(path: string): Promise<void> {
    const siblings = new Set(await readdir(dirname(this.#at(path))));
    const aside = asideName(path, this.#options.where, new Date(), (candidate) =>
      siblings.has(basename(candidate)),
    );
    await rename(this.#at(path), this.#at(aside));
    this.#conflicts++;
    // Neither side's entry is in order any more: the next time starts from what is there.
    this.#trees.ledger.delete(path);
    this.#fail(new KioskError('CANCELLED', 'A file and a folder had the same name.'));
  }
}

interface Part {
  readonly file: string;
  readonly version: string;
}

async function digest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Uint8Array);
  return hash.digest('hex');
}

async function emptyFolder(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await mkdir(path, { recursive: true, mode: 0o700 });
}
