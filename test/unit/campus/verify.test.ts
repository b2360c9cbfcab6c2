import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { publicKeyOf, verifySignature } from '../../../main/campus/keys.ts';
import { generateKey } from '../../../main/campus/publish.ts';
import {
  checkFreshness,
  type Freshness,
  MAX_MANIFEST_BYTES,
  verifyManifest,
} from '../../../main/campus/verify.ts';
import {
  bytesOf,
  codeOf,
  DAY,
  HOUR,
  KEY,
  manifestContent,
  NOW,
  OTHER_KEY,
  signatureOf,
  signed,
} from './support.ts';

const trusted = [KEY.trusted];
const good = bytesOf(manifestContent());

describe('signature', () => {
  test('a manifest signed by a pinned key is believed, in both notations of the key', () => {
    const raw = Buffer.from(KEY.trusted.publicKey, 'base64').subarray(-32).toString('base64');
    expect(verifyManifest(signed(good), trusted).manifest.version).toBe(7);
    expect(verifyManifest(signed(good), [{ id: KEY.trusted.id, publicKey: raw }]).keyId).toBe(
      'campus-2026',
    );
  });

  test('any changed byte of the manifest is noticed', () => {
    const signature = signatureOf(good);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const damaged = Uint8Array.from(good);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        expect(() => verifySignature(damaged, signature, trusted)).toThrow(
          expect.objectContaining({ code: 'MANIFEST_SIGNATURE_WRONG' }),
        );
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ['no file', null, 'MANIFEST_SIGNATURE_MISSING'],
    ['no signature in it', bytesOf({ signatures: [] }), 'MANIFEST_SIGNATURE_MISSING'],
    ['not JSON', bytesOf('hello'), 'MANIFEST_SIGNATURE_WRONG'],
    ['another shape', bytesOf({ sig: 'x' }), 'MANIFEST_SIGNATURE_WRONG'],
    ['a stranger’s key', signatureOf(good, OTHER_KEY), 'MANIFEST_KEY_UNKNOWN'],
    [
      'a stranger’s key under a known id',
      signatureOf(good, { ...OTHER_KEY, trusted: { ...OTHER_KEY.trusted, id: KEY.trusted.id } }),
      'MANIFEST_SIGNATURE_WRONG',
    ],
    [
      'a signature of 3 bytes',
      bytesOf({ signatures: [{ key: KEY.trusted.id, sig: 'AAAA' }] }),
      'MANIFEST_SIGNATURE_WRONG',
    ],
  ])('%s', async (_name, signature, code) => {
    expect(await codeOf(() => verifyManifest({ bytes: good, signature }, trusted))).toBe(code);
  });

  test('rotation: one signature by a known key is enough, in any position', () => {
    const next = generateKey('campus-2027');
    const both = { bytes: good, signature: signatureOf(good, OTHER_KEY, KEY, next) };
    expect(verifyManifest(both, [KEY.trusted]).keyId).toBe('campus-2026');
    expect(verifyManifest(both, [next.trusted]).keyId).toBe('campus-2027');
  });

  test('a key that is not Ed25519 is a fault of the settings', async () => {
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    const publicKey = rsa.export({ type: 'spki', format: 'der' }).toString('base64');
    expect(await codeOf(() => publicKeyOf({ id: 'rsa', publicKey }))).toBe('SETTINGS_INVALID');
    expect(await codeOf(() => publicKeyOf({ id: 'x', publicKey: 'AAAA' }))).toBe(
      'SETTINGS_INVALID',
    );
  });
});

describe('content', () => {
  const hex = 'a'.repeat(64);
  const file = { path: 'index.html', size: 1, sha256: hex };
  const ui = (path: string) => ({
    ui: { version: '1', base: 'ui/', files: [file, { ...file, path }] },
  });

  const machines = [{ name: 'a', description: 'HERE' }];
  const deep = JSON.stringify(
    manifestContent({ catalogue: [{ id: 'a', kind: 'vm', title: 'A', machines }] }),
  ).replace('"HERE"', '['.repeat(200_000) + ']'.repeat(200_000));

  test.each([
    ['not JSON', 'hello', 'MANIFEST_NOT_JSON'],
    ['truncated', JSON.stringify(manifestContent()).slice(0, -9), 'MANIFEST_NOT_JSON'],
    ['not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'MANIFEST_NOT_JSON'],
    ['another format', manifestContent({ format: 2 }), 'MANIFEST_INVALID'],
    ['nested without end', deep, 'MANIFEST_INVALID'],
    ['path traversal', manifestContent(ui('../../etc/passwd')), 'MANIFEST_INVALID'],
    ['an absolute path', manifestContent(ui('/etc/passwd')), 'MANIFEST_INVALID'],
    ['an encoded path', manifestContent(ui('a/%2e%2e/b')), 'MANIFEST_INVALID'],
    ['a backslash', manifestContent(ui('a\\..\\b')), 'MANIFEST_INVALID'],
    ['the same path twice', manifestContent(ui('index.html')), 'MANIFEST_INVALID'],
    [
      'a script as address',
      manifestContent({ servers: [{ url: 'javascript:x' }] }),
      'MANIFEST_INVALID',
    ],
    [
      'an expiry before the issue',
      manifestContent({ expiresAt: new Date(NOW - DAY).toISOString() }),
      'MANIFEST_INVALID',
    ],
  ])('%s is refused though it is signed', async (_name, content, code) => {
    const bytes = content instanceof Buffer ? content : bytesOf(content);
    expect(await codeOf(() => verifyManifest(signed(bytes), trusted))).toBe(code);
  });

  test('one byte above 8 MiB is refused before anything is parsed', async () => {
    const bytes = Buffer.alloc(MAX_MANIFEST_BYTES + 1, 0x20);
    expect(await codeOf(() => verifyManifest({ bytes, signature: null }, trusted))).toBe(
      'MANIFEST_TOO_LARGE',
    );
  });

  test('the error names the place', () => {
    const entry = {
      id: 'a',
      kind: 'vm',
      title: 'A',
      machines: [{ name: 'x', description: {} }, {}],
    };
    expect(() =>
      verifyManifest(signed(bytesOf(manifestContent({ catalogue: [entry] }))), trusted),
    ).toThrow(/catalogue\[0\]\.machines\[1\]\.name/);
  });
});

describe('freshness', () => {
  const verified = verifyManifest(signed(good), trusted);
  const context: Freshness = { current: null, highest: null, now: NOW, campusTime: NOW };
  const highest = { campusId: 'sciences', version: 7, sha256: verified.sha256 };
  const expiry = Date.parse(verified.manifest.expiresAt);

  test.each<[string, Partial<Freshness>, string]>([
    ['the first one', {}, 'nothing'],
    ['the same again', { highest }, 'nothing'],
    ['an older one', { highest: { ...highest, version: 8 } }, 'MANIFEST_OLDER'],
    ['other bytes, same version', { highest: { ...highest, sha256: 'b' } }, 'MANIFEST_OLDER'],
    ['another campus', { current: { campusId: 'arts' } }, 'MANIFEST_INVALID'],
    ['expired for both clocks', { now: expiry, campusTime: expiry }, 'MANIFEST_EXPIRED'],
    ['expired, no other clock', { now: expiry, campusTime: null }, 'MANIFEST_EXPIRED'],
    [
      'clocks that nearly agree',
      { now: expiry + HOUR, campusTime: expiry - 1 },
      'MANIFEST_EXPIRED',
    ],
    ['a kiosk in 2099', { now: Date.parse('2099-01-01'), campusTime: NOW }, 'nothing'],
    ['a kiosk in 1970', { now: 0, campusTime: NOW }, 'nothing'],
  ])('%s', async (_name, change, code) => {
    expect(await codeOf(() => checkFreshness(verified, { ...context, ...change }))).toBe(code);
  });

  test('a wrong clock is said', () => {
    const now = Date.parse('2099-01-01');
    expect(checkFreshness(verified, { ...context, now }).clockWrong).toBe(true);
    expect(checkFreshness(verified, context).clockWrong).toBe(false);
  });
});
