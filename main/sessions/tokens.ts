import { createHash, randomBytes } from 'node:crypto';

/**
 * One-time tokens: each stands for a grant, is good for one use, and forgets itself. Kept by
 * their hash, so that neither memory nor the time of a comparison gives one away.
 */
export class TokenStore<Grant> {
  readonly #grants = new Map<string, { readonly grant: Grant; readonly timer?: NodeJS.Timeout }>();

  /** @param lifetimeMs milliseconds; absent: until used or revoked */
  issue(grant: Grant, lifetimeMs?: number): string {
    const token = randomBytes(32).toString('base64url');
    const key = hash(token);
    const timer =
      lifetimeMs === undefined
        ? undefined
        : setTimeout(() => this.#grants.delete(key), lifetimeMs).unref();
    this.#grants.set(key, timer === undefined ? { grant } : { grant, timer });
    return token;
  }

  /** The grant, once; undefined for anything else. */
  spend(token: string): Grant | undefined {
    const key = hash(token);
    const entry = this.#grants.get(key);
    if (entry === undefined) return undefined;
    this.#grants.delete(key);
    clearTimeout(entry.timer);
    return entry.grant;
  }

  revoke(matches: (grant: Grant) => boolean): void {
    for (const [key, entry] of this.#grants) {
      if (!matches(entry.grant)) continue;
      this.#grants.delete(key);
      clearTimeout(entry.timer);
    }
  }
}

function hash(token: string): string {
  return createHash('sha256').update(token).digest('base64');
}
