import { expect, test } from 'vitest';
import { WrongPasswords } from '../../../main/sessions/rdp/wrong-passwords.ts';

test('three tries are free, then one a minute; a right password forgets them', () => {
  let now = 1_000;
  const wrong = new WrongPasswords({ now: () => now });
  const refused = (key = 'a') => {
    try {
      wrong.check(key);
      return false;
    } catch {
      return true;
    }
  };
  for (let tries = 0; tries < 3; tries++) {
    expect(refused()).toBe(false);
    wrong.failed('a');
  }
  expect(() => wrong.check('a')).toThrow(
    expect.objectContaining({ code: 'REMOTE_CREDENTIALS_WRONG', details: { until: 61_000 } }),
  );
  expect(refused('b')).toBe(false);
  now = 61_000;
  expect(refused()).toBe(false);
  wrong.failed('a');
  expect(refused()).toBe(true);
  now += 60_000;
  wrong.succeeded('a');
  wrong.failed('a');
  expect(refused()).toBe(false);
});
