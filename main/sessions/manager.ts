/**
 * Starts, shows and ends the sessions of one kiosk. It knows states and people; engines know
 * machines and protocols. A click that fails leaves a failed session with its reason, so that the
 * person sees what happened; nothing of it is left behind.
 */
import { randomUUID } from 'node:crypto';
import type { WireError } from '../../preload/contract/errors.ts';
import type { Person, Session, SessionDisplay, SessionKind } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import { KioskError, toWireError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import { next } from '../base/machine.ts';
import type { ManifestEntry } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { Engine, RunningSession, SessionReply, Surface } from './engine.ts';
import { Questions } from './questions.ts';
import { SESSION_TABLE, type SessionEvent } from './session-machine.ts';

/** Gives a frame its picture: the SPICE bridge, wired in app.ts. */
export interface DisplayPort {
  open(
    sessionId: string,
    surface: Extract<Surface, { type: 'spice-socket' }>,
  ): Promise<SessionDisplay>;
  /** Ends every connection of the session's frames. */
  close(sessionId: string): void;
}

export interface SessionManagerOptions {
  readonly engines: readonly Engine[];
  readonly display: DisplayPort;
  /** Sessions that one kiosk runs at once; a click that would exceed it is refused whole. */
  readonly maxSessions: () => number;
  /** Milliseconds between asking a session to stop and killing it. */
  readonly graceMs: () => number;
  readonly clock: Clock;
  readonly log: Logger;
  /** Told about each session that began, ended or failed, for the report to the campus. */
  readonly report?: (session: Session) => void;
}

interface Entry {
  session: Session;
  readonly personId: string;
  readonly abort: AbortController;
  running: RunningSession | undefined;
  grace: NodeJS.Timeout | undefined;
  /** Settles when the session is stopped or failed. */
  readonly over: PromiseWithResolvers<void>;
}

const ENDED = new Set(['stopped', 'failed']);

export class SessionManager {
  readonly #options: SessionManagerOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #questions = new Questions((id, question) => {
    const entry = this.#entries.get(id);
    if (entry) this.#update(entry, { question });
  });
  readonly #emitter = new Emitter<{ changed: Session[] }>();
  #closed = false;

  constructor(options: SessionManagerOptions) {
    this.#options = options;
  }

  /** Called with the whole list at each change. */
  onChanged(listener: (sessions: Session[]) => void): () => void {
    return this.#emitter.on('changed', listener);
  }

  list(): Session[] {
    return [...this.#entries.values()].map(({ session }) => session);
  }

  /** The sessions of one person. */
  listOf(personId: string): Session[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.personId === personId)
      .map(({ session }) => session);
  }

  /**
   * Nobody reaches a session that another person left running.
   * @throws KioskError `SESSION_UNKNOWN`
   */
  checkOwner(id: string, personId: string): void {
    if (this.#get(id).personId !== personId) {
      throw new KioskError('SESSION_UNKNOWN', 'There is no such session.');
    }
  }

  /** Sessions that hold memory, processor or a connection. */
  get active(): number {
    return this.list().filter(({ state }) => !ENDED.has(state)).length;
  }

  /**
   * Starts every machine of a catalogue entry (others: one session); answers at once, the states
   * follow as events.
   * @throws KioskError `SESSION_LIMIT`, `ENGINE_MISSING`
   */
  start(entry: ManifestEntry, person: Person): Session[] {
    const engine = this.#engine(entry.kind);
    const names = entry.kind === 'vm' ? entry.machines.map(({ name }) => name) : [null];
    if (this.#closed) throw new KioskError('CANCELLED', 'The kiosk is closing.');
    if (this.active + names.length > this.#options.maxSessions()) {
      throw new KioskError(
        'SESSION_LIMIT',
        `At most ${this.#options.maxSessions()} sessions run at once on this computer.`,
        { details: { limit: this.#options.maxSessions(), running: this.active } },
      );
    }
    const groupId = `g-${randomUUID()}`;
    const started = names.map((machine, machineIndex) => {
      const made = this.#add(
        {
          id: `s-${randomUUID()}`,
          entryId: entry.id,
          groupId,
          kind: entry.kind,
          title: entry.title,
          machine: names.length > 1 ? machine : null,
          state: 'preparing',
          startedAt: this.#options.clock.now(),
          surface: engine.surface,
          shown: false,
          progress: null,
          notices: [],
          question: null,
          error: null,
        },
        person.id,
      );
      void this.#run(made, engine, { entry, person, machineIndex });
      return made;
    });
    this.show(started[0]?.session.id ?? '');
    return started.map(({ session }) => session);
  }

  /**
   * Takes over what still runs after a restart of main. An engine that fails at it is logged and
   * does not keep the kiosk from starting.
   */
  async adopt(): Promise<number> {
    let adopted = 0;
    for (const engine of this.#options.engines) {
      try {
        for (const found of (await engine.adopt?.()) ?? []) {
          const entry = this.#add(
            {
              id: found.sessionId,
              entryId: found.entryId,
              groupId: found.groupId,
              kind: engine.kind,
              title: found.title,
              machine: found.machine,
              state: 'running',
              startedAt: found.startedAt,
              surface: engine.surface,
              shown: false,
              progress: null,
              notices: [],
              question: null,
              error: null,
            },
            found.personId,
          );
          this.#attach(entry, found.running);
          adopted++;
        }
      } catch (error) {
        this.#options.log.error('adopting running sessions failed', { engine: engine.kind, error });
      }
    }
    if (adopted > 0) this.#changed();
    return adopted;
  }

  /** The person whose sessions run, when there are any: an adopted machine belongs to somebody. */
  owners(): string[] {
    return [
      ...new Set(
        [...this.#entries.values()]
          .filter((e) => !ENDED.has(e.session.state))
          .map((e) => e.personId),
      ),
    ];
  }

  /**
   * Asks a session to end; it is killed after the grace time. Resolves when it is over.
   * @param now skips the grace time
   * @throws KioskError `SESSION_UNKNOWN`
   */
  async stop(id: string, now = false): Promise<void> {
    const entry = this.#get(id);
    if (ENDED.has(entry.session.state)) return;
    if (entry.session.state !== 'stopping' && entry.session.state !== 'killing') {
      this.#apply(entry, 'stop');
      entry.abort.abort(new KioskError('CANCELLED', 'The session was stopped while it started.'));
    }
    if (entry.running) this.#stopRunning(entry, entry.running, now);
    await entry.over.promise;
  }

  /** Ends every session (of one person, or all) and resolves when they are over. */
  async stopAll(options: { personId?: string; now?: boolean } = {}): Promise<void> {
    const chosen = [...this.#entries.values()].filter(
      (entry) => options.personId === undefined || entry.personId === options.personId,
    );
    await Promise.all(chosen.map((entry) => this.stop(entry.session.id, options.now)));
    for (const entry of chosen) this.#entries.delete(entry.session.id);
    this.#changed();
  }

  /** Ends main's hold without ending adoptable machines. */
  close(): void {
    this.#closed = true;
    for (const entry of this.#entries.values()) clearTimeout(entry.grace);
  }

  /**
   * Gives the screen to a session and takes it from the others.
   * @throws KioskError `SESSION_UNKNOWN`
   */
  show(id: string): void {
    this.#give(this.#get(id));
  }

  /** Takes the screen back to the tiles. */
  hide(): void {
    this.#give(undefined);
  }

  /**
   * A fresh one-time address for the session's frame.
   * @throws KioskError `SESSION_UNKNOWN`, `DISPLAY_UNAVAILABLE` while it does not run
   */
  async display(id: string): Promise<SessionDisplay> {
    const entry = this.#get(id);
    const surface = entry.running?.surface;
    if (
      (surface?.type !== 'spice-socket' && surface?.type !== 'frame') ||
      entry.session.state !== 'running'
    ) {
      throw new KioskError('DISPLAY_UNAVAILABLE', 'The session has no picture for a frame now.');
    }
    return surface.type === 'frame'
      ? { sessionId: id, protocol: surface.protocol, frameUrl: await surface.open() }
      : await this.#options.display.open(id, surface);
  }

  /**
   * Hands an answer to the session that asked.
   * @throws KioskError `SESSION_UNKNOWN`; `NOT_ALLOWED` where nothing of the kind was asked
   */
  answer(id: string, reply: SessionReply): void {
    this.#get(id);
    this.#questions.answer(id, reply);
  }

  /**
   * Removes an ended session from the list.
   * @throws KioskError `SESSION_UNKNOWN`; `NOT_ALLOWED` while it runs
   */
  dismiss(id: string): void {
    const entry = this.#get(id);
    if (!ENDED.has(entry.session.state)) {
      throw new KioskError('NOT_ALLOWED', 'A running session cannot be dismissed.');
    }
    this.#entries.delete(id);
    this.#changed();
  }

  async #run(
    entry: Entry,
    engine: Engine,
    what: { entry: ManifestEntry; person: Person; machineIndex: number },
  ): Promise<void> {
    const { id, groupId } = entry.session;
    try {
      const running = await engine.start({
        ...what,
        sessionId: id,
        groupId,
        signal: entry.abort.signal,
        launching: () => {
          if (entry.session.state === 'preparing') this.#apply(entry, 'prepared');
        },
        progress: (fraction) => {
          if (!ENDED.has(entry.session.state)) {
            this.#update(entry, { progress: Math.min(1, Math.max(0, fraction)) });
          }
        },
        ask: (question) => this.#questions.ask(id, question, entry.abort.signal),
        notice: (error) => this.#update(entry, { notices: [...entry.session.notices, error] }),
      });
      if (entry.session.state === 'preparing') this.#apply(entry, 'prepared');
      this.#attach(entry, running);
      if (entry.session.state === 'launching') this.#apply(entry, 'launched');
      // Stopped in the very moment it came up.
      else this.#stopRunning(entry, running, false);
    } catch (error) {
      if (entry.session.state === 'stopping' || entry.session.state === 'killing') {
        this.#finish(entry, undefined);
      } else {
        this.#options.log.error('a session could not start', { session: id, error });
        this.#finish(entry, toWireError(error));
      }
    }
  }

  #attach(entry: Entry, running: RunningSession): void {
    entry.running = running;
    const { type } = running.surface;
    // An engine may have chosen another surface than its usual one (a native viewer).
    entry.session = { ...entry.session, surface: type === 'spice-socket' ? 'frame' : type };
    void running.ended.then(
      ({ error }) => this.#finish(entry, error),
      (error: unknown) => this.#finish(entry, toWireError(error)),
    );
    if (entry.session.shown) this.#give(entry);
    else if (running.surface.type === 'native') {
      // Its window came up by itself, in front of what the person turned to meanwhile.
      running.surface.hide().catch((error: unknown) => {
        this.#options.log.warn('a session could not be hidden', {
          session: entry.session.id,
          error,
        });
      });
    }
  }

  #stopRunning(entry: Entry, running: RunningSession, now: boolean): void {
    const kill = (): void => {
      clearTimeout(entry.grace);
      if (next(SESSION_TABLE, entry.session.state, 'grace-over')) this.#apply(entry, 'grace-over');
      void running.kill().catch((error: unknown) => {
        this.#options.log.error('a session could not be killed', {
          session: entry.session.id,
          error,
        });
      });
    };
    if (now) {
      kill();
      return;
    }
    if (entry.grace !== undefined) return;
    entry.grace = setTimeout(kill, this.#options.graceMs());
    void running.stop().catch((error: unknown) => {
      this.#options.log.warn('a session did not take the request to stop', {
        session: entry.session.id,
        error,
      });
      kill();
    });
  }

  #finish(entry: Entry, error: WireError | undefined): void {
    if (ENDED.has(entry.session.state)) return;
    clearTimeout(entry.grace);
    this.#questions.cancel(entry.session.id);
    this.#options.display.close(entry.session.id);
    // A session that was told to end and then fails has still ended as asked.
    const asked = entry.session.state === 'stopping' || entry.session.state === 'killing';
    const failed = error !== undefined && !asked;
    if (failed) entry.session = { ...entry.session, error };
    // A failure stays on the screen with its reason; an end returns to the tiles.
    else entry.session = { ...entry.session, shown: false };
    this.#apply(entry, failed ? 'failed' : 'ended');
    entry.running = undefined;
    entry.over.resolve();
    this.#options.report?.(entry.session);
  }

  #give(chosen: Entry | undefined): void {
    for (const entry of this.#entries.values()) {
      const shown = entry === chosen;
      const surface = entry.running?.surface;
      if (
        (surface?.type === 'view' || surface?.type === 'native') &&
        (shown || entry.session.shown)
      ) {
        (shown ? surface.show() : surface.hide()).catch((error: unknown) => {
          this.#options.log.warn('a session could not be shown or hidden', {
            session: entry.session.id,
            error,
          });
        });
      }
      entry.session = { ...entry.session, shown };
    }
    this.#changed();
  }

  #add(session: Session, personId: string): Entry {
    const entry: Entry = {
      session,
      personId,
      abort: new AbortController(),
      running: undefined,
      grace: undefined,
      over: Promise.withResolvers(),
    };
    this.#entries.set(session.id, entry);
    this.#options.report?.(session);
    return entry;
  }

  #apply(entry: Entry, event: SessionEvent): void {
    const state = next(SESSION_TABLE, entry.session.state, event);
    if (state === undefined) {
      this.#options.log.warn('an event that the session cannot take', {
        session: entry.session.id,
        state: entry.session.state,
        event,
      });
      return;
    }
    this.#options.log.info('session', {
      session: entry.session.id,
      entry: entry.session.entryId,
      state,
    });
    this.#update(entry, { state });
  }

  #update(entry: Entry, change: Partial<Session>): void {
    entry.session = { ...entry.session, ...change };
    this.#changed();
  }

  #changed(): void {
    this.#emitter.emit('changed', this.list());
  }

  #engine(kind: SessionKind): Engine {
    const engine = this.#options.engines.find((candidate) => candidate.kind === kind);
    if (!engine) {
      throw new KioskError('ENGINE_MISSING', `This kiosk has no engine for ${kind} sessions.`, {
        details: { kind },
      });
    }
    return engine;
  }

  #get(id: string): Entry {
    const entry = this.#entries.get(id);
    if (!entry) throw new KioskError('SESSION_UNKNOWN', 'There is no such session.');
    return entry;
  }
}
