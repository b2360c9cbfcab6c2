/**
 * Whether a name and a password are right, and whose they are: the computer's own administrator
 * first, then the campus; where it cannot be asked, what this kiosk remembers of earlier answers.
 * Wrong tries are counted and slowed down.
 */
import type { Person } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import { isAbort, KioskError } from '../base/errors.ts';
import type { Database } from '../database/database.ts';
import type { Logger } from '../log/logger.ts';
import { Attempts } from './attempts.ts';
import { OfflineLogins } from './offline-logins.ts';
import type { LoginAnswer, PeopleOptions } from './people.ts';
import { makeVerifier, matches, type ScryptCost } from './verifier.ts';

/** The id of the one administrator whom no campus knows. */
export const LOCAL_ADMINISTRATOR = 'local:administrator';

export interface AuthenticationOptions
  extends Pick<PeopleOptions, 'login' | 'policy' | 'onlineTimeoutMs'> {
  readonly database: Database;
  readonly log: Logger;
  readonly clock: Clock;
  readonly cost: ScryptCost;
}

export class Authentication {
  readonly #options: AuthenticationOptions;
  readonly #log: Logger;
  readonly #logins: OfflineLogins;
  readonly #attempts: Attempts;

  constructor(options: AuthenticationOptions) {
    const { database, clock, log } = options;
    this.#options = options;
    this.#log = log;
    this.#logins = new OfflineLogins(database, clock);
    this.#attempts = new Attempts(database, clock, log);
  }

  /**
   * @param bytes the secret in UTF-8; the caller's to zero
   * @throws KioskError as `People.signIn` does
   */
  async check(
    name: string,
    secret: string,
    bytes: Buffer,
    signal: AbortSignal | undefined,
  ): Promise<Person> {
    const key = loginKey(name);
    const locked = this.#attempts.waitFor(key);
    if (locked > 0) throw this.#lockedFor(locked);
    try {
      const person = await this.#authenticate(name, secret, bytes, signal);
      this.#attempts.succeeded(key);
      return person;
    } catch (error) {
      throw this.#refused(key, error);
    }
  }

  /**
   * Asks the campus about somebody who signed in from this kiosk's memory.
   * @returns the person as the campus knows them; undefined where it still cannot be asked
   * @throws KioskError `SIGN_IN_WRONG` where it refuses them
   */
  async confirm(person: Person, name: string, bytes: Buffer): Promise<Person | undefined> {
    try {
      const answer = await this.#askCampus(name, bytes.toString('utf8'));
      // Another person of the same name: the one at the screen is not the campus's any more.
      if (answer.id !== person.id) throw new KioskError('SIGN_IN_WRONG', 'The name changed hands.');
      await this.#remember(loginKey(name), bytes, answer);
      return this.#person(answer, false);
    } catch (error) {
      if (isWrong(error)) throw error;
      this.#log.info('The campus could not confirm the person yet.', { error });
      return undefined;
    }
  }

  /** The person may not sign in offline any more. */
  forget(personId: string): void {
    this.#logins.forget(personId);
  }

  /** Counts a wrong password; any other failure passes as it is, but for its form. */
  #refused(key: string, error: unknown): unknown {
    if (!isWrong(error)) return this.#campusLock(error);
    const { left, wait } = this.#attempts.failed(key);
    this.#log.warn('A sign-in was refused.', { waitMs: wait });
    return new KioskError('SIGN_IN_WRONG', 'The name or the password is wrong.', {
      cause: error,
      details: wait > 0 ? { until: this.#options.clock.now() + wait } : { attemptsLeft: left },
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
      details: { seconds, until: this.#options.clock.now() + milliseconds },
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
      if (!(await matches(bytes, localAdministrator.verifier, this.#options.cost))) throw wrong();
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
    const right = await matches(secret, login?.verifier, this.#options.cost);
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
        verifier: await makeVerifier(secret, this.#options.cost),
        onlineAt: this.#options.clock.now(),
        days,
      });
    } catch (error) {
      this.#log.error('The offline sign-in could not be kept.', { error });
    }
  }

  /** The campus refuses what fits our memory: the password changed, or the person was removed. */
  async #forgetIfItWasRight(key: string, secret: Buffer): Promise<void> {
    const login = this.#logins.find(key);
    if (!(await matches(secret, login?.verifier, this.#options.cost)) || !login) return;
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
