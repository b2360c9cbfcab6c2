/** Every way in which a server can fail, over real sockets: a code, and the rest goes on. */
import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import type { CampusServer as ServerSetting } from '../../main/campus/api.ts';
import { codeOf } from '../unit/campus/support.ts';
import { makeAuthority } from './certificates.ts';
import type { CampusServer } from './server/campus.ts';
import type { Fault } from './server/faults.ts';
import { Cleanup, testCampus, testKiosk, until } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const FAULTS: [string, string, (server: CampusServer) => Promise<void> | void][] = [
  ['refuses', 'CAMPUS_UNREACHABLE', (server) => server.pause('refuse')],
  ['hangs', 'CAMPUS_TIMEOUT', (server) => server.pause('hang')],
  ...(
    [
      ['answers 500', 'CAMPUS_HTTP_ERROR', { kind: 'status', status: 500 }],
      ['has lost its manifest', 'CAMPUS_HTTP_ERROR', { kind: 'status', status: 404 }],
      [
        'redirects elsewhere',
        'CAMPUS_REDIRECT_REFUSED',
        { kind: 'redirect', to: 'http://portal.example/login' },
      ],
      [
        'redirects in circles',
        'CAMPUS_REDIRECT_REFUSED',
        { kind: 'redirect', to: '/manifest.json' },
      ],
      [
        'redirects to a file of this computer',
        'CAMPUS_REDIRECT_REFUSED',
        { kind: 'redirect', to: 'file:///etc/passwd' },
      ],
      ['drips', 'CAMPUS_TOO_SLOW', { kind: 'drip', bytesPerSecond: 40 }],
      ['dies half way', 'CAMPUS_BAD_RESPONSE', { kind: 'die', afterBytes: 100 }],
    ] satisfies [string, string, Fault][]
  ).map(([name, code, fault]): [string, string, (server: CampusServer) => void] => [
    name,
    code,
    (server) => server.setFault(fault),
  ]),
];

test.each(FAULTS)('a server that %s: %s, and it recovers by itself', async (_name, code, fault) => {
  const campus = await testCampus(cleanup);
  await campus.publish();
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
  kiosk.start();
  await until(() => kiosk.link.state === 'online');
  // Changed, so that there is a body to break.
  await campus.publish({ version: 8 });
  await fault(campus.server);

  expect(await codeOf(() => kiosk.refresh())).toBe(code);
  expect(kiosk.link.error?.code).toBe(code);
  expect(kiosk.manifest?.manifest.version).toBe(7);

  campus.server.setFault(null);
  await campus.server.resume();
  await until(() => kiosk.manifest?.manifest.version === 8);
  await until(() => kiosk.link.state === 'online');
  expect(kiosk.link.error).toBeNull();
});

test('a server that speaks something else: CAMPUS_BAD_RESPONSE', async () => {
  const server: Server = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    socket.end('220 mail.example ESMTP\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.add(() => new Promise((resolve) => server.close(resolve)));
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const kiosk = await testKiosk(cleanup, [{ url: `http://127.0.0.1:${port}/` }]);
  expect(await codeOf(() => kiosk.refresh())).toBe('CAMPUS_BAD_RESPONSE');
});

test('a single hiccup is not even noticed', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish();
  campus.server.setFault({ kind: 'status', status: 503, times: 1 });
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
  await kiosk.refresh();
  expect(campus.server.faultHits).toBe(1);
});

describe('TLS', () => {
  test('the pinned authority is believed; others, and other names, are not', async () => {
    const authority = await makeAuthority(await cleanup.folder());
    const stranger = await makeAuthority(await cleanup.folder());
    const good = await testCampus(cleanup, { tls: await authority.issue('IP:127.0.0.1') });
    await good.publish();
    const servers = [{ url: good.server.url }];

    const kiosk = await testKiosk(cleanup, servers, { ca: authority.ca });
    await kiosk.refresh();
    expect(kiosk.manifest?.manifest.version).toBe(7);

    const unpinned = await testKiosk(cleanup, servers);
    expect(await codeOf(() => unpinned.refresh())).toBe('CAMPUS_CERTIFICATE');
    const wrong = await testKiosk(cleanup, servers, { ca: stranger.ca });
    expect(await codeOf(() => wrong.refresh())).toBe('CAMPUS_CERTIFICATE');

    const renamed = await testCampus(cleanup, {
      tls: await authority.issue('DNS:elsewhere.example'),
    });
    const misled = await testKiosk(cleanup, [{ url: renamed.server.url }], { ca: authority.ca });
    expect(await codeOf(() => misled.refresh())).toBe('CAMPUS_CERTIFICATE');
  });

  test('a secret never goes to another computer without TLS', async () => {
    const campus = await testCampus(cleanup);
    await campus.publish({ endpoints: { login: 'http://campus.example/login' } });
    const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }]);
    await kiosk.refresh();
    expect(await codeOf(() => kiosk.login('alice', 'member'))).toBe('CAMPUS_CERTIFICATE');
  });
});

describe('several servers', () => {
  const pair = async (change: { spare?: Partial<ServerSetting> } = {}) => {
    const main = await testCampus(cleanup);
    const spare = await testCampus(cleanup);
    await main.publish();
    await spare.publish();
    const kiosk = await testKiosk(cleanup, [
      { url: main.server.url, priority: 0 },
      { url: spare.server.url, priority: 10, ...change.spare },
    ]);
    return { main, spare, kiosk };
  };
  const asked = ({ server }: { server: CampusServer }) =>
    server.requests.get('GET /manifest.json') ?? 0;

  test('the second takes over, and stays while it works', async () => {
    const { main, spare, kiosk } = await pair();
    await kiosk.refresh();
    expect([asked(main), asked(spare), kiosk.link.server]).toEqual([1, 0, main.server.url]);
    await main.server.pause();
    await kiosk.refresh();
    await main.server.resume();
    await kiosk.refresh();
    expect([asked(main), asked(spare), kiosk.link.server]).toEqual([1, 2, spare.server.url]);
  });

  test('a mirror that lags, or is not believed, does not hide the other', async () => {
    const { main, spare, kiosk } = await pair();
    await main.publish({ version: 9 });
    await kiosk.refresh();
    await main.server.pause();
    // The spare offers version 7; it is the one that answers.
    expect(await codeOf(() => kiosk.refresh())).toBe('MANIFEST_OLDER');
    expect(kiosk.manifest?.manifest.version).toBe(9);
    await spare.publish({ version: 10 });
    await kiosk.refresh();
    expect(kiosk.manifest?.manifest.version).toBe(10);
  });

  test('a redirect to a server that the signed manifest names is followed', async () => {
    const main = await testCampus(cleanup);
    const other = await testCampus(cleanup);
    await other.publish({ version: 8 });
    await main.publish({ servers: [{ url: other.server.url, priority: 50 }] });
    const kiosk = await testKiosk(cleanup, [{ url: main.server.url }]);
    const redirect = `${other.server.url}manifest.json`;
    main.server.setFault({ path: /manifest\.json$/, kind: 'redirect', to: redirect });
    expect(await codeOf(() => kiosk.refresh())).toBe('CAMPUS_REDIRECT_REFUSED');
    main.server.setFault(null);
    await kiosk.refresh();
    await other.publish({ version: 8 });
    await main.publish({ version: 8 });
    main.server.setFault({ path: /manifest\.json$/, kind: 'redirect', to: redirect, times: 1 });
    await kiosk.refresh();
    expect(kiosk.manifest?.manifest.version).toBe(8);
    expect(main.server.faultHits).toBe(1);
  });
});
