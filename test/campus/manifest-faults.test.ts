/** Every way in which a manifest can be wrong, over real sockets: a code, and the old one stays. */

import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, expect, test } from 'vitest';
import { bytesOf, codeOf, KEY, OTHER_KEY, signatureOf } from '../unit/campus/support.ts';
import {
  Cleanup,
  currentContent,
  type TestCampus,
  testCampus,
  testKiosk,
  until,
} from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const hash = 'a'.repeat(64);
const bundleWith = (path: string) => ({
  ui: {
    version: '1',
    base: 'ui/',
    files: [
      { path: 'index.html', size: 1, sha256: hash },
      { path, size: 1, sha256: hash },
    ],
  },
});
const signedContent = (campus: TestCampus, content: unknown) => {
  const bytes = bytesOf(content);
  return campus.publishBytes(bytes, signatureOf(bytes));
};
const next = (fields: object = {}) => currentContent({ version: 8, ...fields });

const FAULTS: [string, string, (campus: TestCampus) => Promise<void> | void][] = [
  [
    'wrong signature',
    'MANIFEST_SIGNATURE_WRONG',
    (campus) => campus.publishBytes(bytesOf(next()), signatureOf(bytesOf(currentContent()))),
  ],
  [
    'unknown key',
    'MANIFEST_KEY_UNKNOWN',
    (campus) => campus.publishBytes(bytesOf(next()), signatureOf(bytesOf(next()), OTHER_KEY)),
  ],
  [
    'no signature',
    'MANIFEST_SIGNATURE_MISSING',
    (campus) => campus.publishBytes(bytesOf(next()), null),
  ],
  ['older version', 'MANIFEST_OLDER', (campus) => signedContent(campus, next({ version: 6 }))],
  [
    'same version, other content',
    'MANIFEST_OLDER',
    (campus) => signedContent(campus, next({ version: 7 })),
  ],
  [
    'expired',
    'MANIFEST_EXPIRED',
    (campus) =>
      signedContent(
        campus,
        next({ issuedAt: '2020-01-01T00:00:00Z', expiresAt: '2020-02-01T00:00:00Z' }),
      ),
  ],
  [
    'truncated by the publisher',
    'MANIFEST_NOT_JSON',
    (campus) => signedContent(campus, JSON.stringify(next()).slice(0, 80)),
  ],
  [
    'truncated on its way',
    'MANIFEST_SIGNATURE_WRONG',
    async (campus) => {
      await campus.publish({ version: 8 });
      campus.server.setFault({ path: /manifest\.json$/, kind: 'truncate', bytes: 80 });
    },
  ],
  ['not JSON', 'MANIFEST_NOT_JSON', (campus) => signedContent(campus, '<html>hello</html>')],
  [
    'path traversal in a file name',
    'MANIFEST_INVALID',
    (campus) => signedContent(campus, next(bundleWith('../../../etc/cron.d/x'))),
  ],
  [
    '200 MB, announced',
    'MANIFEST_TOO_LARGE',
    (campus) =>
      campus.server.setFault({ path: /json$/, kind: 'huge', bytes: 2e8, announced: true }),
  ],
  [
    '200 MB, not announced',
    'MANIFEST_TOO_LARGE',
    (campus) =>
      campus.server.setFault({ path: /json$/, kind: 'huge', bytes: 2e8, announced: false }),
  ],
];

test.each(FAULTS)('%s: %s, and the manifest in use stays', async (_name, code, fault) => {
  const campus = await testCampus(cleanup);
  await campus.publish({ endpoints: { reports: 'api/reports' } });
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
  kiosk.start();
  await until(() => kiosk.link.state === 'online');
  const { sha256, dataAsOf } = kiosk.manifest ?? {};
  await fault(campus);

  expect(await codeOf(() => kiosk.refresh())).toBe(code);
  expect(kiosk.link.error?.code).toBe(code);
  expect(kiosk.link.state).not.toBe('online');
  expect(kiosk.manifest).toMatchObject({ sha256, dataAsOf, expired: false });
  // The administrator hears of it, although the campus is not believed.
  await until(() => campus.server.reports.size === 1);
  expect([...campus.server.reports.values()][0]).toMatchObject({
    kind: 'manifest.refused',
    level: 'error',
    body: { code },
  });
  if (code === 'MANIFEST_TOO_LARGE') expect(campus.server.hugeBytesSent).toBeLessThan(2e7);

  campus.server.setFault(null);
  await campus.publish({ version: 9 });
  await until(() => kiosk.manifest?.manifest.version === 9);
  expect(kiosk.link.error).toBeNull();
});

test('a fresh kiosk believes nothing of it either', async () => {
  const campus = await testCampus(cleanup);
  await campus.publishBytes(bytesOf(next()), signatureOf(bytesOf(next()), OTHER_KEY));
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
  expect(await codeOf(() => kiosk.refresh())).toBe('MANIFEST_KEY_UNKNOWN');
  expect(kiosk.manifest).toBeNull();
  expect(kiosk.catalogueFor({ id: 'g', kind: 'guest', groups: [] })).toEqual([]);
  expect(await codeOf(() => kiosk.login('alice', 'member'))).toBe('CAMPUS_UNREACHABLE');
});

test('a publication seen halfway is read again', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish();
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
  await kiosk.refresh();
  const bytes = bytesOf(next());
  await campus.publishBytes(bytes, signatureOf(bytesOf(currentContent())));
  const refreshed = kiosk.refresh();
  await until(() => (campus.server.requests.get('GET /manifest.json.sig') ?? 0) >= 2);
  await campus.publishBytes(bytes, signatureOf(bytes));
  await refreshed;
  expect(kiosk.manifest?.manifest.version).toBe(8);
});

test('replay is refused after a restart too, and while offline the stored manifest serves', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish({ version: 20 });
  const dataFolder = await cleanup.folder();
  const servers = [{ url: campus.server.url }];
  const first = await testKiosk(cleanup, servers, { dataFolder });
  await first.refresh();
  await first.close();

  await campus.publish({ version: 19 });
  const second = await testKiosk(cleanup, servers, { dataFolder });
  expect(second.manifest?.manifest.version).toBe(20);
  expect(await codeOf(() => second.refresh())).toBe('MANIFEST_OLDER');
  await second.close();

  await campus.server.pause();
  const third = await testKiosk(cleanup, servers, { dataFolder });
  expect(third.manifest?.manifest.version).toBe(20);
  expect(third.link.dataAsOf).toBe(third.manifest?.dataAsOf);
});

test('an accepted manifest goes on being used after its expiry, and says so', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish();
  const time = { offset: 0 };
  const clock = { now: () => Date.now() + time.offset };
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }], { clock });
  await kiosk.refresh();
  expect(kiosk.manifest?.expired).toBe(false);
  time.offset = 7_200_000;
  expect(kiosk.manifest?.expired).toBe(true);
  expect(await codeOf(() => kiosk.refresh())).toBe('MANIFEST_EXPIRED');
  expect(kiosk.manifest?.manifest.version).toBe(7);
});

test('a kiosk whose clock is years ahead still takes a new manifest', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish();
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }], {
    clock: { now: () => Date.parse('2099-01-01T00:00:00Z') },
  });
  await kiosk.refresh();
  expect(kiosk.manifest?.manifest.version).toBe(7);
});

test('a stored manifest with one damaged byte is refused, reported, and fetched again', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish({ endpoints: { reports: 'api/reports' } });
  const dataFolder = await cleanup.folder();
  const servers = [{ url: campus.server.url }];
  const first = await testKiosk(cleanup, servers, { dataFolder });
  await first.refresh();
  await first.close();

  const database = new Sqlite(join(dataFolder, 'campus.db'));
  const bytes = database.prepare('SELECT bytes FROM manifest').pluck().get();
  if (!(bytes instanceof Uint8Array)) throw new Error('no manifest was stored');
  bytes[40] = (bytes[40] ?? 0) ^ 1;
  database.prepare('UPDATE manifest SET bytes = ?').run(bytes);
  database.close();

  const second = await testKiosk(cleanup, servers, { dataFolder });
  expect(second.manifest).toBeNull();
  second.start();
  await until(() => second.manifest !== null && campus.server.reports.size === 1);
  expect([...campus.server.reports.values()][0]?.body).toMatchObject({
    code: 'MANIFEST_SIGNATURE_WRONG',
  });
});

test('rotation: signed with both keys, then with the new one', async () => {
  const campus = await testCampus(cleanup);
  const dataFolder = await cleanup.folder();
  const servers = [{ url: campus.server.url }];
  const both = bytesOf(currentContent());
  await campus.publishBytes(both, signatureOf(both, KEY, OTHER_KEY));
  const old = await testKiosk(cleanup, servers, { dataFolder });
  await old.refresh();
  await old.close();
  const moved = await testKiosk(cleanup, servers, {
    dataFolder,
    trustedKeys: [OTHER_KEY.trusted],
  });
  expect(moved.manifest?.manifest.version).toBe(7);
  const later = bytesOf(next());
  await campus.publishBytes(later, signatureOf(later, OTHER_KEY));
  await moved.refresh();
  expect(moved.manifest?.manifest.version).toBe(8);
});

test('unchanged: one request, answered 304', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish();
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
  await kiosk.refresh();
  await kiosk.refresh();
  await kiosk.refresh();
  expect(Object.fromEntries(campus.server.requests)).toEqual({
    'GET /manifest.json': 3,
    'GET /manifest.json.sig': 1,
  });
});
