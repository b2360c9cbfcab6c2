/** Sign-in against a real campus on loopback: online, cut off, back, and refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Campus } from '../../../main/campus/api.ts';
import { createCampus } from '../../../main/campus/campus.ts';
import { generateKey, signManifest } from '../../../main/campus/publish.ts';
import { createLog } from '../../../main/log/log.ts';
import { createPeople, type People } from '../../../main/people/people.ts';

const SECRET = 'a real pass-phrase';
const key = generateKey('k1');
const manifest = Buffer.from(
  JSON.stringify({
    format: 1,
    campus: { id: 'test', name: 'Test' },
    version: 1,
    issuedAt: new Date(Date.now() - 60_000).toISOString(),
    expiresAt: new Date(Date.now() + 86_400_000).toISOString(),
    endpoints: { login: 'login' },
    policy: { adminGroups: ['it'], offlineSignInDays: 7 },
  }),
);
const { signature } = signManifest(manifest, [{ id: 'k1', privateKey: key.privateKey }]);

/** What the campus does with a login: answers, refuses, or says nothing. */
let mode: 'answer' | 'refuse' | 'hang' | 'break' = 'answer';
let port = 0;
let server: Server | undefined;
let folder: string;
let campus: Campus;
let people: People;
const log = createLog({ level: 'debug', destination: { type: 'none' } });

async function startServer(): Promise<void> {
  const made = createServer((request, response) => {
    void answer(request.url ?? '', text(request), response);
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(port, '127.0.0.1', resolve));
  port = (made.address() as AddressInfo).port;
}

async function stopServer(): Promise<void> {
  const ending = server;
  server = undefined;
  ending?.closeAllConnections();
  await new Promise((resolve) => (ending ? ending.close(resolve) : resolve(undefined)));
}

async function answer(url: string, body: Promise<string>, response: ServerResponse): Promise<void> {
  if (url === '/manifest.json') response.end(manifest);
  else if (url === '/manifest.json.sig') response.end(signature);
  else if (url === '/login') {
    const { name, secret } = JSON.parse(await body);
    if (mode === 'hang') return;
    if (mode === 'break') response.writeHead(502).end();
    else if (mode === 'refuse' || secret !== SECRET) response.writeHead(401).end();
    else {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ person: { id: `id-${name}`, name: 'Ana', groups: ['it'] } }));
    }
  } else response.writeHead(404).end();
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-sign-in-'));
  await startServer();
  campus = createCampus({
    servers: [{ url: `http://127.0.0.1:${port}/` }],
    trustedKeys: [key.trusted],
    kioskId: 'kiosk-test',
    facts: () => ({ hostname: 'test', macs: [], addresses: [] }),
    version: '0',
    dataFolder: folder,
    log,
    timings: { backoffBaseMs: 20, backoffCapMs: 50 },
  });
  await campus.refresh();
  people = createPeople({
    login: campus,
    path: join(folder, 'people.db'),
    policy: () => ({
      guests: true,
      offlineSignInDays: 7,
      adminGroups: ['it'],
      localAdministrator: null,
    }),
    defaultPreferences: () => ({
      locale: 'en',
      highContrast: false,
      textScale: 1,
      reducedMotion: false,
    }),
    log,
    onlineTimeoutMs: 1_000,
    cost: { N: 2 ** 10, r: 8, p: 1 },
  });
});
afterAll(async () => {
  people.close();
  await campus.close();
  await stopServer();
  rmSync(folder, { recursive: true, force: true });
});

test('a person of the campus signs in online, and is an administrator by group', async () => {
  await expect(people.signIn('ana', 'wrong one')).rejects.toMatchObject({ code: 'SIGN_IN_WRONG' });
  expect(await people.signIn('ana', SECRET)).toMatchObject({
    id: 'id-ana',
    kind: 'admin',
    offline: false,
  });
  await people.signOut();
});

test.each(['hang', 'break'] as const)(
  'a campus that does not answer (%s) is done without',
  async (how) => {
    mode = how;
    expect(await people.signIn('ana', SECRET)).toMatchObject({ id: 'id-ana', offline: true });
    await people.signOut();
    mode = 'answer';
  },
);

test('cut off: known persons only; back: confirmed', async () => {
  await stopServer();
  await expect(people.signIn('ben', SECRET)).rejects.toMatchObject({
    code: 'SIGN_IN_NEEDS_NETWORK',
  });
  expect(await people.signIn('ana', SECRET)).toMatchObject({ kind: 'admin', offline: true });
  expect(await people.confirmOnline()).toBe('unchanged');
  await startServer();
  expect(await people.confirmOnline()).toBe('confirmed');
  expect(people.current?.offline).toBe(false);
  await people.signOut();
});

test('removed at the campus: out at the first chance, and not in again without it', async () => {
  mode = 'break';
  await people.signIn('ana', SECRET);
  mode = 'refuse';
  expect(await people.confirmOnline()).toBe('refused');
  expect(people.current).toBeNull();
  await stopServer();
  await expect(people.signIn('ana', SECRET)).rejects.toMatchObject({
    code: 'SIGN_IN_NEEDS_NETWORK',
  });
});

test('nothing of it all is in the log', () => {
  const lines = JSON.stringify(log.read({ limit: 1_000 }));
  expect(lines).toContain('Signed in.');
  expect(lines).not.toContain(SECRET);
  expect(lines).not.toContain('wrong one');
});
