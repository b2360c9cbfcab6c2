/** Opens the byte stream to a SPICE server: unix socket, TCP or TLS, directly or by a proxy. */
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkServerIdentity, connect as connectTls } from 'node:tls';
import { errno, KioskError } from '../../base/errors.ts';
import type { SeenCertificate } from '../certificate.ts';
import { readExactly } from '../read.ts';
import type { SpiceEndpoint, SpiceProxy } from './connection.ts';
import { subjectMatches } from './subject.ts';

const MAX_PROXY_HEADER = 8192;
/** For a look at a certificate. */
const MEET_MS = 10_000;

type TlsEndpoint = Extract<SpiceEndpoint, { type: 'tls' }>;

/**
 * @param signal gives up, also while connecting; it has no effect on the stream afterwards
 * @throws KioskError `DISPLAY_UNAVAILABLE` (unix socket), `REMOTE_REFUSED`, `REMOTE_CERTIFICATE`,
 * `REMOTE_CERTIFICATE_CHANGED`, `REMOTE_TICKET_EXPIRED` (the proxy refused)
 */
export async function dial(endpoint: SpiceEndpoint, signal: AbortSignal): Promise<Duplex> {
  if (endpoint.type === 'unix') {
    return await connected(connect({ path: endpoint.path }), signal).catch((error: unknown) => {
      throw new KioskError('DISPLAY_UNAVAILABLE', 'The machine shows no picture.', {
        cause: error,
      });
    });
  }
  const socket = await reach(endpoint, signal);
  try {
    return endpoint.type === 'tls' ? await secure(socket, endpoint, signal) : socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

/**
 * The certificate that a server shows, whoever signed it. Nothing is sent to it.
 * @throws KioskError as {@link dial}; the signal's reason
 */
export async function meetCertificate(
  endpoint: TlsEndpoint,
  signal: AbortSignal,
): Promise<SeenCertificate> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(MEET_MS)]);
  const socket = await reach(endpoint, limited);
  const { host } = endpoint;
  const stream = connectTls({
    socket,
    ...(isIP(host) === 0 && /^[a-z0-9.-]+$/i.test(host) ? { servername: host } : {}),
    rejectUnauthorized: false,
    checkServerIdentity: () => undefined,
  });
  stream.on('error', () => {});
  try {
    await once(stream, 'secureConnect', { signal: limited });
    const certificate = stream.getPeerX509Certificate();
    if (certificate === undefined) throw new Error('no certificate');
    const named = checkServerIdentity(host, stream.getPeerCertificate()) === undefined;
    return {
      fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
      trusted: stream.authorized && named,
    };
  } catch (error) {
    signal.throwIfAborted();
    throw new KioskError(
      'REMOTE_CERTIFICATE',
      `The SPICE server's certificate cannot be read (${errno(error) ?? 'TLS failed'}).`,
      { cause: error },
    );
  } finally {
    stream.destroy();
    socket.destroy();
  }
}

/** A stream to the server, through the proxy where there is one. */
async function reach(
  endpoint: Exclude<SpiceEndpoint, { type: 'unix' }>,
  signal: AbortSignal,
): Promise<Socket> {
  const first = endpoint.proxy ?? { host: endpoint.host, port: endpoint.port };
  const socket = await connected(connect({ host: first.host, port: first.port }), signal).catch(
    (error: unknown) => {
      signal.throwIfAborted();
      throw new KioskError(
        'REMOTE_REFUSED',
        `The ${endpoint.proxy ? 'SPICE proxy' : 'SPICE server'} does not answer (${errno(error) ?? 'no reason'}).`,
        { cause: error },
      );
    },
  );
  try {
    if (endpoint.proxy) await askProxy(socket, endpoint, endpoint.proxy, signal);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function connected(socket: Socket, signal: AbortSignal): Promise<Socket> {
  try {
    await once(socket, 'connect', { signal });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  // Key strokes and acknowledgements are single small writes; Nagle would hold them back.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, 30_000);
  return socket;
}

/** RFC 9110, 9.3.6. Proxmox writes a signed ticket into the host name, so it is sent verbatim. */
async function askProxy(
  socket: Socket,
  target: { readonly host: string; readonly port: number },
  proxy: SpiceProxy,
  signal: AbortSignal,
): Promise<void> {
  const authority = `${isIP(target.host) === 6 ? `[${target.host}]` : target.host}:${target.port}`;
  socket.write(`CONNECT ${authority} HTTP/1.1\r\nHost: ${proxy.host}:${proxy.port}\r\n\r\n`);
  let header = '';
  while (!header.endsWith('\r\n\r\n')) {
    if (header.length >= MAX_PROXY_HEADER) throw proxyRefused('its answer is too long');
    // Byte by byte: what follows the header belongs to the server behind the proxy.
    const byte = await readExactly(socket, 1, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      throw proxyRefused('it hung up', error);
    });
    header += byte.toString('latin1');
  }
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(header)?.[1] ?? 0);
  if (status >= 200 && status < 300) return;
  if (status === 401 || status === 403 || status === 407) {
    throw new KioskError('REMOTE_TICKET_EXPIRED', 'The SPICE proxy no longer accepts the ticket.', {
      details: { status },
    });
  }
  throw proxyRefused(`status ${status}`);
}

function proxyRefused(why: string, cause?: unknown): KioskError {
  return new KioskError('REMOTE_REFUSED', `The SPICE proxy did not connect: ${why}.`, { cause });
}

async function secure(socket: Socket, endpoint: TlsEndpoint, signal: AbortSignal): Promise<Duplex> {
  const { ca, fingerprint, host, hostSubject } = endpoint;
  const named = isIP(host) === 0 && /^[a-z0-9.-]+$/i.test(host);
  const stream = connectTls({
    socket,
    ...(ca === undefined ? {} : { ca }),
    ...(named ? { servername: host } : {}),
    // A pinned certificate is its own authority: compared below, before any byte is sent.
    rejectUnauthorized: fingerprint === undefined,
    // With a host subject only that counts, as in spice-gtk: such certificates name no host.
    checkServerIdentity: (_name, certificate) =>
      hostSubject === undefined ? checkServerIdentity(host, certificate) : undefined,
  });
  try {
    await once(stream, 'secureConnect', { signal });
  } catch (error) {
    stream.destroy();
    signal.throwIfAborted();
    throw new KioskError(
      'REMOTE_CERTIFICATE',
      `The SPICE server's certificate is not trusted (${errno(error) ?? 'TLS failed'}).`,
      { cause: error },
    );
  }
  const certificate = stream.getPeerX509Certificate();
  const seen = certificate?.fingerprint256.replaceAll(':', '').toLowerCase();
  if (fingerprint !== undefined && seen !== fingerprint) {
    stream.destroy();
    throw new KioskError(
      'REMOTE_CERTIFICATE_CHANGED',
      'The SPICE server shows another certificate than the one that is pinned.',
    );
  }
  if (hostSubject !== undefined && !subjectMatches(certificate?.subject ?? '', hostSubject)) {
    stream.destroy();
    throw new KioskError(
      'REMOTE_CERTIFICATE',
      "The SPICE server's certificate belongs to another subject.",
    );
  }
  return stream;
}
