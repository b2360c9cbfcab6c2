/** A SPICE server over TLS that nobody vouches for, on real sockets. */
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SpiceEntry } from '../../../main/base/manifest.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import type { Ask, RunningSession } from '../../../main/sessions/engine.ts';
import { openPinStore } from '../../../main/sessions/pins.ts';
import { createSpiceBridge } from '../../../main/sessions/spice/bridge.ts';
import { createSpiceEngine } from '../../../main/sessions/spice/engine.ts';
import { answers, deskFor, unasked } from '../../support/questions.ts';
import { createSpicePki, type SpicePki } from '../../support/spice-pki.ts';
import { type FakeSpiceServer, startFakeSpiceServer } from '../../support/spice-server.ts';

const PASSWORD = 'ticket';
const pins = openPinStore({ path: ':memory:', now: Date.now, log: silentLogger });
const bridge = createSpiceBridge({
  log: silentLogger,
  displayOrigin: 'https://display.test',
  uiOrigin: 'https://ui.test',
  returnChord: 'Ctrl+Alt+Home',
});
const engine = createSpiceEngine({
  bridge,
  viewer: {
    available: async () => false,
    open: () => Promise.reject(new Error('not installed')),
  },
  credentials: deskFor(() => undefined),
  pins,
  tickets: { fetch: () => Promise.reject(new Error('none')) },
  preferred: () => 'embedded',
});
const pkis: SpicePki[] = [];
let spice: FakeSpiceServer;
const fronts: Server[] = [];

beforeAll(async () => {
  spice = await startFakeSpiceServer({ port: 0 }, PASSWORD);
  pkis.push(await createSpicePki('hv1.lab.invalid'), await createSpicePki('hv1.lab.invalid'));
});
afterAll(async () => {
  for (const front of fronts) front.close();
  await spice.close();
  await bridge.end();
  pins.close();
  await Promise.all(pkis.map(({ folder }) => rm(folder, { recursive: true, force: true })));
});

/** TLS in front of the server. */
async function front(pki: SpicePki | undefined, port = 0): Promise<number> {
  if (pki === undefined) throw new Error('no certificates');
  const key = await readFile(join(pki.folder, 'server-key.pem'));
  const cert = await readFile(join(pki.folder, 'server-cert.pem'));
  const { port: behind } = spice.server.address() as AddressInfo;
  const server = createServer({ key, cert }, (near) => {
    const far = connect(behind, '127.0.0.1');
    for (const socket of [near, far]) socket.on('error', () => {});
    near.on('close', () => far.destroy());
    far.on('close', () => near.destroy());
    near.pipe(far).pipe(near);
  }).listen(port, '127.0.0.1');
  await once(server, 'listening');
  fronts.push(server);
  return (server.address() as AddressInfo).port;
}

function start(
  tlsPort: number,
  trustFirst: boolean | 'confirm',
  ask: Ask,
): Promise<RunningSession> {
  return engine.start({
    sessionId: 's',
    groupId: 'g',
    entry: SpiceEntry.parse({
      kind: 'spice',
      id: 'desk',
      title: 'Desk',
      target: { host: '127.0.0.1', tlsPort, password: PASSWORD, trustFirst },
    }),
    machineIndex: 0,
    person: { id: 'p', name: 'P', kind: 'guest', groups: [], offline: false },
    signal: AbortSignal.timeout(20_000),
    launching: () => {},
    progress: () => {},
    notice: () => {},
    ask,
  });
}

test('an administrator looks at it once; another certificate stops the session', async () => {
  const [own, impostor] = pkis;
  const port = await front(own);
  await expect(start(port, false, unasked)).rejects.toMatchObject({ code: 'REMOTE_CERTIFICATE' });
  await expect(start(port, 'confirm', unasked)).rejects.toMatchObject({ code: 'CANCELLED' });
  expect(spice.counts.accepted).toBe(0);
  const { ask, asked } = answers({ type: 'certificate' });
  await (await start(port, 'confirm', ask)).stop();
  expect(asked).toEqual([
    { type: 'certificate', server: `127.0.0.1:${port}`, fingerprint: own?.fingerprint },
  ]);
  expect(spice.counts.accepted).toBe(1);
  await (await start(port, 'confirm', unasked)).stop();

  const closed = once(fronts[0] ?? spice.server, 'close');
  fronts[0]?.close();
  await closed;
  await front(impostor, port);
  await expect(start(port, 'confirm', unasked)).rejects.toMatchObject({
    code: 'REMOTE_CERTIFICATE_CHANGED',
  });
  expect(spice.counts.accepted).toBe(2);
});
