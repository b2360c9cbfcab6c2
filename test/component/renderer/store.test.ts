/** The page's state: what a click changes at once, and what an event or a late answer changes. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { KioskApi } from '../../../preload/contract/contract.ts';
import { target } from '../../../renderer/screens/home/arrows.ts';
import { groupSessions, groupState } from '../../../renderer/store/sessions.ts';
import { KioskStore } from '../../../renderer/store/store.ts';
import { type FakeKioskControl, installFakeKiosk } from '../../support/fake-kiosk.ts';
import { kioskState, scenario, session } from '../../support/fake-scenario.ts';

let fake: FakeKioskControl;
let api: KioskApi;

function install(change: Parameters<typeof scenario>[0] = {}): KioskStore {
  installFakeKiosk(scenario(change));
  const page = globalThis as typeof globalThis & { kiosk: KioskApi; fakeKiosk: FakeKioskControl };
  api = page.kiosk;
  fake = page.fakeKiosk;
  return new KioskStore(api);
}

const settle = () => new Promise((done) => setTimeout(done, 5));

describe('the store', () => {
  let store: KioskStore;
  beforeEach(async () => {
    store = install({ sessions: [session({ id: 's-1', shown: true }), session({ id: 's-2' })] });
    await store.start();
    await settle();
  });

  test('an answer that an event has overtaken is stale', async () => {
    const slow = Promise.withResolvers<Awaited<ReturnType<KioskApi['state']['get']>>>();
    const late = new KioskStore({ ...api, state: { get: () => slow.promise } });
    const started = late.start();
    fake.setState({ outbox: 7 });
    slow.resolve(kioskState({ outbox: 1 }));
    await started;
    expect(late.getSnapshot().state?.outbox).toBe(7);
  });

  test('showing and hiding are seen before the kiosk knows', () => {
    store.show('s-2');
    expect(store.getSnapshot().sessions.map(({ shown }) => shown)).toEqual([false, true]);
    store.hide();
    expect(store.getSnapshot().sessions.some(({ shown }) => shown)).toBe(false);
  });

  test('what the kiosk refuses is said, and its own view comes back', async () => {
    fake.fail('sessions.show', { code: 'INTERNAL', message: 'No.' });
    store.show('s-2');
    await settle();
    expect(store.getSnapshot().sessions.map(({ shown }) => shown)).toEqual([true, false]);
    expect(store.getSnapshot().toasts.map(({ error }) => error.code)).toEqual(['INTERNAL']);
  });

  test('a session that ended in the same moment is no failure', async () => {
    fake.fail('sessions.stop', { code: 'SESSION_UNKNOWN', message: 'Gone.' });
    store.stop(store.getSnapshot().sessions);
    await settle();
    expect(store.getSnapshot().toasts).toEqual([]);
  });

  test('ended sessions go out of sight and are dismissed once', async () => {
    fake.changeSession('s-2', { state: 'stopped' });
    fake.changeSession('s-1', { progress: 1 });
    await settle();
    expect(store.getSnapshot().sessions.map(({ id }) => id)).toEqual(['s-1']);
    expect(fake.calls.filter(({ name }) => name === 'sessions.dismiss')).toHaveLength(1);
  });

  test('nothing of one person is left for the next', async () => {
    await store.signOut();
    const { catalogue, sessions, jobs } = store.getSnapshot();
    expect({ catalogue, sessions, jobs }).toEqual({ catalogue: null, sessions: [], jobs: [] });
  });

  test('only the last notices are kept on the screen', () => {
    for (let count = 0; count < 9; count++) {
      store.notify({ level: 'error', error: { code: 'INTERNAL', message: '' }, about: null });
    }
    expect(store.getSnapshot().toasts).toHaveLength(4);
  });

  test('a start that is refused leaves the tile as it was', async () => {
    fake.fail('sessions.start', { code: 'SESSION_LIMIT', message: '' });
    const started = store.startEntry('matlab');
    expect(store.getSnapshot().starting.has('matlab')).toBe(true);
    await started;
    expect(store.getSnapshot().starting.has('matlab')).toBe(false);
    expect(store.getSnapshot().startFailure?.error.code).toBe('SESSION_LIMIT');
  });
});

describe('groups', () => {
  test('hold the sessions of one click, and say what matters most', () => {
    const sessions = [
      session({ id: 'a', groupId: 'g' }),
      session({ id: 'b', groupId: 'h' }),
      session({ id: 'c', groupId: 'g', state: 'launching' }),
    ];
    const groups = groupSessions(sessions);
    expect(groups.map((group) => group.map(({ id }) => id))).toEqual([['a', 'c'], ['b']]);
    expect(groups.map(groupState)).toEqual(['starting', 'running']);
  });

  test.each([
    [['running', 'failed'], 'failed'],
    [['stopping', 'running'], 'running'],
    [['stopping', 'killing'], 'ending'],
  ] as const)('%j is %s', (states, expected) => {
    const [first, ...rest] = states.map((state, index) => session({ id: `s${index}`, state }));
    if (!first) throw new Error('empty');
    expect(groupState([first, ...rest])).toBe(expected);
  });
});

describe('arrow keys', () => {
  // Two rows of three, the last one short.
  const boxes = [0, 1, 2, 0, 1].map((column, index) => ({
    x: column * 100,
    y: index < 3 ? 0 : 80,
  }));

  test.each([
    [0, 'ArrowRight', 1],
    [2, 'ArrowRight', 3],
    [4, 'ArrowRight', 4],
    [0, 'ArrowLeft', 0],
    [1, 'ArrowDown', 4],
    [2, 'ArrowDown', 4],
    [4, 'ArrowDown', 4],
    [3, 'ArrowUp', 0],
    [1, 'ArrowUp', 1],
    [1, 'End', 4],
    [3, 'Home', 0],
    [1, 'Enter', undefined],
  ] as const)('from %i, %s leads to %s', (from, key, to) => {
    expect(target(boxes, from, key, false)).toBe(to);
  });

  test('left and right change places from right to left', () => {
    expect(target(boxes, 0, 'ArrowLeft', true)).toBe(1);
    expect(target(boxes, 1, 'ArrowRight', true)).toBe(0);
  });
});
