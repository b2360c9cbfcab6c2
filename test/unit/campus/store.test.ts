import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CampusStore } from '../../../main/campus/store.ts';
import { verifyManifest } from '../../../main/campus/verify.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { bytesOf, KEY, manifestContent, NOW, OTHER_KEY, signed } from './support.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-store-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const open = (path = join(folder, 'campus.db')) =>
  new CampusStore({ path, log: silentLogger, onRebuilt: () => {} });

function accept(store: CampusStore, version: number): void {
  const bytes = signed(bytesOf(manifestContent({ version })));
  store.accept(bytes, verifyManifest(bytes, [KEY.trusted]), NOW);
}

test('the highest version never goes down, whatever is stored', () => {
  const store = open();
  accept(store, 9);
  accept(store, 8);
  expect(store.highest('sciences')?.version).toBe(9);
  expect(store.highest('arts')).toBeNull();
  store.close();
});

test('a stored manifest whose key is no longer trusted is refused and forgotten', () => {
  const store = open();
  accept(store, 9);
  expect(store.load([KEY.trusted]).loaded?.manifest.version).toBe(9);
  expect(store.load([OTHER_KEY.trusted]).refused?.code).toBe('MANIFEST_KEY_UNKNOWN');
  expect(store.load([KEY.trusted])).toEqual({ loaded: null, refused: null });
  // Forgetting the manifest does not open the door to an older one.
  expect(store.highest('sciences')?.version).toBe(9);
  store.close();
});

test('an order that main died over is not obeyed again, and the campus hears so', () => {
  const first = open();
  first.setOrder({ id: 'o1', state: 'started', error: null }, NOW);
  first.setOrder({ id: 'o2', state: 'done', error: null }, NOW);
  first.acknowledgeOrder({ id: 'o1', state: 'started', error: null });
  first.acknowledgeOrder({ id: 'o2', state: 'done', error: null });
  first.close();
  const second = open();
  expect(second.order('o1')).toEqual({ id: 'o1', state: 'failed', error: 'CANCELLED' });
  expect(second.unacknowledgedOrders().map(({ id }) => id)).toEqual(['o1']);
  second.close();
});

test('personal catalogues are bounded: those of people who were here last stay', () => {
  const store = open(':memory:');
  for (let i = 0; i < 510; i++) store.setPersonal(`person-${i}`, [`entry-${i}`], NOW + i);
  expect(store.personal('person-9')).toBeNull();
  expect(store.personal('person-10')).toEqual(['entry-10']);
  store.removePersonal('person-10');
  expect(store.personal('person-10')).toBeNull();
  store.close();
});
