/**
 * What stands for a password on disk: scrypt (RFC 7914) with a salt of its own, in the form
 * `scrypt$N$r$p$salt$hash` (base64url). The cost is in the text, so that it can be raised without
 * making older ones useless.
 */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

export interface ScryptCost {
  /** Iterations, a power of two; memory is 128 · N · r bytes. */
  readonly N: number;
  readonly r: number;
  readonly p: number;
}

/** OWASP's first choice for scrypt (Password Storage Cheat Sheet): 128 MiB for each try. */
export const STRONG: ScryptCost = { N: 2 ** 17, r: 8, p: 1 };

const SALT_BYTES = 16;
const HASH_BYTES = 32;
/** A text from disk must not be able to ask for more work than this. */
const MAX_MEMORY = 512 * 1024 * 1024;
const FORM =
  /^scrypt\$(\d{1,8})\$(\d{1,3})\$(\d{1,2})\$([A-Za-z0-9_-]{22,86})\$([A-Za-z0-9_-]{43})$/;

/** Makes the verifier of a secret, in a thread of the pool. */
export async function makeVerifier(secret: Uint8Array, cost = STRONG): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(secret, salt, cost);
  const { N, r, p } = cost;
  return `scrypt$${N}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`;
}

/**
 * Whether the secret is the one of the verifier, compared in constant time. One that is absent or
 * damaged fits nothing, at the price that a new one of `cost` has.
 */
export async function matches(
  secret: Uint8Array,
  verifier: string | undefined,
  cost = STRONG,
): Promise<boolean> {
  const parsed = verifier === undefined ? undefined : parse(verifier);
  if (!parsed) {
    await derive(secret, randomBytes(SALT_BYTES), cost);
    return false;
  }
  return timingSafeEqual(await derive(secret, parsed.salt, parsed.cost), parsed.hash);
}

function parse(verifier: string): { cost: ScryptCost; salt: Buffer; hash: Buffer } | undefined {
  const [, N, r, p, salt, hash] = FORM.exec(verifier) ?? [];
  if (salt === undefined || hash === undefined) return undefined;
  const cost = { N: Number(N), r: Number(r), p: Number(p) };
  const sound =
    cost.N >= 2 &&
    (cost.N & (cost.N - 1)) === 0 &&
    cost.r >= 1 &&
    cost.p >= 1 &&
    cost.p <= 16 &&
    memory(cost) <= MAX_MEMORY;
  if (!sound) return undefined;
  return { cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

function memory({ N, r, p }: ScryptCost): number {
  return 128 * r * (N + p);
}

function derive(secret: Uint8Array, salt: Uint8Array, cost: ScryptCost): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // OpenSSL refuses at exactly the memory it needs: a little above.
    const maxmem = memory(cost) + 1024 * 1024;
    scrypt(secret, salt, HASH_BYTES, { ...cost, maxmem }, (error, hash) =>
      error ? reject(error) : resolve(hash),
    );
  });
}
