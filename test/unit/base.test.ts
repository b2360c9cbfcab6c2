import { describe, expect, test } from 'vitest';
import { backoff } from '../../main/base/backoff.ts';
import { KioskError, toWireError } from '../../main/base/errors.ts';
import { BundlePath, CampusUrl } from '../../main/base/manifest.ts';

describe('errors', () => {
  test('an unknown error does not leak its text to the page', () => {
    expect(toWireError(new Error('/home/secret'))).toEqual({
      code: 'INTERNAL',
      message: 'Something went wrong inside the kiosk.',
    });
  });

  test('a KioskError crosses with code, message and details, never its cause', () => {
    const error = new KioskError('DISK_FULL', 'Full.', { cause: 'x', details: { free: 1 } });
    expect(error.toWire()).toEqual({ code: 'DISK_FULL', message: 'Full.', details: { free: 1 } });
  });
});

describe('backoff', () => {
  test('stays between 0 and the cap, however many attempts', () => {
    for (const attempt of [0, 1, 5, 40, 5000]) {
      expect(backoff(attempt, { random: () => 0 })).toBe(0);
      expect(backoff(attempt, { random: () => 1, cap: 8000 })).toBeLessThanOrEqual(8000);
    }
  });
});

describe('manifest paths', () => {
  test.each([
    '../x',
    'a/../b',
    '/etc/passwd',
    'a//b',
    './a',
    'a\\b',
    'a\0b',
    'c:/x',
    'a?b',
    'a%2e',
  ])('refuses %j', (path) => expect(BundlePath.safeParse(path).success).toBe(false));
  test('accepts ordinary paths', () => {
    expect(BundlePath.safeParse('assets/app-1.2.js').success).toBe(true);
  });
  test.each(['file:///etc/passwd', 'javascript:alert(1)', '//evil.example/x', 'ftp://x'])(
    'refuses the URL %j',
    (url) => expect(CampusUrl.safeParse(url).success).toBe(false),
  );
});
