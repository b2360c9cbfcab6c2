import { expect, test } from 'vitest';
import { WrongPasswords } from '../../../main/sessions/wrong-passwords.ts';

test('three tries are free, then one a minute; a right password forgets them', () => {
  let now = 1_000;
  const wrong = new WrongPasswords({ now: () => now });
  const refused = (key = 'a') => wrong.tooEarly(key) !== undefined;
  for (let tries = 0; tries < 3; tries++) {
    expect(refused()).toBe(false);
    const { details } = wrong.failed('a');
    expect(details).toEqual(tries < 2 ? { attemptsLeft: 2 - tries } : { until: 61_000 });
  }
  expect(wrong.tooEarly('a')).toMatchObject({
    code: 'REMOTE_CREDENTIALS_WRONG',
    details: { until: 61_000 },
  });
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
