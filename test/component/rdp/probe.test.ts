/** The look at a server, against servers that misbehave, on real sockets and real TLS. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ProbeOptions, probe } from '../../../main/sessions/rdp/probe.ts';
import { freePort } from '../../support/ports.ts';

const CHOSE_TLS = '030000130ed000001234000209080001000000';
const CHOSE_NLA = '030000130ed000001234000209080002000000';
const folder = mkdtempSync(join(tmpdir(), 'rdp-probe-'));
const keyFile = join(folder, 'key.pem');
const certificateFile = join(folder, 'cert.pem');
const servers = new Set<Server>();
const sockets = new Set<Socket>();

beforeAll(() => {
  execFileSync(
    'openssl',
    // biome-ignore format: pairs of an option and its value
    [
      'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
      '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout', keyFile, '-out', certificateFile,
    ],
    { stdio: 'ignore' },
  );
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all([...servers].map((server) => once(server.close(), 'close')));
  servers.clear();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @param onRequest gets the stream once the connection request is complete */
async function serve(onRequest: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('readable', () => {
      socket.read();
      onRequest(socket);
    });
  });
  servers.add(server);
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  return address.port;
}

const answering = (hex: string) => serve((socket) => socket.write(Buffer.from(hex, 'hex')));

function look(port: number, more: Partial<ProbeOptions> = {}) {
  return probe({
    host: '127.0.0.1',
    port,
    security: 'auto',
    signal: AbortSignal.timeout(20_000),
    timeoutMs: 10_000,
    ...more,
  });
}

function secure(socket: Socket): void {
  const stream = new TLSSocket(socket, {
    isServer: true,
    secureContext: createSecureContext({
      key: readFileSync(keyFile),
      cert: readFileSync(certificateFile),
    }),
  });
  stream.on('error', () => {});
}

test('a certificate counts as trusted with its authority and its name only', async () => {
  const port = await serve((socket) => {
    socket.write(Buffer.from(CHOSE_NLA, 'hex'));
    secure(socket);
  });
  const authority = readFileSync(certificateFile, 'utf8');
  const fingerprint = execFileSync(
    'openssl',
    ['x509', '-in', certificateFile, '-noout', '-fingerprint', '-sha256'],
    { encoding: 'utf8' },
  )
    .replace(/^.*=/, '')
    .replaceAll(/[:\n]/g, '')
    .toLowerCase();
  expect(await look(port, { host: 'localhost', authority })).toEqual({
    protocol: 'nla',
    certificate: { fingerprint, trusted: true },
  });
  expect(await look(port, { host: 'localhost' })).toMatchObject({
    certificate: { fingerprint, trusted: false },
  });
  expect(await look(port, { authority })).toMatchObject({ certificate: { trusted: true } });
  // Another address of the same computer, which the certificate does not name.
  expect(await look(port, { host: '127.0.0.2', authority })).toMatchObject({
    certificate: { trusted: false },
  });
});

test.each([
  ['HTTP', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n').toString('hex')],
  ['an endless length', '0300ffff'],
  ['a protocol that was not offered', '030000130ed000001234000209080008000000'],
  ['classic security', '0300000b06d00000123400'],
  ['a refusal of TLS', '030000130ed000001234000300080002000000'],
])('%s is a failed negotiation', async (_name, hex) => {
  await expect(look(await answering(hex))).rejects.toMatchObject({
    code: 'REMOTE_NEGOTIATION_FAILED',
  });
});

test('a server that wants NLA says so', async () => {
  const port = await answering('030000130ed000001234000300080005000000');
  await expect(look(port, { security: 'tls' })).rejects.toMatchObject({
    code: 'REMOTE_NLA_REQUIRED',
  });
});

test('no server, one that hangs up, one that says nothing', async () => {
  await expect(look(await freePort())).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
  const rude = await serve((socket) => socket.destroy());
  await expect(look(rude)).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
  const silent = await serve(() => {});
  await expect(look(silent, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
});

test('TLS that breaks, and TLS that never comes', async () => {
  const broken = await serve((socket) => {
    socket.write(Buffer.from(CHOSE_TLS, 'hex'));
    socket.once('data', () => socket.end('no TLS here'));
  });
  await expect(look(broken)).rejects.toMatchObject({ code: 'REMOTE_CERTIFICATE' });
  const silent = await answering(CHOSE_TLS);
  await expect(look(silent, { timeoutMs: 300 })).rejects.toMatchObject({ code: 'REMOTE_REFUSED' });
});

test('who stops the start hears of the stop', async () => {
  const port = await serve(() => {});
  const stop = new AbortController();
  const looking = look(port, { signal: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(looking).rejects.toThrow('stopped');
});
