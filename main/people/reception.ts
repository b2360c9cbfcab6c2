/** The implementation of people.ts. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Person, Preferences } from '../../preload/contract/model.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { isAbort, KioskError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import { type Database, openDatabase } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import { Attempts } from './attempts.ts';
import { MIGRATIONS, OfflineLogins } from './offline-logins.ts';
import type { LoginAnswer, People, PeopleEvents, PeopleOptions } from './people.ts';
import { PreferenceBook, type PreferencesChange } from './preferences.ts';
import { makeVerifier, matches, type ScryptCost, STRONG } from './verifier.ts';

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
const LOCAL_ADMINISTRATOR = 'local:administrator';

export class Reception implements People {
  readonly #options: PeopleOptions;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #cost: ScryptCost;
  readonly #database: Database;
  readonly #logins: OfflineLogins;
  readonly #attempts: Attempts;
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
    this.#clock = options.clock ?? systemClock;
    this.#cost = options.cost ?? STRONG;
    this.#events = new Emitter((error) =>
      this.#log.error('A listener of people failed.', { error }),
    );
    this.#database = openDatabase({ path: options.path, migrations: MIGRATIONS, log: this.#log });
    this.#logins = new OfflineLogins(this.#database, this.#clock);
    this.#attempts = new Attempts(this.#database, this.#clock, this.#log);
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
        const answer = await this.#askCampus(held.name, held.secret.toString('utf8'));
        // Another person of the same name: the one at the screen is not the campus's any more.
        if (answer.id !== person.id)
          throw new KioskError('SIGN_IN_WRONG', 'The name changed hands.');
        await this.#remember(loginKey(held.name), held.secret, answer);
        this.#current = this.#person(answer, false);
        this.#events.emit('changed', this.#current);
        return 'confirmed';
      } catch (error) {
        if (!isWrong(error)) {
          this.#log.info('The campus could not confirm the person yet.', { error });
          return 'unchanged';
        }
        this.#log.warn('The campus refuses a person who signed in offline.', { person: person.id });
        this.forget(person.id);
        await this.#signOut();
        return 'refused';
      }
    });
  }

  forget(personId: string): void {
    this.#logins.forget(personId);
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
    const key = loginKey(name);
    const locked = this.#attempts.waitFor(key);
    if (locked > 0) throw this.#lockedFor(locked);
    const unredact = this.#options.log.redact(secret);
    const bytes = Buffer.from(secret, 'utf8');
    const wipe = (): void => {
      bytes.fill(0);
      unredact();
    };
    try {
      const person = await this.#authenticate(name, secret, bytes, signal);
      this.#attempts.succeeded(key);
      return await act(person, wipe, bytes);
    } catch (error) {
      try {
        throw this.#refused(key, error);
      } finally {
        wipe();
      }
    }
  }

  /** Counts a wrong password; any other failure passes as it is, but for its form. */
  #refused(key: string, error: unknown): unknown {
    if (!isWrong(error)) return this.#campusLock(error);
    const { left, wait } = this.#attempts.failed(key);
    this.#log.warn('A sign-in was refused.', { waitMs: wait });
    return new KioskError('SIGN_IN_WRONG', 'The name or the password is wrong.', {
      cause: error,
      details: wait > 0 ? { until: this.#clock.now() + wait } : { attemptsLeft: left },
    });
  }

  /** The campus says how long; the page wants to know until when. */
  #campusLock(error: unknown): unknown {
    if (!(error instanceof KioskError) || error.code !== 'SIGN_IN_LOCKED') return error;
    const seconds = error.details?.retryAfterSeconds;
    return typeof seconds === 'number' ? this.#lockedFor(seconds * 1000, error) : error;
  }

  #lockedFor(milliseconds: number, cause?: unknown): KioskError {
    const seconds = Math.ceil(milliseconds / 1000);
    return new KioskError('SIGN_IN_LOCKED', `Too many wrong tries: wait ${seconds} s.`, {
      cause,
      details: { seconds, until: this.#clock.now() + milliseconds },
    });
  }

  async #authenticate(
    name: string,
    secret: string,
    bytes: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<Person> {
    const key = loginKey(name);
    const { localAdministrator } = this.#options.policy();
    if (localAdministrator && loginKey(localAdministrator.name) === key) {
      if (!(await matches(bytes, localAdministrator.verifier, this.#cost))) throw wrong();
      this.#log.warn("The computer's own administrator signed in.");
      return { id: LOCAL_ADMINISTRATOR, name, kind: 'admin', groups: [], offline: true };
    }
    try {
      const answer = await this.#askCampus(name, secret, signal);
      await this.#remember(key, bytes, answer);
      return this.#person(answer, false);
    } catch (error) {
      signal?.throwIfAborted();
      if (isWrong(error)) {
        await this.#forgetIfItWasRight(key, bytes);
        throw error;
      }
      if (!couldNotAsk(error)) throw error;
      this.#log.info('The campus cannot be asked; signing in from memory.', { error });
      return this.#offline(key, bytes);
    }
  }

  async #askCampus(name: string, secret: string, signal?: AbortSignal): Promise<LoginAnswer> {
    const timeout = AbortSignal.timeout(this.#options.onlineTimeoutMs ?? 10_000);
    const both = signal ? AbortSignal.any([signal, timeout]) : timeout;
    try {
      return await this.#options.login.login(name, secret, both);
    } catch (error) {
      // However the campus client says that it was stopped.
      if (!timeout.aborted || isWrong(error)) throw error;
      throw new KioskError('CAMPUS_TIMEOUT', 'The campus took too long.', { cause: error });
    }
  }

  async #offline(key: string, secret: Buffer): Promise<Person> {
    const login = this.#logins.find(key);
    // Also where the name is unknown: the answer must not come sooner.
    const right = await matches(secret, login?.verifier, this.#cost);
    if (!login) throw needsNetwork('unknown', 'This person never signed in on this computer.');
    if (!right) throw wrong();
    if (!this.#logins.valid(login, this.#options.policy().offlineSignInDays)) {
      throw needsNetwork('expired', 'The last sign-in with the campus is too long ago.');
    }
    const { personId: id, personName: name, kind, groups } = login;
    return this.#person({ id, name, kind, groups }, true);
  }

  /** Never lets a sign-in fail: what cannot be kept costs only the next offline sign-in. */
  async #remember(key: string, secret: Buffer, answer: LoginAnswer): Promise<void> {
    const days = Math.min(answer.offlineDays, this.#options.policy().offlineSignInDays);
    try {
      if (days <= 0) {
        this.#logins.forget(answer.id);
        return;
      }
      this.#logins.keep(key, {
        personId: answer.id,
        personName: answer.name,
        kind: answer.kind,
        groups: answer.groups,
        verifier: await makeVerifier(secret, this.#cost),
        onlineAt: this.#clock.now(),
        days,
      });
    } catch (error) {
      this.#log.error('The offline sign-in could not be kept.', { error });
    }
  }

  /** The campus refuses what fits our memory: the password changed, or the person was removed. */
  async #forgetIfItWasRight(key: string, secret: Buffer): Promise<void> {
    const login = this.#logins.find(key);
    if (!(await matches(secret, login?.verifier, this.#cost)) || !login) return;
    this.#log.info('The campus refuses what it accepted before: forgotten.', {
      person: login.personId,
    });
    this.forget(login.personId);
  }

  #person({ id, name, kind, groups }: Omit<LoginAnswer, 'offlineDays'>, offline: boolean): Person {
    const { adminGroups } = this.#options.policy();
    const admin = kind === 'admin' || groups.some((group) => adminGroups.includes(group));
    return { id, name, kind: admin ? 'admin' : 'member', groups: [...groups], offline };
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

/** One person, however the name is typed. */
function loginKey(name: string): string {
  return name.normalize('NFC').trim().toLowerCase();
}

function isWrong(error: unknown): boolean {
  return error instanceof KioskError && error.code === 'SIGN_IN_WRONG';
}

/** The campus gave no answer about the person: neither yes nor no. */
function couldNotAsk(error: unknown): boolean {
  if (isAbort(error)) return true;
  if (!(error instanceof KioskError)) return false;
  return (
    error.code === 'TIMEOUT' ||
    (error.code.startsWith('CAMPUS_') && error.code !== 'CAMPUS_ENDPOINT_ABSENT')
  );
}

function wrong(): KioskError {
  return new KioskError('SIGN_IN_WRONG', 'The name or the password is wrong.');
}

function needsNetwork(reason: 'unknown' | 'expired', message: string): KioskError {
  return new KioskError('SIGN_IN_NEEDS_NETWORK', message, { details: { reason } });
}
