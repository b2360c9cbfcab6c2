/**
 * Who is at the screen, one at a time: they come, are known by their secret until they leave, and
 * leave when everything of theirs has ended. The implementation of people.ts.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Person, Preferences } from '../../preload/contract/model.ts';
import { systemClock } from '../base/clock.ts';
import { KioskError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import { type Database, openDatabase } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import { Authentication, LOCAL_ADMINISTRATOR } from './authentication.ts';
import { MIGRATIONS } from './offline-logins.ts';
import type { People, PeopleEvents, PeopleOptions } from './people.ts';
import { PreferenceBook, type PreferencesChange } from './preferences.ts';
import { STRONG } from './verifier.ts';

/**
 * All guests are one: nothing is kept for them. Not in people.ts, which imports this file: bundled,
 * its constants would not be there yet.
 */
export const GUEST_ID = 'guest';
const GUEST: Person = {
  id: GUEST_ID,
  name: 'Guest',
  kind: 'guest',
  groups: ['guest'],
  offline: false,
};

export class Reception implements People {
  readonly #options: PeopleOptions;
  readonly #log: Logger;
  readonly #database: Database;
  readonly #authentication: Authentication;
  readonly #preferences: PreferenceBook;
  readonly #events: Emitter<PeopleEvents>;
  readonly #hooks = new Set<(person: Person) => Promise<void> | void>();
  #current: Person | null = null;
  /** The name and secret of the current person; the secret's bytes are ours to zero. */
  #held: { readonly name: string; readonly secret: Buffer; readonly wipe: () => void } | undefined;
  /** Sign-ins and sign-outs one after the other: tries in parallel would pass the lock. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: PeopleOptions) {
    this.#options = options;
    this.#log = options.log.scope('people');
    this.#events = new Emitter((error) =>
      this.#log.error('A listener of people failed.', { error }),
    );
    this.#database = openDatabase({ path: options.path, migrations: MIGRATIONS, log: this.#log });
    this.#authentication = new Authentication({
      ...options,
      database: this.#database,
      log: this.#log,
      clock: options.clock ?? systemClock,
      cost: options.cost ?? STRONG,
    });
    this.#preferences = new PreferenceBook(this.#database, this.#log, options.defaultPreferences);
  }

  get current(): Person | null {
    return this.#current;
  }

  signIn(name: string, secret: string, signal?: AbortSignal): Promise<Person> {
    return this.#inTurn(() => this.#signIn(name.trim(), secret, signal));
  }

  confirmAdministrator(
    who: { readonly name: string; readonly secret: string } | null,
    signal?: AbortSignal,
  ): Promise<void> {
    return this.#inTurn(async () => {
      const kind =
        who === null
          ? this.#current?.kind
          : await this.#checked(who.name.trim(), who.secret, signal, async ({ kind }, wipe) => {
              wipe();
              return kind;
            });
      if (kind !== 'admin') {
        throw new KioskError('NOT_ALLOWED', 'This takes an administrator of this computer.');
      }
    });
  }

  continueAsGuest(): Promise<Person> {
    return this.#inTurn(async () => {
      this.#requireNobody();
      if (!this.#options.policy().guests) {
        throw new KioskError('GUESTS_NOT_ALLOWED', 'This campus does not allow guests.');
      }
      return this.#enter(GUEST, false);
    });
  }

  resume(person: Person): void {
    if (this.#current === null) this.#enter(person, person.kind !== 'guest');
  }

  signOut(): Promise<void> {
    return this.#inTurn(() => this.#signOut());
  }

  onSignOut(hook: (person: Person) => Promise<void> | void): () => void {
    this.#hooks.add(hook);
    return () => this.#hooks.delete(hook);
  }

  confirmOnline(): Promise<'confirmed' | 'refused' | 'unchanged'> {
    return this.#inTurn(async () => {
      const person = this.#current;
      const held = this.#held;
      if (!person?.offline || !held || person.id === LOCAL_ADMINISTRATOR) return 'unchanged';
      try {
        const known = await this.#authentication.confirm(person, held.name, held.secret);
        if (!known) return 'unchanged';
        this.#current = known;
      } catch {
        this.#log.warn('The campus refuses a person who signed in offline.', { person: person.id });
        this.forget(person.id);
        await this.#signOut();
        return 'refused';
      }
      this.#events.emit('changed', this.#current);
      return 'confirmed';
    });
  }

  forget(personId: string): void {
    this.#authentication.forget(personId);
  }

  secretFor(personId: string): Uint8Array | undefined {
    return this.#current?.id === personId ? this.#held?.secret : undefined;
  }

  get preferences(): Preferences {
    return this.#preferences.current;
  }

  setPreferences(change: PreferencesChange): Preferences {
    const preferences = this.#preferences.set(change);
    this.#events.emit('preferences', preferences);
    return preferences;
  }

  on<N extends keyof PeopleEvents>(
    event: N,
    listener: (payload: PeopleEvents[N]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  close(): void {
    this.#wipe();
    this.#database.close();
  }

  async #signIn(name: string, secret: string, signal: AbortSignal | undefined): Promise<Person> {
    return await this.#checked(name, secret, signal, async (person, wipe, bytes) => {
      // An administrator takes over the screen: only now, for a wrong password must end nothing.
      if (this.#current) await this.#signOut();
      this.#held = { name, secret: bytes, wipe };
      return this.#enter(person, true);
    });
  }

  /**
   * Runs with a person whose name and secret are right.
   * @param act must call `wipe` when the secret is not needed any more
   */
  async #checked<T>(
    name: string,
    secret: string,
    signal: AbortSignal | undefined,
    act: (person: Person, wipe: () => void, bytes: Buffer) => Promise<T>,
  ): Promise<T> {
    const unredact = this.#options.log.redact(secret);
    const bytes = Buffer.from(secret, 'utf8');
    const wipe = (): void => {
      bytes.fill(0);
      unredact();
    };
    try {
      return await act(await this.#authentication.check(name, secret, bytes, signal), wipe, bytes);
    } catch (error) {
      wipe();
      throw error;
    }
  }

  #enter(person: Person, remembered: boolean): Person {
    this.#current = person;
    this.#preferences.signedIn(person.id, remembered);
    this.#log.info('Signed in.', { kind: person.kind, offline: person.offline });
    this.#events.emit('changed', person);
    this.#events.emit('preferences', this.preferences);
    return person;
  }

  async #signOut(): Promise<void> {
    const person = this.#current;
    if (!person) return;
    this.#wipe();
    const hooks = [...this.#hooks].map(async (hook) => hook(person));
    const giveUp = new AbortController();
    await Promise.race([
      Promise.allSettled(hooks).then((results) => {
        for (const result of results) {
          if (result.status === 'rejected')
            this.#log.error('A part of the sign-out failed.', { error: result.reason });
        }
      }),
      delay(this.#options.signOutTimeoutMs ?? 60_000, undefined, { signal: giveUp.signal }).then(
        () => this.#log.error('A part of the sign-out hangs; going on without it.'),
        () => {},
      ),
    ]);
    giveUp.abort();
    this.#current = null;
    this.#preferences.signedOut();
    this.#log.info('Signed out.');
    this.#events.emit('changed', null);
    this.#events.emit('preferences', this.preferences);
  }

  #wipe(): void {
    this.#held?.wipe();
    this.#held = undefined;
  }

  #requireNobody(): void {
    if (this.#current) throw new KioskError('NOT_ALLOWED', 'Someone is signed in already.');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}
