/**
 * Looks at an RDP server before a viewer does: does it answer, which protection does it choose,
 * which certificate does it show. Viewers answer such failures with questions of their own, which
 * a student must never see.
 */
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { errno, KioskError } from '../../base/errors.ts';
import type { SeenCertificate } from '../certificate.ts';
import { readExactly } from '../read.ts';
import {
  buildConnectionRequest,
  NEGOTIATION_REFUSAL,
  parseConnectionConfirm,
  type RdpProtocol,
  TPKT_HEADER_BYTES,
  tpktBodyLength,
} from './x224.ts';

const PROBE_MS = 8_000;

export interface ProbeOptions {
  readonly host: string;
  readonly port: number;
  readonly security: 'auto' | 'nla' | 'tls' | 'classic';
  /** PEM of the authority to judge the certificate by; absent: what this computer trusts. */
  readonly authority?: string | undefined;
  readonly routing?: string | undefined;
  readonly signal: AbortSignal;
  /** Milliseconds for the whole look. Default 8000. */
  readonly timeoutMs?: number;
}

export interface ProbeAnswer {
  readonly protocol: RdpProtocol;
  /** Undefined with classic security, which has none that could be checked. */
  readonly certificate: SeenCertificate | undefined;
}

/**
 * @throws KioskError `REMOTE_REFUSED`; `REMOTE_NLA_REQUIRED` where only NLA is accepted and it may
 * not be used; `REMOTE_NEGOTIATION_FAILED`, `REMOTE_CERTIFICATE` (no TLS at all); the signal's reason
 */
export async function probe(options: ProbeOptions): Promise<ProbeAnswer> {
  const { host, port, signal } = options;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(options.timeoutMs ?? PROBE_MS)]);
  const socket = connect({ host, port });
  socket.on('error', () => {});
  try {
    const { protocol } = await negotiate(socket, options, limited);
    return {
      protocol,
      certificate:
        protocol === 'classic' ? undefined : await readCertificate(socket, options, limited),
    };
  } catch (error) {
    signal.throwIfAborted();
    throw unanswered(error, limited.aborted);
  } finally {
    socket.destroy();
  }
}

/** What a connection that failed before TLS means. */
export function unanswered(error: unknown, late: boolean): KioskError {
  if (error instanceof KioskError) return error;
  return new KioskError(
    'REMOTE_REFUSED',
    `The RDP server does not answer (${errno(error) ?? (late ? 'in time' : 'it hung up')}).`,
    { cause: error },
  );
}

/**
 * Connects and agrees about the protection; TLS comes next on the same socket.
 * @returns `confirm` with its TPKT header
 * @throws as {@link probe} does, and the socket's own errors
 */
export async function negotiate(
  socket: Socket,
  options: Pick<ProbeOptions, 'security' | 'routing'>,
  signal: AbortSignal,
): Promise<{ readonly protocol: RdpProtocol; readonly confirm: Buffer }> {
  await once(socket, 'connect', { signal });
  socket.write(buildConnectionRequest(offer(options.security), options.routing));
  const header = await readExactly(socket, TPKT_HEADER_BYTES, signal);
  const body = await readExactly(socket, tpktBodyLength(header), signal);
  const negotiation = parseConnectionConfirm(body);
  if (negotiation.type === 'refused') throw refused(negotiation.reason);
  const { protocol } = negotiation;
  if (!offer(options.security).includes(protocol)) {
    throw new KioskError(
      'REMOTE_NEGOTIATION_FAILED',
      `The server chose ${protocol} security, which this entry does not allow.`,
    );
  }
  return { protocol, confirm: Buffer.concat([header, body]) };
}

/**
 * The certificate of a gateway, to which nothing else is said.
 * @throws KioskError `REMOTE_REFUSED`, `REMOTE_CERTIFICATE`; the signal's reason
 */
export async function probeGateway(
  options: Pick<ProbeOptions, 'host' | 'port' | 'signal'>,
): Promise<SeenCertificate> {
  const { host, port, signal } = options;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(PROBE_MS)]);
  const socket = connect({ host, port });
  socket.on('error', () => {});
  try {
    await once(socket, 'connect', { signal: limited });
    return await readCertificate(socket, { ...options, security: 'tls' }, limited);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof KioskError) throw error;
    throw new KioskError('REMOTE_REFUSED', 'The RDP gateway does not answer.', { cause: error });
  } finally {
    socket.destroy();
  }
}

function offer(security: ProbeOptions['security']): readonly RdpProtocol[] {
  return security === 'auto' ? ['tls', 'nla'] : [security];
}

function refused(reason: number): KioskError {
  if (
    reason === NEGOTIATION_REFUSAL.nlaRequired ||
    reason === NEGOTIATION_REFUSAL.tlsWithUserRequired
  ) {
    return new KioskError('REMOTE_NLA_REQUIRED', 'The server accepts only NLA.');
  }
  return new KioskError(
    'REMOTE_NEGOTIATION_FAILED',
    `The server refused the offered protection (reason ${reason}).`,
    { details: { reason } },
  );
}

async function readCertificate(
  socket: Socket,
  options: ProbeOptions,
  signal: AbortSignal,
): Promise<SeenCertificate> {
  const stream = await secure(socket, options, signal);
  try {
    const { fingerprint, trusted } = certificateOf(stream, options.host);
    return { fingerprint, trusted };
  } finally {
    stream.destroy();
  }
}

/**
 * TLS over a negotiated connection. Nothing may be sent over it before its certificate is judged.
 * @throws KioskError `REMOTE_CERTIFICATE` where no TLS comes about; the signal's reason
 */
export async function secure(
  socket: Socket,
  { host, authority }: Pick<ProbeOptions, 'host' | 'authority'>,
  signal: AbortSignal,
): Promise<TLSSocket> {
  const stream = connectTls({
    socket,
    ...(authority === undefined ? {} : { ca: authority }),
    ...(isIP(host) === 0 ? { servername: host } : {}),
    // Who is believed is decided by the caller.
    rejectUnauthorized: false,
    // Node would compare an address with the name "localhost".
    checkServerIdentity: () => undefined,
  });
  stream.on('error', () => {});
  try {
    await once(stream, 'secureConnect', { signal });
    return stream;
  } catch (error) {
    stream.destroy();
    signal.throwIfAborted();
    throw unreadable(error);
  }
}

/**
 * To be asked once: Node gives it out no second time.
 * @throws KioskError `REMOTE_CERTIFICATE`
 */
export function certificateOf(
  stream: TLSSocket,
  host: string,
): SeenCertificate & { readonly publicKey: KeyObject } {
  const certificate = stream.getPeerX509Certificate();
  if (certificate === undefined) throw unreadable(new Error('no certificate'));
  return {
    publicKey: certificate.publicKey,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
    trusted:
      stream.authorized &&
      (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined,
  };
}

function unreadable(error: unknown): KioskError {
  return new KioskError(
    'REMOTE_CERTIFICATE',
    `The server's certificate cannot be read (${errno(error) ?? 'TLS failed'}).`,
    { cause: error },
  );
}
