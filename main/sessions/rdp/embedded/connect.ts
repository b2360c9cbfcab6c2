/**
 * The start of an RDP connection, up to where the page takes over: TCP, X.224, TLS, certificate,
 * sign-in. Nothing of a person leaves before the certificate is the one that was checked.
 */
import type { KeyObject } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { KioskError } from '../../../base/errors.ts';
import { certificateOf, negotiate, secure, unanswered } from '../probe.ts';
import type { RdpHost } from '../target.ts';
import { signIn } from './credssp.ts';
import { DerReader, TAG } from './der.ts';

const CONNECT_MS = 15_000;

/** What a person may give to a server. */
export interface SignOn {
  readonly user: string;
  /** Empty for none. */
  readonly domain: string;
  /** UTF-8; undefined: the server asks for it on its own login screen. */
  readonly password: Uint8Array | undefined;
}

export interface RdpPlace {
  readonly host: RdpHost;
  readonly security: 'auto' | 'nla' | 'tls';
  /** SHA-256 of the certificate that was checked, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly routing: string | undefined;
}

export interface RdpConnection {
  /** Paused; the server waits for the first message of RDP proper. */
  readonly stream: TLSSocket;
  readonly protocol: 'tls' | 'nla';
  /** The server's connection confirm, with its TPKT header. */
  readonly confirm: Buffer;
}

/**
 * @throws KioskError `REMOTE_REFUSED`, `REMOTE_NEGOTIATION_FAILED`, `REMOTE_NLA_REQUIRED`,
 *   `REMOTE_CERTIFICATE`, `REMOTE_CERTIFICATE_CHANGED`, `REMOTE_CREDENTIALS_WRONG`; the signal's reason
 */
export async function connectRdp(
  place: RdpPlace,
  { user, domain, password }: SignOn,
  signal: AbortSignal,
): Promise<RdpConnection> {
  const { host, port } = place.host;
  const limited = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_MS)]);
  const socket = connectTcp({ host, port, noDelay: true });
  socket.on('error', () => {});
  let stream: TLSSocket | undefined;
  try {
    // Without a password the server's own login screen is wanted, which NLA has not.
    const security = password === undefined && place.security === 'auto' ? 'tls' : place.security;
    const { protocol, confirm } = await negotiate(
      socket,
      { security, routing: place.routing },
      limited,
    );
    if (protocol === 'classic') {
      throw new KioskError('REMOTE_NEGOTIATION_FAILED', 'Classic security is not for the page.');
    }
    stream = await secure(socket, { host }, limited);
    const { fingerprint, publicKey } = certificateOf(stream, host);
    if (fingerprint !== place.fingerprint) {
      throw new KioskError(
        'REMOTE_CERTIFICATE_CHANGED',
        'The server shows another certificate than the one that was checked.',
        { details: { host, port, fingerprint } },
      );
    }
    if (protocol === 'nla') {
      if (password === undefined) {
        throw new KioskError('REMOTE_NLA_REQUIRED', 'NLA needs a password before the connection.');
      }
      await signIn({
        stream,
        serverKey: subjectPublicKey(publicKey),
        credentials: { user, domain, password },
        service: `TERMSRV/${host}`,
        signal: limited,
      });
    }
    return { stream, protocol, confirm };
  } catch (error) {
    stream?.destroy();
    socket.destroy();
    signal.throwIfAborted();
    throw unanswered(error, limited.aborted);
  }
}

/** `subjectPublicKey` of the server's certificate, to which CredSSP binds. */
function subjectPublicKey(key: KeyObject): Buffer {
  const reader = new DerReader(key.export({ type: 'spki', format: 'der' })).into(TAG.sequence);
  reader.take(TAG.sequence);
  // The first byte of a bit string counts the bits that its last byte lacks: none here.
  return reader.take(TAG.bitString).subarray(1);
}
