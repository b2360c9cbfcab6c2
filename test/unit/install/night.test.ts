/** When a computer restarts into a system that waits to be tried. */
import { expect, test } from 'vitest';
import { isDue } from '../../../main/install-side.ts';

test.each([
  ['03:05', new Date(2026, 10, 21, 3, 5, 59), true],
  ['03:05', new Date(2026, 10, 21, 3, 6, 0), false],
  ['03:05', new Date(2026, 10, 21, 15, 5, 0), false],
  [null, new Date(2026, 10, 21, 3, 5, 0), false],
])('%s at %s: %s', (at, now, due) => {
  expect(isDue(at, now)).toBe(due);
});
