/** What a person is told about their files. */
import { expect, test } from 'vitest';
import { homeNotices } from '../../../main/homes-side.ts';
import type { ErrorCode } from '../../../preload/contract/errors.ts';
import type { HomeState } from '../../../preload/contract/model.ts';

const state = (code: ErrorCode | null): HomeState => ({
  state: 'waiting',
  syncedAt: null,
  unsent: 0,
  conflicts: 0,
  error: code && { code, message: '' },
});

test('each trouble once a visit, and nothing of a network that is away', () => {
  const told: string[] = [];
  const tell = homeNotices(({ error }) => told.push(error.code));
  for (const code of [null, 'CAMPUS_UNREACHABLE', 'HOME_LOCKED', 'HOME_LOCKED'] as const) {
    tell(state(code));
  }
  tell(state('HOME_STORAGE_FULL'));
  expect(told).toEqual(['HOME_LOCKED', 'HOME_STORAGE_FULL']);
  tell(null);
  tell(state('HOME_LOCKED'));
  expect(told).toHaveLength(3);
});
