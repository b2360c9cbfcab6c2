/**
 * Who is at the computer: sign-in through the campus, from what this kiosk remembers where the
 * campus cannot be asked, as a guest, or as the computer's own administrator. At most one person
 * at a time. Reasons and limits: docs/adr/0009-offline-sign-in.md.
 */
import type { Person, Preferences } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../log/log.ts';
import type { Logger } from '../log/logger.ts';
import type { PreferencesChange } from './preferences.ts';
import { Reception } from './reception.ts';
import type { ScryptCost } from './verifier.ts';

export { GUEST_ID } from './reception.ts';

/** Who the campus says someone is. */
export interface LoginAnswer {
  readonly id: string;
  readonly name: string;
  readonly kind: 'member' | 'admin';
  readonly groups: readonly string[];
  /** Days that the campus allows this person to sign in offline; 0: never. */
  readonly offlineDays: number;
}

/** How the campus is asked; `Campus.login` fits. */
interface LoginPort {
  /**
   * @throws KioskError `SIGN_IN_WRONG` where the campus refuses; any `CAMPUS_*` but
   * `CAMPUS_ENDPOINT_ABSENT` where it could not be asked
   */
  login(name: string, secret: string, signal?: AbortSignal): Promise<LoginAnswer>;
}

export interface PeoplePolicy {
  readonly guests: boolean;
  readonly offlineSignInDays: number;
  readonly adminGroups: readonly string[];
  /** Who may sign in as administrator whatever the campus says; `people.localAdministrator`. */
  readonly localAdministrator: { readonly name: string; readonly verifier: string } | null;
}

export interface PeopleOptions {
  readonly login: LoginPort;
  /** The SQLite file, `people.db`. */
  readonly path: string;
  /** Read at each use: the campus may change it. */
  readonly policy: () => PeoplePolicy;
  readonly defaultPreferences: () => Preferences;
  readonly log: Logger & Pick<Log, 'redact'>;
  readonly clock?: Clock;
  /** How long the campus may take before this kiosk's own memory is asked. Default 10 000. */
  readonly onlineTimeoutMs?: number;
  /** What the hooks of sign-out may take together. Default 60 000. */
  readonly signOutTimeoutMs?: number;
  /** Price of a verifier; tests take a lower one. */
  readonly cost?: ScryptCost;
}

export type PeopleEvents = {
  changed: Person | null;
  preferences: Preferences;
};

export interface People {
  readonly current: Person | null;
  /**
   * Who is signed in already is signed out first, once the newcomer is known to be right.
   * @throws KioskError `SIGN_IN_WRONG` (details: `attemptsLeft`, or `until` when the next try may
   * come, in milliseconds since the epoch), `SIGN_IN_LOCKED` (details: `seconds`, `until`),
   * `SIGN_IN_NEEDS_NETWORK` (details: `reason` `unknown` or `expired`), `CAMPUS_ENDPOINT_ABSENT`,
   * `CANCELLED`
   */
  signIn(name: string, secret: string, signal?: AbortSignal): Promise<Person>;
  /**
   * Makes sure that an administrator is at the screen, without a change of who is signed in.
   * @param who null: the person who is signed in
   * @throws KioskError `NOT_ALLOWED` for anybody else, and as {@link signIn}
   */
  confirmAdministrator(
    who: { readonly name: string; readonly secret: string } | null,
    signal?: AbortSignal,
  ): Promise<void>;
  /** @throws KioskError `GUESTS_NOT_ALLOWED`, `NOT_ALLOWED` while someone is signed in */
  continueAsGuest(): Promise<Person>;
  /**
   * Main was restarted while this person was at the screen. Their secret is gone with the old
   * main: single sign-on asks again. Does nothing while someone is signed in.
   */
  resume(person: Person): void;
  /** Forgets the secret, then waits for all hooks; never rejects. */
  signOut(): Promise<void>;
  /** Called at each sign-out, while the person is still current; returns what removes the hook. */
  onSignOut(hook: (person: Person) => Promise<void> | void): () => void;
  /**
   * The campus answers again: asks it about a person who signed in offline. One whom it refuses
   * is forgotten and signed out.
   */
  confirmOnline(): Promise<'confirmed' | 'refused' | 'unchanged'>;
  /** The person may not sign in offline any more. */
  forget(personId: string): void;
  /**
   * What the person typed, for single sign-on; undefined for guests. It is zeroed at sign-out:
   * copy nothing, keep nothing.
   */
  secretFor(personId: string): Uint8Array | undefined;
  readonly preferences: Preferences;
  setPreferences(change: PreferencesChange): Preferences;
  on<N extends keyof PeopleEvents>(
    event: N,
    listener: (payload: PeopleEvents[N]) => void,
  ): () => void;
  /** Forgets the secret, without hooks, and closes the file. */
  close(): void;
}

/** @throws KioskError as `openDatabase` does */
export function createPeople(options: PeopleOptions): People {
  return new Reception(options);
}
