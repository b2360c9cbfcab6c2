/**
 * One started session, from the click to its end: its state, what the engine holds for it, and the
 * grace time between asking it to end and ending it.
 */
import type { WireError } from '../../preload/contract/errors.ts';
import type { Person, Session } from '../../preload/contract/model.ts';
import { KioskError, toWireError } from '../base/errors.ts';
import { next } from '../base/machine.ts';
import type { ManifestEntry } from '../base/manifest.ts';
import type { Logger } from '../log/logger.ts';
import type { Engine, RunningSession, Surface } from './engine.ts';
import type { Questions } from './questions.ts';
import { SESSION_TABLE, type SessionEvent } from './session-machine.ts';

export interface LiveSessionOptions {
  /** What it is; the rest of the contract's session begins here. */
  readonly session: Omit<Session, 'shown' | 'progress' | 'notices' | 'question' | 'error'>;
  readonly personId: string;
  /** Milliseconds between asking it to stop and killing it. */
  readonly graceMs: () => number;
  readonly log: Logger;
  readonly questions: Questions;
  /** After each change of what people see of it. */
  readonly changed: () => void;
  /** It has the screen, and now a picture to put there. */
  readonly raised: (live: LiveSession) => void;
  /** It is over: ends what draws it, before anybody is told. */
  readonly closeDisplay: (id: string) => void;
  /** Told once it has ended or failed. */
  readonly ended: (session: Session) => void;
}

export class LiveSession {
  readonly #options: LiveSessionOptions;
  readonly #abort = new AbortController();
  readonly #end = Promise.withResolvers<void>();
  #session: Session;
  #running: RunningSession | undefined;
  #grace: NodeJS.Timeout | undefined;

  constructor(options: LiveSessionOptions) {
    this.#options = options;
    this.#session = {
      ...options.session,
      shown: false,
      progress: null,
      notices: [],
      question: null,
      error: null,
    };
  }

  /** As people see it. */
  get session(): Session {
    return this.#session;
  }

  get personId(): string {
    return this.#options.personId;
  }

  /** It holds no memory, no processor, no connection any more. */
  get over(): boolean {
    return this.#session.state === 'stopped' || this.#session.state === 'failed';
  }

  /** Where its picture comes from, while there is one. */
  get surface(): Surface | undefined {
    return this.#session.state === 'running' ? this.#running?.surface : undefined;
  }

  /** Has the engine start it. A start that fails leaves a failed session with its reason. */
  async run(
    engine: Engine,
    what: { readonly entry: ManifestEntry; readonly person: Person; readonly machineIndex: number },
  ): Promise<void> {
    const { id, groupId } = this.#session;
    try {
      const running = await engine.start({
        ...what,
        sessionId: id,
        groupId,
        signal: this.#abort.signal,
        launching: () => {
          if (this.#session.state === 'preparing') this.#apply('prepared');
        },
        progress: (fraction) => {
          if (!this.over) this.update({ progress: Math.min(1, Math.max(0, fraction)) });
        },
        ask: (question) => this.#options.questions.ask(id, question, this.#abort.signal),
        notice: (error) => this.update({ notices: [...this.#session.notices, error] }),
      });
      if (this.#session.state === 'preparing') this.#apply('prepared');
      this.attach(running);
      if (this.#session.state === 'launching') this.#apply('launched');
      // Stopped in the very moment it came up.
      else this.#stopRunning(running, false);
    } catch (error) {
      if (this.#stopping) {
        this.#finish(undefined);
      } else {
        this.#options.log.error('a session could not start', { session: id, error });
        this.#finish(toWireError(error));
      }
    }
  }

  /** What the engine has for it: just started, or found after a restart of main. */
  attach(running: RunningSession): void {
    this.#running = running;
    const { type } = running.surface;
    // An engine may have chosen another surface than its usual one (a native viewer).
    this.#session = { ...this.#session, surface: type === 'spice-socket' ? 'frame' : type };
    void running.ended.then(
      ({ error }) => this.#finish(error),
      (error: unknown) => this.#finish(toWireError(error)),
    );
    if (this.#session.shown) this.#options.raised(this);
    // Its window came up by itself, in front of what the person turned to meanwhile.
    else if (running.surface.type === 'native') this.#placed(running.surface.hide());
  }

  /**
   * Asks it to end; it is killed after the grace time. Resolves when it is over.
   * @param now skips the grace time
   */
  async stop(now: boolean): Promise<void> {
    if (this.over) return;
    if (!this.#stopping) {
      this.#apply('stop');
      this.#abort.abort(new KioskError('CANCELLED', 'The session was stopped while it started.'));
    }
    if (this.#running) this.#stopRunning(this.#running, now);
    await this.#end.promise;
  }

  /** Gives it the screen or takes it away; whoever decided it tells of the change. */
  place(shown: boolean): void {
    const surface = this.#running?.surface;
    if (
      (surface?.type === 'view' || surface?.type === 'native') &&
      (shown || this.#session.shown)
    ) {
      this.#placed(shown ? surface.show() : surface.hide());
    }
    this.#session = { ...this.#session, shown };
  }

  update(change: Partial<Session>): void {
    this.#session = { ...this.#session, ...change };
    this.#options.changed();
  }

  /** Ends main's hold on it: what can be adopted goes on. */
  letGo(): void {
    clearTimeout(this.#grace);
  }

  get #stopping(): boolean {
    return this.#session.state === 'stopping' || this.#session.state === 'killing';
  }

  #stopRunning(running: RunningSession, now: boolean): void {
    const kill = (): void => {
      clearTimeout(this.#grace);
      if (next(SESSION_TABLE, this.#session.state, 'grace-over')) this.#apply('grace-over');
      void running.kill().catch((error: unknown) => {
        this.#options.log.error('a session could not be killed', {
          session: this.#session.id,
          error,
        });
      });
    };
    if (now) {
      kill();
      return;
    }
    if (this.#grace !== undefined) return;
    this.#grace = setTimeout(kill, this.#options.graceMs());
    void running.stop().catch((error: unknown) => {
      this.#options.log.warn('a session did not take the request to stop', {
        session: this.#session.id,
        error,
      });
      kill();
    });
  }

  #finish(error: WireError | undefined): void {
    if (this.over) return;
    clearTimeout(this.#grace);
    this.#options.questions.cancel(this.#session.id);
    this.#options.closeDisplay(this.#session.id);
    // A session that was told to end and then fails has still ended as asked.
    const failed = error !== undefined && !this.#stopping;
    if (failed) this.#session = { ...this.#session, error };
    // A failure stays on the screen with its reason; an end returns to the tiles.
    else this.#session = { ...this.#session, shown: false };
    this.#apply(failed ? 'failed' : 'ended');
    this.#running = undefined;
    this.#end.resolve();
    this.#options.ended(this.#session);
  }

  #placed(done: Promise<void>): void {
    done.catch((error: unknown) => {
      this.#options.log.warn('a session could not be shown or hidden', {
        session: this.#session.id,
        error,
      });
    });
  }

  #apply(event: SessionEvent): void {
    const { id, entryId, state: before } = this.#session;
    const state = next(SESSION_TABLE, before, event);
    if (state === undefined) {
      const fields = { session: id, state: before, event };
      this.#options.log.warn('an event that the session cannot take', fields);
      return;
    }
    this.#options.log.info('session', { session: id, entry: entryId, state });
    this.update({ state });
  }
}
