/**
 * Who a person is on a remote computer: what they typed to sign in to the kiosk where the campus
 * allows that, what they typed for this desktop earlier in the same visit, else what they answer
 * to a question in the kiosk's own UI. For every engine. Held in memory only, zeroed at sign-out.
 */
import type { WireError } from '../../preload/contract/errors.ts';
import type { Clock } from '../base/clock.ts';
import { KioskError } from '../base/errors.ts';
import type { StartRequest } from './engine.ts';
import { WrongPasswords } from './wrong-passwords.ts';

export interface Credentials {
  /** Empty where the server wants a password only. */
  readonly user: string;
  /** Windows domain; undefined: none, or the one in a `user@domain`. */
  readonly domain: string | undefined;
  /** UTF-8. Zeroed at sign-out: copy nothing, keep nothing. */
  readonly secret: Uint8Array;
}

export interface CredentialsWish {
  /** The remote computer, as people know it. */
  readonly server: string;
  /** On the server; null: it wants a password only. */
  readonly user: string | null;
  /** Windows domain; null: the server knows none. */
  readonly domain: string | null;
  /** The campus allows that what was typed at sign-in is sent to this server. */
  readonly signOn: boolean;
}

export interface CredentialDeskOptions {
  /** What the person typed to sign in; undefined for guests. `People` fits. */
  readonly signOn: { secretFor(personId: string): Uint8Array | undefined };
  readonly clock: Clock;
  /** Keeps a text out of the log until the returned function is called. */
  readonly redact: (text: string) => () => void;
}

interface Held extends Credentials {
  wipe(): void;
}

export class CredentialDesk {
  readonly #options: CredentialDeskOptions;
  readonly #wrong: WrongPasswords;
  /** What was typed and accepted, by person and entry. */
  readonly #held = new Map<string, Map<string, Held>>();

  constructor(options: CredentialDeskOptions) {
    this.#options = options;
    this.#wrong = new WrongPasswords(options.clock);
  }

  /**
   * Runs an attempt with credentials, and again with others as long as the server refuses them.
   * After three wrong passwords an answer is taken once a minute only: directories lock accounts.
   * @param attempt throws KioskError `REMOTE_CREDENTIALS_WRONG` where the server refuses them
   * @throws whatever else the attempt throws; the session's abort reason
   */
  async use<T>(
    request: Pick<StartRequest, 'ask' | 'person' | 'entry' | 'signal'>,
    wish: CredentialsWish,
    attempt: (credentials: Credentials) => Promise<T>,
  ): Promise<T> {
    const { person, entry, signal } = request;
    const key = JSON.stringify([person.id, entry.id]);
    let offered = this.#known(person.id, entry.id, wish);
    let error: WireError | null = null;
    for (;;) {
      signal.throwIfAborted();
      const early = this.#wrong.tooEarly(key);
      if (early !== undefined) {
        offered = undefined;
        error = early.toWire();
      }
      const asked = offered === undefined ? await this.#ask(request, wish, error) : undefined;
      // Answered before its time by a page that did not wait.
      if (asked !== undefined && this.#wrong.tooEarly(key) !== undefined) {
        asked.wipe();
        continue;
      }
      const credentials = offered ?? asked;
      if (credentials === undefined) continue;
      let kept = false;
      try {
        const result = await attempt(credentials);
        this.#wrong.succeeded(key);
        if (asked !== undefined) {
          this.#keep(person.id, entry.id, asked);
          kept = true;
        }
        return result;
      } catch (thrown) {
        if (!(thrown instanceof KioskError) || thrown.code !== 'REMOTE_CREDENTIALS_WRONG') {
          throw thrown;
        }
        error = this.#wrong.failed(key, thrown).toWire();
        this.#forget(person.id, entry.id);
        offered = undefined;
      } finally {
        if (!kept) asked?.wipe();
      }
    }
  }

  /** Zeroes what one person typed, or everybody. */
  wipe(personId?: string): void {
    for (const [owner, entries] of this.#held) {
      if (personId !== undefined && owner !== personId) continue;
      for (const held of entries.values()) held.wipe();
      this.#held.delete(owner);
    }
  }

  #known(personId: string, entryId: string, wish: CredentialsWish): Credentials | undefined {
    const held = this.#held.get(personId)?.get(entryId);
    if (held !== undefined) return held;
    const secret = wish.signOn ? this.#options.signOn.secretFor(personId) : undefined;
    return secret === undefined
      ? undefined
      : { user: wish.user ?? '', domain: wish.domain || undefined, secret };
  }

  async #ask(
    request: Pick<StartRequest, 'ask' | 'person'>,
    wish: CredentialsWish,
    error: WireError | null,
  ): Promise<Held> {
    const { user, domain, secret } = await request.ask({
      type: 'credentials',
      server: wish.server,
      // Guests have no name of their own to propose.
      user: wish.user !== null && request.person.kind === 'guest' ? '' : wish.user,
      domain: wish.domain,
      error,
    });
    const bytes = Buffer.from(secret, 'utf8');
    const unredact = this.#options.redact(secret);
    const [, before, after] = /^([^\\]+)\\(.+)$/.exec(user.trim()) ?? [];
    return {
      user: wish.user === null ? '' : (after ?? user.trim()),
      domain: (before ?? domain.trim()) || undefined,
      secret: bytes,
      wipe: () => {
        bytes.fill(0);
        unredact();
      },
    };
  }

  #keep(personId: string, entryId: string, held: Held): void {
    const entries = this.#held.get(personId) ?? new Map<string, Held>();
    this.#held.set(personId, entries);
    entries.get(entryId)?.wipe();
    entries.set(entryId, held);
  }

  #forget(personId: string, entryId: string): void {
    const entries = this.#held.get(personId);
    entries?.get(entryId)?.wipe();
    entries?.delete(entryId);
  }
}
