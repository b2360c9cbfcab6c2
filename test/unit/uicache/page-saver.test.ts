import { afterEach, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { PageSaver, type SavedPages } from '../../../main/uicache/page-saver.ts';

const savers: PageSaver[] = [];
afterEach(async () => {
  for (const saver of savers.splice(0)) await saver.close();
});

function make() {
  const state = {
    now: 1_000_000,
    online: true,
    wanted: [{ entryId: 'course', urls: ['https://c.example/'] }] as SavedPages[] | undefined,
    savedAt: new Map<string, number>(),
    saves: [] as string[],
    kept: [] as (readonly string[])[],
    failing: false,
    told: 0,
  };
  const saver = new PageSaver({
    pages: {
      save: async (_urls, { collection }) => {
        state.saves.push(collection);
        if (state.failing) throw new KioskError('CAMPUS_UNREACHABLE', 'x');
        state.savedAt.set(collection, state.now);
        return { savedAt: state.now, kept: 1, skipped: [] };
      },
      savedAt: (collection) => state.savedAt.get(collection) ?? null,
      keepOnly: (collections) => void state.kept.push(collections),
    },
    wanted: () => state.wanted,
    online: () => state.online,
    onSaved: () => void state.told++,
    log: silentLogger,
    clock: { now: () => state.now },
    maxAgeMs: 100_000,
    retryMs: 5,
  });
  savers.push(saver);
  return { state, saver };
}

test('saves what the catalogue lists once, and again when it is old or its list changed', async () => {
  const { state, saver } = make();
  saver.look();
  await expect.poll(() => state.told).toBe(1);
  saver.look();
  await expect.poll(() => state.kept).toHaveLength(2);
  expect(state.saves).toHaveLength(1);

  state.now += 200_000;
  saver.look();
  await expect.poll(() => state.saves).toHaveLength(2);

  state.wanted = [{ entryId: 'course', urls: ['https://c.example/other'] }];
  saver.look();
  await expect.poll(() => state.saves).toHaveLength(3);
});

test('does nothing offline, and nothing without a catalogue', async () => {
  const { state, saver } = make();
  state.online = false;
  saver.look();
  await expect.poll(() => state.kept).toHaveLength(1);
  state.wanted = undefined;
  saver.look();
  expect(state.saves).toEqual([]);
});

test('a failure is tried again by itself', async () => {
  const { state, saver } = make();
  state.failing = true;
  saver.look();
  await expect.poll(() => state.saves.length).toBeGreaterThan(1);
  expect(state.told).toBe(0);
  state.failing = false;
  await expect.poll(() => state.told).toBe(1);
});
