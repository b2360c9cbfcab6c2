import { scryptSync } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { makeVerifier, matches, STRONG } from '../../../main/people/verifier.ts';
import { SETTINGS } from '../../../main/settings/schema.ts';

const CHEAP = { N: 2 ** 4, r: 8, p: 1 };

test('fits its own secret and no other', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string(), fc.string(), async (secret, other) => {
      const verifier = await makeVerifier(Buffer.from(secret), CHEAP);
      expect(await matches(Buffer.from(secret), verifier, CHEAP)).toBe(true);
      if (Buffer.from(other).equals(Buffer.from(secret))) return;
      expect(await matches(Buffer.from(other), verifier, CHEAP)).toBe(false);
    }),
    { numRuns: 30 },
  );
});

test('is RFC 7914 with a salt of its own each time, and may stand in the settings', async () => {
  const secret = Buffer.from('x');
  const [one, two] = await Promise.all([makeVerifier(secret, CHEAP), makeVerifier(secret, CHEAP)]);
  expect(one).not.toBe(two);
  const [, N, r, p, salt, hash] = one.split('$');
  expect([N, r, p]).toEqual(['16', '8', '1']);
  const expected = scryptSync(secret, Buffer.from(salt ?? '', 'base64url'), 32, CHEAP);
  expect(hash).toBe(expected.toString('base64url'));
  const setting = SETTINGS['people.localAdministrator'].schema;
  expect(setting.safeParse({ name: 'rescue', verifier: one }).success).toBe(true);
});

test('the price in use is OWASP’s: 128 MiB for each try', async () => {
  expect(128 * STRONG.N * STRONG.r).toBe(128 * 2 ** 20);
  const verifier = await makeVerifier(Buffer.from('x'));
  expect(verifier).toMatch(/^scrypt\$131072\$8\$1\$/);
  expect(await matches(Buffer.from('x'), verifier)).toBe(true);
});

test.each([
  ['absent', undefined],
  ['empty', ''],
  ['not of this form', 'plain'],
  ['asking for a terabyte', `scrypt$16777216$512$1$${'s'.repeat(22)}$${'h'.repeat(43)}`],
  ['no power of two', `scrypt$15$8$1$${'s'.repeat(22)}$${'h'.repeat(43)}`],
  ['cut off', `scrypt$16$8$1$${'s'.repeat(22)}$${'h'.repeat(20)}`],
])('one that is %s fits nothing', async (_, verifier) => {
  expect(await matches(Buffer.from(''), verifier, CHEAP)).toBe(false);
});
