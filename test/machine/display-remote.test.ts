/** A remote SPICE server: QEMU's own, with TLS, a ticket, a proxy, and the ways it can refuse. */
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { SpiceEntry } from '../../main/base/manifest.ts';
import { silentLogger } from '../../main/log/logger.ts';
import type { StartRequest } from '../../main/sessions/engine.ts';
import { openPinStore } from '../../main/sessions/pins.ts';
import { createSpiceBridge, type SpiceBridge } from '../../main/sessions/spice/bridge.ts';
import { checkConnection } from '../../main/sessions/spice/check.ts';
import type { SpiceConnection } from '../../main/sessions/spice/connection.ts';
import { createSpiceEngine } from '../../main/sessions/spice/engine.ts';
import { connectionOf, SpiceTarget } from '../../main/sessions/spice/target.ts';
import {
  DISPLAY_ORIGIN,
  launchChromium,
  openDisplayPage,
  UI_ORIGIN,
} from '../support/display-page.ts';
import { startGuest, type TestGuest } from '../support/guest.ts';
import { freePort } from '../support/ports.ts';
import { deskFor, unasked } from '../support/questions.ts';
import { createSpicePki, type SpicePki } from '../support/spice-pki.ts';

const PASSWORD = 'remote-ticket';
const PROXY_TICKET = 'pvespiceproxy:1234:100:node1::abcdef';

let pki: SpicePki;
let guest: TestGuest;
let port: number;
let tlsPort: number;
let proxy: { server: Server; port: number; seen: string[] };
let bridge: SpiceBridge;
const pins = openPinStore({ path: ':memory:', now: Date.now, log: silentLogger });

beforeAll(async () => {
  pki = await createSpicePki('hv1.lab.invalid');
  [port, tlsPort] = [await freePort(), await freePort()];
  guest = await startGuest({ listen: { port, tlsPort, pki: pki.folder }, password: PASSWORD });
  proxy = await startProxy(tlsPort);
  bridge = createSpiceBridge({
    log: silentLogger,
    displayOrigin: DISPLAY_ORIGIN,
    uiOrigin: UI_ORIGIN,
    returnChord: 'Ctrl+Alt+Home',
  });
});

afterAll(async () => {
  await bridge?.end();
  pins.close();
  proxy?.server.close();
  await guest?.kill();
  await rm(pki.folder, { recursive: true, force: true });
});

beforeEach(() => {
  proxy.seen.length = 0;
});

const never = new AbortController().signal;

function target(values: Partial<SpiceTarget>): SpiceConnection {
  return connectionOf(SpiceTarget.parse({ host: '127.0.0.1', password: PASSWORD, ...values }));
}

async function outcome(connection: SpiceConnection): Promise<string> {
  return await checkConnection(connection, never).then(
    () => 'ok',
    (error: { code?: string }) => error.code ?? String(error),
  );
}

test('what lets a client in, and what each refusal is called', async () => {
  const other = await createSpicePki('hv1.lab.invalid');
  try {
    const secure = { tlsPort, ca: pki.ca, hostSubject: pki.hostSubject };
    const outcomes = {
      plain: await outcome(target({ port })),
      wrongTicket: await outcome(target({ port, password: 'no' })),
      longTicket: await outcome(target({ port, password: 'x'.repeat(60) })),
      subject: await outcome(target(secure)),
      wrongSubject: await outcome(
        target({ ...secure, hostSubject: 'O=Test Lab,CN=hv1.lab.invalid' }),
      ),
      wrongAuthority: await outcome(target({ ...secure, ca: other.ca })),
      noAuthority: await outcome(target({ tlsPort, hostSubject: pki.hostSubject })),
      otherHostName: await outcome(target({ tlsPort, ca: pki.ca })),
      pinned: await outcome(target({ tlsPort, fingerprint: pki.fingerprint })),
      pinnedOther: await outcome(target({ tlsPort, fingerprint: other.fingerprint })),
      plainOnTls: await outcome(target({ port: tlsPort })),
      tlsOnPlain: await outcome(target({ ...secure, tlsPort: port })),
      nobody: await outcome(target({ port: 1 })),
      proxied: await outcome(
        target({ ...secure, host: PROXY_TICKET, proxy: `http://127.0.0.1:${proxy.port}` }),
      ),
      proxyTicketOver: await outcome(
        target({ ...secure, host: 'pvespiceproxy:old', proxy: `http://127.0.0.1:${proxy.port}` }),
      ),
      proxyAway: await outcome(target({ ...secure, proxy: '127.0.0.1:1' })),
    };
    expect(outcomes).toEqual({
      plain: 'ok',
      wrongTicket: 'REMOTE_CREDENTIALS_WRONG',
      longTicket: 'REMOTE_CREDENTIALS_WRONG',
      subject: 'ok',
      wrongSubject: 'REMOTE_CERTIFICATE',
      wrongAuthority: 'REMOTE_CERTIFICATE',
      noAuthority: 'REMOTE_CERTIFICATE',
      otherHostName: 'REMOTE_CERTIFICATE',
      pinned: 'ok',
      pinnedOther: 'REMOTE_CERTIFICATE_CHANGED',
      plainOnTls: 'REMOTE_REFUSED',
      tlsOnPlain: 'REMOTE_CERTIFICATE',
      nobody: 'REMOTE_REFUSED',
      proxied: 'ok',
      proxyTicketOver: 'REMOTE_TICKET_EXPIRED',
      proxyAway: 'REMOTE_REFUSED',
    });
  } finally {
    await rm(other.folder, { recursive: true, force: true });
  }
});

test('an entry with a ticket endpoint: checked, then drawn through TLS and the proxy', async () => {
  const asked: string[] = [];
  const engine = createSpiceEngine({
    bridge,
    viewer: {
      available: async () => false,
      open: () => Promise.reject(new Error('not installed')),
    },
    tickets: {
      fetch: async (url) => {
        asked.push(url);
        return [
          '[virt-viewer]',
          'type=spice',
          `host=${PROXY_TICKET}`,
          `tls-port=${tlsPort}`,
          `proxy=http://127.0.0.1:${proxy.port}`,
          `password=${PASSWORD}`,
        ].join('\n');
      },
    },
    credentials: deskFor(() => undefined),
    pins,
    preferred: () => 'embedded',
  });
  const notices: string[] = [];
  const running = await engine.start(
    request(
      {
        host: 'hv1.lab.invalid',
        tlsPort: 61_000,
        ca: pki.ca,
        hostSubject: pki.hostSubject,
        ticket: 'tickets/desk',
      },
      notices,
    ),
  );
  if (running.surface.type !== 'frame') throw new Error('not a frame');
  const browser = await launchChromium();
  const display = await openDisplayPage(browser);
  try {
    const frame = await display.show('a', await running.surface.open());
    await display.message('a', 'ready');
    await expect.poll(() => display.pixel(frame, 4, 4)).toEqual([255, 0, 0]);
    // One for the check and the first frame; a proxy connection for each channel besides.
    expect(asked).toEqual(['tickets/desk']);
    expect(proxy.seen.length).toBeGreaterThanOrEqual(5);
    expect(notices).toEqual(['ENGINE_MISSING']);

    await running.stop();
    expect((await display.message('a', 'ended')).code).toBeNull();
    expect(await running.ended).toEqual({});
  } finally {
    await display.close();
    await browser.close();
  }
});

function request(values: Record<string, unknown>, notices: string[]): StartRequest<SpiceEntry> {
  return {
    sessionId: 'remote',
    groupId: 'remote',
    entry: {
      kind: 'spice',
      id: 'desk',
      title: 'Desk',
      engine: 'native',
      target: JSON.parse(JSON.stringify(values)),
    },
    machineIndex: 0,
    person: { id: 'p', name: 'P', kind: 'guest', groups: [], offline: false },
    signal: never,
    launching: () => {},
    progress: () => {},
    notice: (error) => notices.push(error.code),
    ask: unasked,
  };
}

/** As Proxmox's spiceproxy: CONNECT with a ticket for a host; whatever the host, one server. */
async function startProxy(to: number): Promise<typeof proxy> {
  const seen: string[] = [];
  const server = createServer((client) => {
    client.on('error', () => {});
    client.once('data', (head) => {
      const authority = /^CONNECT (\S+):\d+ HTTP/.exec(head.toString('latin1'))?.[1] ?? '';
      seen.push(authority);
      if (authority !== PROXY_TICKET) {
        client.end('HTTP/1.0 401 invalid ticket\r\n\r\n');
        return;
      }
      const upstream = connect(to, '127.0.0.1', () => {
        client.write('HTTP/1.0 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      upstream.on('error', () => client.destroy());
      client.on('close', () => upstream.destroy());
    });
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : 0, seen };
}
