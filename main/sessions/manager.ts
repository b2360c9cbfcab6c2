/**
 * The sessions of one kiosk: who may start how many, whose they are, which of them has the screen.
 * A click that fails leaves a failed session with its reason, so that the person sees what
 * happened; nothing of it is left behind.
 */
import { randomUUID } from 'node:crypto';
import type { Person, Session, SessionDisplay, SessionKind } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import { KioskError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import type { ManifestEntry } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { Engine, SessionReply, Surface } from './engine.ts';
import { LiveSession, type LiveSessionOptions } from './live-session.ts';
import { Questions } from './questions.ts';

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

export class SessionManager {
  readonly #options: SessionManagerOptions;
  readonly #sessions = new Map<string, LiveSession>();
  readonly #questions = new Questions((id, question) =>
    this.#sessions.get(id)?.update({ question }),
  );
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
    return [...this.#sessions.values()].map(({ session }) => session);
  }

  /** The sessions of one person. */
  listOf(personId: string): Session[] {
    return [...this.#sessions.values()]
      .filter((live) => live.personId === personId)
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
    return [...this.#sessions.values()].filter(({ over }) => !over).length;
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
        },
        person.id,
      );
      void made.run(engine, { entry, person, machineIndex });
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
          const live = this.#add(
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
            },
            found.personId,
          );
          live.attach(found.running);
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
    const running = [...this.#sessions.values()].filter(({ over }) => !over);
    return [...new Set(running.map(({ personId }) => personId))];
  }

  /**
   * Asks a session to end; it is killed after the grace time. Resolves when it is over.
   * @param now skips the grace time
   * @throws KioskError `SESSION_UNKNOWN`
   */
  async stop(id: string, now = false): Promise<void> {
    await this.#get(id).stop(now);
  }

  /** Ends every session (of one person, or all) and resolves when they are over. */
  async stopAll(options: { personId?: string; now?: boolean } = {}): Promise<void> {
    const { personId, now = false } = options;
    const chosen = [...this.#sessions.values()].filter(
      (live) => personId === undefined || live.personId === personId,
    );
    await Promise.all(chosen.map((live) => live.stop(now)));
    for (const { session } of chosen) this.#sessions.delete(session.id);
    this.#changed();
  }

  /** Ends main's hold without ending adoptable machines. */
  close(): void {
    this.#closed = true;
    for (const live of this.#sessions.values()) live.letGo();
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
    const { surface } = this.#get(id);
    if (surface?.type !== 'spice-socket' && surface?.type !== 'frame') {
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
    if (!this.#get(id).over) {
      throw new KioskError('NOT_ALLOWED', 'A running session cannot be dismissed.');
    }
    this.#sessions.delete(id);
    this.#changed();
  }

  #add(session: LiveSessionOptions['session'], personId: string): LiveSession {
    const { graceMs, log, display, report } = this.#options;
    const live = new LiveSession({
      session,
      personId,
      graceMs,
      log,
      questions: this.#questions,
      changed: () => this.#changed(),
      raised: (raised) => this.#give(raised),
      closeDisplay: (id) => display.close(id),
      ended: (ended) => report?.(ended),
    });
    this.#sessions.set(session.id, live);
    report?.(live.session);
    return live;
  }

  #give(chosen: LiveSession | undefined): void {
    for (const live of this.#sessions.values()) live.place(live === chosen);
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

  #get(id: string): LiveSession {
    const live = this.#sessions.get(id);
    if (!live) throw new KioskError('SESSION_UNKNOWN', 'There is no such session.');
    return live;
  }
}
