/**
 * The files of the person who is signed in: an encrypted folder on this computer, opened with
 * their password, kept the same as their folder on the campus's storage, and shown to their local
 * machines. Off unless policy names a storage. Reasons: docs/adr/0020-person-data.md.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import type { HomeState, Person } from '../../preload/contract/model.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { KioskError, toWireError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import { writeFileAtomic } from '../base/files.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';
import { countUnsent, type SyncPlace, synchronise } from './sync.ts';
import { closeVault, createVault, openedAt, openVault, vaultExists } from './vault.ts';
import type { Webdav } from './webdav.ts';

export interface HomesPolicy {
  /** WebDAV URL with `{person}` in it; null: nobody has a folder. */
  readonly url: string | null;
  /** Milliseconds between two synchronisations of a visit. */
  readonly everyMs: number;
}

export interface HomesOptions {
  readonly launcher: Launcher;
  /** Where the encrypted folders lie, e.g. the `persons` subvolume. */
  readonly folder: string;
  /** Where the open one appears; on tmpfs. */
  readonly runtimeFolder: string;
  /** Read at each sign-in. */
  readonly policy: () => HomesPolicy;
  /** The kiosk's name, for versions that are kept beside others. */
  readonly where: string;
  readonly userAgent: string;
  /** PEM of the campus's own authority. */
  readonly ca?: string | undefined;
  readonly log: Logger;
  readonly clock?: Clock;
  /** What the last synchronisation may take at sign-out. Default 25 000 ms. */
  readonly lastSyncMs?: number;
}

export interface Homes {
  /**
   * Opens the person's folder, making it where there is none, and begins to synchronise. Never
   * rejects: a visit without the folder is still a visit; {@link Homes.state} says why.
   * @param secret copied, and the copy zeroed when the visit is over; undefined after a restart of
   * main: a folder that is still open is used, and sent at the next visit
   */
  open(person: Person, secret: Uint8Array | undefined): Promise<void>;
  /** The person's files, once they are open; absolute. */
  folderOf(personId: string): string | undefined;
  /** Synchronises now, e.g. because the network is back. */
  sync(): void;
  /**
   * Synchronises a last time and closes the folder, and any that a main before this one left
   * open. After the programs that use it have ended.
   */
  close(): Promise<void>;
  /** null: nobody's, or policy gives nobody one. */
  readonly state: HomeState | null;
  on(event: 'changed', listener: (state: HomeState | null) => void): () => void;
}

/** People's folders on this kiosk; nothing is opened before {@link Homes.open}. */
export function createHomes(options: HomesOptions): Homes {
  return new LocalHomes(options);
}

/** Beside the encrypted folder, in clear: nothing of the person's. */
const Note = z.strictObject({
  /** Everything in it is on the storage too: it may be thrown away. */
  sent: z.boolean(),
  syncedAt: z.int().nonnegative().nullable(),
});
type Note = z.infer<typeof Note>;

interface Visit {
  readonly person: Person;
  readonly home: string;
  readonly cipher: string;
  readonly plain: string;
  readonly secret: Buffer;
  readonly storage: Webdav;
  readonly storageId: string;
  readonly ending: AbortController;
  /** Where it is while it is open. */
  place: SyncPlace | undefined;
}

class LocalHomes implements Homes {
  readonly #options: HomesOptions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #events: Emitter<{ changed: HomeState | null }>;
  #visit: Visit | undefined;
  /** Of the last person who came and has not left: others are too late. */
  #arrival: symbol | undefined;
  #state: HomeState | null = null;
  /** Opening, synchronising and closing one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #syncWaits = false;

  constructor(options: HomesOptions) {
    this.#options = options;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#events = new Emitter((error) => this.#log.error('a listener failed', { error }));
  }

  get state(): HomeState | null {
    return this.#state;
  }

  on(event: 'changed', listener: (state: HomeState | null) => void): () => void {
    return this.#events.on(event, listener);
  }

  folderOf(personId: string): string | undefined {
    const visit = this.#visit;
    return visit?.person.id === personId ? visit.place?.files : undefined;
  }

  async open(person: Person, secret: Uint8Array | undefined): Promise<void> {
    const { url } = this.#options.policy();
    if (url === null || person.kind === 'guest') return this.close();
    if (this.#visit) await this.close();
    // Ours before anything is waited for: the one that was given is zeroed when they sign out.
    const copy = Buffer.from(secret ?? []);
    const arrival = Symbol(person.id);
    this.#arrival = arrival;
    // Not with the rest of main: most kiosks never need HTTP and XML of a storage.
    const { Webdav } = await import('./webdav.ts');
    if (this.#arrival !== arrival) {
      copy.fill(0);
      return;
    }
    const visit = this.#newVisit(person, copy, url, Webdav);
    this.#visit = visit;
    this.#tell({ state: 'opening', syncedAt: null, unsent: 0, conflicts: 0, error: null });
    await this.#inTurn(async () => {
      try {
        const { root, lost } = await this.#unlock(visit);
        visit.place = {
          files: join(root, 'files'),
          incoming: join(root, 'incoming'),
          ledger: join(root, 'ledger.json'),
        };
        const { syncedAt } = await readNote(visit.home);
        this.#tell({
          state: 'waiting',
          syncedAt,
          unsent: 0,
          conflicts: 0,
          error: lost ? toWireError(lost) : null,
        });
      } catch (error) {
        if (visit.ending.signal.aborted) return;
        this.#log.error('a person has no folder here now', { error });
        this.#change({ state: 'failed', error: toWireError(error) });
      }
    });
    if (!visit.place) return;
    this.sync();
    void this.#repeat(visit);
  }

  sync(): void {
    const visit = this.#visit;
    if (!visit?.place || visit.secret.length === 0 || this.#syncWaits) return;
    this.#syncWaits = true;
    void this.#inTurn(async () => {
      this.#syncWaits = false;
      if (!visit.ending.signal.aborted) await this.#sync(visit, visit.ending.signal);
    });
  }

  async close(): Promise<void> {
    this.#arrival = undefined;
    const visit = this.#visit;
    if (!visit) return this.#inTurn(() => this.#closeOthers());
    visit.ending.abort(new KioskError('CANCELLED', 'The visit is over.'));
    await this.#inTurn(async () => {
      try {
        if (visit.place) {
          const limit = AbortSignal.timeout(this.#options.lastSyncMs ?? 25_000);
          const sent = visit.secret.length > 0 && (await this.#sync(visit, limit));
          // Only with the folder unseen by any program can "everything is there" be believed.
          if (sent) await writeNote(visit.home, { ...(await readNote(visit.home)), sent: true });
        }
        visit.place = undefined;
        await closeVault(visit.plain);
      } catch (error) {
        this.#log.error('a folder could not be closed', { error });
      } finally {
        visit.secret.fill(0);
        await visit.storage.close();
        if (this.#visit === visit) this.#visit = undefined;
        this.#tell(null);
      }
    });
  }

  #newVisit(person: Person, copy: Buffer, template: string, Storage: typeof Webdav): Visit {
    const { folder, runtimeFolder, ca, userAgent } = this.#options;
    const name = createHash('sha256').update(person.id).digest('hex').slice(0, 32);
    const home = join(folder, name);
    const plain = join(runtimeFolder, name);
    const url = template.replaceAll('{person}', encodeURIComponent(person.id));
    return {
      person,
      home,
      cipher: join(home, 'cipher'),
      plain,
      secret: copy,
      storage: new Storage({
        url: url.endsWith('/') ? url : `${url}/`,
        authorization: () => basic(person.id, copy),
        ...(ca === undefined ? {} : { ca }),
        userAgent,
      }),
      storageId: url,
      ending: new AbortController(),
      place: undefined,
    };
  }

  /** @returns where it is open, and what was set aside on the way, to be told */
  async #unlock(visit: Visit): Promise<{ root: string; lost: KioskError | undefined }> {
    const { launcher } = this.#options;
    const { signal } = visit.ending;
    await this.#closeOthers();
    let root = await openedAt(visit.plain);
    let lost: KioskError | undefined;
    if (root === undefined && visit.secret.length === 0) {
      throw new KioskError('HOME_UNAVAILABLE', 'The folder opens at the next sign-in.');
    }
    try {
      if (!(await vaultExists(visit))) await createVault(launcher, visit, visit.secret, signal);
      root ??= await openVault(launcher, visit, visit.secret, signal);
    } catch (error) {
      const otherPassword = error instanceof KioskError && error.code === 'HOME_LOCKED';
      // The campus has just said that this password is right: the folder is from before it changed.
      if (!otherPassword || visit.person.offline) throw error;
      lost = await this.#setAside(visit, error);
      await createVault(launcher, visit, visit.secret, signal);
      root = await openVault(launcher, visit, visit.secret, signal);
    }
    await writeNote(visit.home, { ...(await readNote(visit.home)), sent: false });
    return { root, lost };
  }

  async #setAside(visit: Visit, reason: KioskError): Promise<KioskError | undefined> {
    if ((await readNote(visit.home)).sent) {
      // All of it is on the storage, from where it comes back.
      await rm(visit.cipher, { recursive: true, force: true });
      return undefined;
    }
    const name = `cipher.locked-${this.#clock.now()}`;
    await rename(visit.cipher, join(visit.home, name));
    this.#log.warn('a folder with unsent files has another password: set aside', { name });
    return reason;
  }

  /** A main that was killed leaves folders open. */
  async #closeOthers(): Promise<void> {
    const { runtimeFolder } = this.#options;
    const names = await readdir(runtimeFolder).catch(() => []);
    for (const name of names) {
      const plain = join(runtimeFolder, name);
      if (plain !== this.#visit?.plain) await closeVault(plain);
    }
  }

  /** @returns whether everything is on the storage now */
  async #sync(visit: Visit, signal: AbortSignal): Promise<boolean> {
    const { place, storage, storageId } = visit;
    if (!place) return false;
    const before = this.#state;
    this.#change({ state: 'syncing' });
    try {
      const done = await synchronise({
        place,
        storage,
        storageId,
        where: this.#options.where,
        signal,
        log: this.#log,
      });
      const { sent, fetched, removed, conflicts, failed, skipped, suspicious } = done;
      this.#log.info('a folder was synchronised', {
        ...{ sent, fetched, removed, conflicts, failed, skipped, suspicious },
      });
      const syncedAt = this.#clock.now();
      await writeNote(visit.home, { sent: false, syncedAt });
      this.#change({
        state: failed === 0 ? 'synced' : 'waiting',
        syncedAt,
        unsent: failed,
        conflicts: (before?.conflicts ?? 0) + conflicts,
        error: done.firstFailure?.code.startsWith('HOME_')
          ? done.firstFailure.toWire()
          : keepLocked(before),
      });
      return failed === 0 && skipped === 0;
    } catch (error) {
      if (visit.ending.signal.aborted && signal === visit.ending.signal) return false;
      this.#log.warn('a folder could not be synchronised', { error });
      const unsent = await countUnsent(place, storageId, AbortSignal.timeout(10_000)).catch(
        () => 0,
      );
      this.#change({ state: 'waiting', unsent, error: toWireError(error) });
      return false;
    }
  }

  async #repeat(visit: Visit): Promise<void> {
    const { signal } = visit.ending;
    while (!signal.aborted) {
      await pause(this.#options.policy().everyMs, undefined, { signal, ref: false }).catch(
        () => {},
      );
      if (!signal.aborted) this.sync();
    }
  }

  #change(change: Partial<HomeState>): void {
    if (this.#state) this.#tell({ ...this.#state, ...change });
  }

  #tell(state: HomeState | null): void {
    this.#state = state;
    this.#events.emit('changed', state);
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch((error: unknown) => {
      this.#log.error('work on a folder failed', { error });
    });
    return this.#turn;
  }
}

/** That something was set aside is said during the whole visit. */
function keepLocked(state: HomeState | null): HomeState['error'] {
  return state?.error?.code === 'HOME_LOCKED' ? state.error : null;
}

/** RFC 7617, in UTF-8. */
function basic(name: string, secret: Uint8Array): string {
  const text = Buffer.concat([Buffer.from(`${name}:`), secret]);
  try {
    return `Basic ${text.toString('base64')}`;
  } finally {
    text.fill(0);
  }
}

async function readNote(home: string): Promise<Note> {
  try {
    return Note.parse(JSON.parse(await readFile(join(home, 'note.json'), 'utf8')));
  } catch {
    return { sent: false, syncedAt: null };
  }
}

async function writeNote(home: string, note: Note): Promise<void> {
  await writeFileAtomic(join(home, 'note.json'), JSON.stringify(note));
}
