/**
 * All that the page knows of the kiosk: fed by `state.get`, the lists and the events, read by
 * `useSyncExternalStore`. Main is the source of truth; what a click changes here at once is
 * replaced by the next event.
 */
import type { EventName, EventPayload, KioskApi } from '../../preload/contract/contract.ts';
import type {
  CatalogueEntry,
  Job,
  KioskState,
  Notice,
  Preferences,
  Session,
  SessionAnswer,
} from '../../preload/contract/model.ts';
import { type KioskFailure, toFailure } from '../kiosk.ts';

export interface Toast extends Notice {
  readonly id: number;
}

export interface Snapshot {
  /** Null until main has answered for the first time. */
  readonly state: KioskState | null;
  /** Why it has not answered yet. */
  readonly startError: KioskFailure | null;
  /** Null until it has arrived for this person. */
  readonly catalogue: readonly CatalogueEntry[] | null;
  /** Without those that ended as they should. */
  readonly sessions: readonly Session[];
  readonly jobs: readonly Job[];
  /** Entries that were clicked and have no session yet. */
  readonly starting: ReadonlySet<string>;
  /** A start that was refused before there was a session. */
  readonly startFailure: { readonly entryId: string; readonly error: KioskFailure } | null;
  readonly toasts: readonly Toast[];
}

const EMPTY: Snapshot = {
  state: null,
  startError: null,
  catalogue: null,
  sessions: [],
  jobs: [],
  starting: new Set(),
  startFailure: null,
  toasts: [],
};

/** Toasts beyond this push the oldest out. */
const MAX_TOASTS = 4;
const RETRY_MS = [500, 1000, 2000, 4000] as const;

export class KioskStore {
  readonly api: KioskApi;
  #snapshot = EMPTY;
  readonly #listeners = new Set<() => void>();
  /** How many events of each kind came: an answer that was asked for before one is stale. */
  readonly #arrived = new Map<EventName, number>();
  readonly #dismissed = new Set<string>();
  #toastId = 0;

  constructor(api: KioskApi) {
    this.api = api;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly getSnapshot = (): Snapshot => this.#snapshot;

  /** Listens, and asks until main answers. Resolves with the first state. */
  async start(): Promise<void> {
    this.#on('state.changed', (state) => this.#takeState(state));
    this.#on('catalogue.changed', (catalogue) => this.#set({ catalogue }));
    this.#on('sessions.changed', (sessions) => this.#takeSessions(sessions));
    this.#on('jobs.changed', (jobs) => this.#set({ jobs }));
    this.#on('notice', (notice) => this.notify(notice));
    for (let attempt = 0; this.#snapshot.state === null; attempt++) {
      try {
        await this.#ask(
          'state.changed',
          () => this.api.state.get(),
          (s) => this.#takeState(s),
        );
      } catch (error) {
        this.#set({ startError: toFailure(error) });
        const wait = RETRY_MS[Math.min(attempt, RETRY_MS.length - 1)];
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  /** @throws what the call rejected with, for the form to show */
  async signIn(name: string, secret: string): Promise<void> {
    this.#takePerson(await this.api.people.signIn({ name, secret }));
  }

  /** @throws what the call rejected with */
  async continueAsGuest(): Promise<void> {
    this.#takePerson(await this.api.people.continueAsGuest());
  }

  /** @throws what the call rejected with */
  async signOut(): Promise<void> {
    await this.api.people.signOut();
    this.#takePerson(null);
  }

  /** Starts an entry; the tile says so at once. */
  async startEntry(entryId: string): Promise<void> {
    if (this.#snapshot.starting.has(entryId)) return;
    this.#setStarting(entryId, true);
    this.#set({ startFailure: null });
    try {
      await this.#ask(
        'sessions.changed',
        () => this.api.sessions.start({ entryId }),
        (started) => {
          const ids = new Set(started.map(({ id }) => id));
          this.#takeSessions([
            ...this.#snapshot.sessions.filter(({ id }) => !ids.has(id)),
            ...started,
          ]);
        },
      );
    } catch (error) {
      this.#set({ startFailure: { entryId, error: toFailure(error) } });
    } finally {
      this.#setStarting(entryId, false);
    }
  }

  readonly clearStartFailure = (): void => this.#set({ startFailure: null });

  /** Gives the screen to a session, at once here and then in main. */
  show(id: string): void {
    this.#markShown(id);
    this.#try(this.api.sessions.show({ id }), id);
  }

  /** Back to the tiles. */
  readonly hide = (): void => {
    this.#markShown(null);
    this.#try(this.api.sessions.hide(), null);
  };

  /** Asks sessions to end; `now` without the grace time. */
  stop(sessions: readonly Session[], now = false): void {
    for (const { id } of sessions) this.#try(this.api.sessions.stop({ id, now }), id);
  }

  /** @param height in pixels of the screen */
  sessionBar(height: number): void {
    this.#try(this.api.ui.sessionBar({ height }), null);
  }

  /** @throws what the call rejected with, for the form to show */
  async answer(id: string, answer: SessionAnswer): Promise<void> {
    await this.api.sessions.answer({ id, answer });
  }

  /** Removes a failed session. */
  dismiss(id: string): void {
    this.#takeSessions(this.#snapshot.sessions.filter((session) => session.id !== id));
    this.#try(this.api.sessions.dismiss({ id }), id);
  }

  /** Changes preferences, at once here and then in main. */
  setPreferences(change: Partial<Preferences>): void {
    const { state } = this.#snapshot;
    if (state === null) return;
    this.#set({ state: { ...state, preferences: { ...state.preferences, ...change } } });
    this.#try(this.api.preferences.set(change), null);
  }

  notify(notice: Notice): void {
    const toast = { ...notice, id: ++this.#toastId };
    this.#set({ toasts: [...this.#snapshot.toasts, toast].slice(-MAX_TOASTS) });
  }

  dismissToast(id: number): void {
    this.#set({ toasts: this.#snapshot.toasts.filter((toast) => toast.id !== id) });
  }

  #set(change: Partial<Snapshot>): void {
    this.#snapshot = { ...this.#snapshot, ...change };
    for (const listener of this.#listeners) listener();
  }

  #on<N extends EventName>(event: N, take: (payload: EventPayload<N>) => void): void {
    this.api.on(event, (payload) => {
      this.#arrived.set(event, (this.#arrived.get(event) ?? 0) + 1);
      take(payload);
    });
  }

  /** Asks, and takes the answer unless an event brought something newer in the meantime. */
  async #ask<T>(event: EventName, call: () => Promise<T>, take: (answer: T) => void) {
    const before = this.#arrived.get(event);
    const answer = await call();
    if (this.#arrived.get(event) === before) take(answer);
  }

  /** What was shown at once and then refused: say so, and take main's view of it. */
  #try(call: Promise<unknown>, about: string | null): void {
    call.catch((thrown: unknown) => {
      const error = toFailure(thrown);
      // Ended by itself in the same moment: what was asked for has happened.
      if (error.code === 'SESSION_UNKNOWN') return;
      this.notify({ level: 'error', error, about });
      void this.#resync();
    });
  }

  async #resync(): Promise<void> {
    try {
      await this.#ask(
        'state.changed',
        () => this.api.state.get(),
        (s) => this.#takeState(s),
      );
      if (this.#snapshot.state?.person) await this.#loadLists();
    } catch {
      // The failure was shown already; the next event brings the truth.
    }
  }

  #takeState(state: KioskState): void {
    const before = this.#snapshot.state?.person?.id;
    this.#set({ state, startError: null });
    if (state.person?.id === before) return;
    this.#set({ catalogue: null, sessions: [], jobs: [], starting: new Set(), startFailure: null });
    if (state.person !== null) void this.#loadLists();
  }

  #takePerson(person: KioskState['person']): void {
    const { state } = this.#snapshot;
    if (state !== null) this.#takeState({ ...state, person });
  }

  async #loadLists(): Promise<void> {
    const { api } = this;
    try {
      await Promise.all([
        this.#ask(
          'catalogue.changed',
          () => api.catalogue.list(),
          (catalogue) => this.#set({ catalogue }),
        ),
        this.#ask(
          'sessions.changed',
          () => api.sessions.list(),
          (s) => this.#takeSessions(s),
        ),
        this.#ask(
          'jobs.changed',
          () => api.jobs.list(),
          (jobs) => this.#set({ jobs }),
        ),
      ]);
    } catch (error) {
      this.notify({ level: 'error', error: toFailure(error), about: null });
    }
  }

  #takeSessions(all: readonly Session[]): void {
    for (const { id, state } of all) {
      if (state !== 'stopped' || this.#dismissed.has(id)) continue;
      this.#dismissed.add(id);
      // Nobody has to tidy up what ended as it should; if this fails, it stays out of sight anyway.
      this.api.sessions.dismiss({ id }).catch(() => undefined);
    }
    this.#set({ sessions: all.filter(({ state }) => state !== 'stopped') });
  }

  #markShown(shown: string | null): void {
    this.#set({
      sessions: this.#snapshot.sessions.map((session) => ({
        ...session,
        shown: session.id === shown,
      })),
    });
  }

  #setStarting(entryId: string, on: boolean): void {
    const starting = new Set(this.#snapshot.starting);
    if (on) starting.add(entryId);
    else starting.delete(entryId);
    this.#set({ starting });
  }
}
