/** The optional services: sign-in, reports, events, personal catalogues, orders. */

import { afterEach, describe, expect, test } from 'vitest';
import { KioskError } from '../../main/base/errors.ts';
import type { CampusOptions, OrderPort } from '../../main/campus/api.ts';
import { codeOf } from '../unit/campus/support.ts';
import { Cleanup, testCampus, testKiosk, until } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const ENDPOINTS = {
  login: 'api/login',
  catalogue: 'api/catalogue',
  jobs: 'api/jobs',
  reports: 'api/reports',
  events: 'api/events',
};
const web = (id: string, groups?: string[]) => ({
  id,
  kind: 'web',
  title: id,
  url: 'https://example.org/',
  ...(groups ? { groups } : {}),
});

async function setUp(options: Partial<CampusOptions> = {}, fields: object = {}) {
  const campus = await testCampus(cleanup);
  const publish = (more: object = {}) =>
    campus.publish({
      endpoints: ENDPOINTS,
      policy: { adminGroups: ['kiosk-admins'], offlineSignInDays: 12 },
      ...fields,
      ...more,
    });
  await publish();
  const dataFolder = options.dataFolder ?? (await cleanup.folder());
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }], { ...options, dataFolder });
  return { ...campus, publish, kiosk, dataFolder };
}

describe('sign-in', () => {
  test('who someone is, and who administers kiosks', async () => {
    const { kiosk } = await setUp();
    await kiosk.refresh();
    expect(await kiosk.login('alice', 'member')).toEqual({
      id: 'alice',
      name: 'Alice Martin',
      groups: ['students'],
      kind: 'member',
      offlineDays: 12,
    });
    expect((await kiosk.login('admin', 'admin')).kind).toBe('admin');
  });

  test('wrong, then locked, with the time to wait', async () => {
    const { kiosk } = await setUp();
    await kiosk.refresh();
    for (let i = 0; i < 5; i++)
      expect(await codeOf(() => kiosk.login('alice', 'guess'))).toBe('SIGN_IN_WRONG');
    await expect(kiosk.login('alice', 'member')).rejects.toMatchObject({
      code: 'SIGN_IN_LOCKED',
      details: { retryAfterSeconds: expect.any(Number) },
    });
    expect((await kiosk.login('bob', 'member')).id).toBe('bob');
  });

  test('an answer that is not the protocol’s, and a campus that is away', async () => {
    const { kiosk, server } = await setUp();
    await kiosk.refresh();
    server.setFault({ path: /login/, kind: 'replace', body: '{"person":{"id":"root"}}' });
    expect(await codeOf(() => kiosk.login('alice', 'member'))).toBe('CAMPUS_BAD_RESPONSE');
    server.setFault({ path: /login/, kind: 'status', status: 500 });
    expect(await codeOf(() => kiosk.login('alice', 'member'))).toBe('CAMPUS_HTTP_ERROR');
    await server.pause();
    expect(await codeOf(() => kiosk.login('alice', 'member'))).toBe('CAMPUS_UNREACHABLE');
  });

  test('the secret is in no error, cause included', async () => {
    const { kiosk, server } = await setUp();
    await kiosk.refresh();
    await server.pause();
    const error: unknown = await kiosk.login('alice', 'hunter2-secret').catch((e: unknown) => e);
    const seen = new Set<unknown>();
    const texts: string[] = [];
    const walk = (value: unknown): void => {
      if (typeof value === 'string') texts.push(value);
      if (typeof value !== 'object' || value === null || seen.has(value)) return;
      seen.add(value);
      for (const key of Reflect.ownKeys(value)) walk(Reflect.get(value, key));
    };
    walk(error);
    expect(texts.join('\n')).toContain('ECONNREFUSED');
    expect(texts.join('\n')).not.toContain('hunter2-secret');
  });
});

describe('reports', () => {
  test('kept over an outage and a restart, sent once each, in order', async () => {
    const first = await setUp();
    const { server, dataFolder } = first;
    first.kiosk.start();
    await until(() => first.kiosk.link.state === 'online');
    await server.pause();
    await until(() => first.kiosk.link.state !== 'online');
    for (const n of [1, 2, 3]) first.kiosk.report({ kind: 'session.ended', body: { n } });
    expect(first.kiosk.outboxCount).toBe(3);
    await first.kiosk.close();

    const second = await testKiosk(cleanup, [{ url: server.url }], { dataFolder });
    expect(second.outboxCount).toBe(3);
    const counts: number[] = [];
    second.on('outbox', ({ count }) => counts.push(count));
    second.start();
    second.report({ kind: 'session.ended', body: { n: 4 } });
    await server.resume();
    await until(() => second.outboxCount === 0);
    expect([...server.reports.values()].map((report) => report.body.n)).toEqual([1, 2, 3, 4]);
    expect(counts.at(-1)).toBe(0);
  });

  test('an answer that gets lost means a repetition, which the campus recognises', async () => {
    const { kiosk, server } = await setUp();
    kiosk.start();
    await until(() => kiosk.link.state === 'online');
    server.setFault({ path: /reports/, kind: 'lose-answer', times: 1 });
    kiosk.report({ kind: 'once' });
    await until(() => kiosk.outboxCount === 0);
    expect(server.requests.get('POST /api/reports')).toBe(2);
    expect(server.reports.size).toBe(1);
  });
});

describe('events', () => {
  test('a publication is noticed long before the next poll', async () => {
    const { kiosk, server, publish } = await setUp();
    kiosk.start();
    await until(() => server.listening === 1);
    await publish({ version: 8 });
    server.push('manifest');
    await until(() => kiosk.manifest?.manifest.version === 8);
  });

  test('the end of the stream is how a loss is noticed, and the stream comes back', async () => {
    const { kiosk, server } = await setUp();
    kiosk.start();
    await until(() => server.listening === 1);
    await server.pause();
    await until(() => kiosk.link.state === 'backoff');
    expect(kiosk.link.error?.code).toBe('CAMPUS_UNREACHABLE');
    await server.resume();
    await until(() => kiosk.link.state === 'online' && server.listening === 1);
  });

  test('the endpoint may appear and go with a publication', async () => {
    const { kiosk, server, publish } = await setUp({}, { endpoints: {} });
    kiosk.start();
    await until(() => kiosk.link.state === 'online');
    expect(server.listening).toBe(0);
    await publish({ version: 8, endpoints: ENDPOINTS });
    await kiosk.refresh();
    await until(() => server.listening === 1);
    await publish({ version: 9, endpoints: {} });
    await kiosk.refresh();
    await until(() => server.listening === 0);
  });
});

describe('personal catalogue', () => {
  const catalogue = [web('a'), web('b'), web('c', ['staff'])];
  const alice = { id: 'alice', kind: 'member' as const, groups: ['students'] };
  const ids = (entries: readonly { readonly id: string }[]) => entries.map(({ id }) => id);

  test('narrows and sorts, changes on an event, and is remembered offline', async () => {
    const { kiosk, server, dataFolder } = await setUp({}, { catalogue });
    server.setPersonalCatalogue('alice', ['c', 'b']);
    kiosk.start();
    await until(() => server.listening === 1);
    expect(ids(kiosk.catalogueFor(alice))).toEqual(['a', 'b']);
    await kiosk.login('alice', 'member');
    await until(() => ids(kiosk.catalogueFor(alice)).join() === 'b');
    server.setPersonalCatalogue('alice', ['b', 'a']);
    server.push('catalogue', 'alice');
    await until(() => ids(kiosk.catalogueFor(alice)).join() === 'b,a');
    await kiosk.close();
    await server.pause();
    const offline = await testKiosk(cleanup, [{ url: server.url }], { dataFolder });
    expect(ids(offline.catalogueFor(alice))).toEqual(['b', 'a']);
    expect(ids(offline.catalogueFor({ id: 'x', kind: 'guest', groups: [] }))).toEqual(['a', 'b']);
  });

  test('a person without one sees what the groups say', async () => {
    const { kiosk, server } = await setUp({}, { catalogue });
    await kiosk.refresh();
    await kiosk.login('bob', 'member');
    await until(() => (server.requests.get('GET /api/catalogue') ?? 0) === 1);
    const bob = { id: 'bob', kind: 'member' as const, groups: ['staff'] };
    expect(ids(kiosk.catalogueFor(bob))).toEqual(['a', 'b', 'c']);
  });
});

describe('orders', () => {
  const later = () => new Date(Date.now() + 3_600_000).toISOString();
  function port(): OrderPort & { readonly done: string[] } {
    const done: string[] = [];
    return {
      done,
      async refresh() {
        done.push('refresh');
      },
      async verifyImage(image) {
        done.push(`verify ${image}`);
        throw new Error('no such image');
      },
      async power(action) {
        done.push(action);
      },
      async install(profile) {
        done.push(`install ${profile}`);
        throw new KioskError('INSTALL_REFUSED', 'Several disks fit.');
      },
      async rollbackSystem() {
        done.push('rollback');
      },
    };
  }

  test('each is obeyed once, acknowledged, and never after its time', async () => {
    const orders = port();
    const { kiosk, server, dataFolder } = await setUp({ orders });
    server.order({ id: 'o1', kind: 'refresh', expiresAt: later() });
    server.order({
      id: 'o2',
      kind: 'power',
      action: 'shutdown',
      expiresAt: '2026-01-01T00:00:00Z',
    });
    server.order({ id: 'o3', kind: 'format-disk', expiresAt: later() });
    server.order({ id: 'o4', kind: 'verify-image', image: 'debian', expiresAt: later() });
    server.order({ id: 'o6', kind: 'install', profile: 'room', expiresAt: later() });
    server.order({ id: 'o7', kind: 'rollback-system', expiresAt: later() });
    server.order({ id: 'o5', kind: 'power', action: 'restart', expiresAt: later() });
    kiosk.start();
    await until(() => server.acknowledgements.some(({ id }) => id === 'o5'));
    server.push('jobs');
    await kiosk.refresh();
    await kiosk.close();
    const again = await testKiosk(cleanup, [{ url: server.url }], { dataFolder, orders });
    await again.refresh();
    await again.close();
    expect(orders.done).toEqual([
      'refresh',
      'verify debian',
      'install room',
      'rollback',
      'restart',
    ]);
    const last = new Map(
      server.acknowledgements.map(({ id, state, error }) => [id, [state, error]]),
    );
    expect(Object.fromEntries(last)).toEqual({
      o1: ['done', null],
      o2: ['expired', null],
      o3: ['failed', 'CAMPUS_BAD_RESPONSE'],
      o4: ['failed', 'INTERNAL'],
      o5: ['done', null],
      o6: ['failed', 'INSTALL_REFUSED'],
      o7: ['done', null],
    });
  });
});
