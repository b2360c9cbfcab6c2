/**
 * What xfreerdp's exit code says (client/X11/xfreerdp.h of FreeRDP 2 and 3: below 128 the server's
 * reason, from 128 on the client's).
 */
import type { ErrorCode } from '../../../preload/contract/errors.ts';

const CLIENT_FAILURES: Readonly<Record<number, ErrorCode>> = {
  132: 'REMOTE_CREDENTIALS_WRONG',
  133: 'REMOTE_NEGOTIATION_FAILED',
  134: 'REMOTE_CREDENTIALS_WRONG',
  135: 'REMOTE_CREDENTIALS_WRONG',
  139: 'REMOTE_REFUSED',
  140: 'REMOTE_REFUSED',
  141: 'REMOTE_REFUSED',
  142: 'REMOTE_NEGOTIATION_FAILED',
  143: 'REMOTE_CERTIFICATE_CHANGED',
  144: 'REMOTE_CREDENTIALS_WRONG',
  148: 'REMOTE_CREDENTIALS_WRONG',
  149: 'REMOTE_CREDENTIALS_WRONG',
  151: 'REMOTE_CREDENTIALS_WRONG',
  152: 'REMOTE_CREDENTIALS_WRONG',
  153: 'REMOTE_CREDENTIALS_WRONG',
  154: 'REMOTE_CREDENTIALS_WRONG',
  155: 'REMOTE_CREDENTIALS_WRONG',
  156: 'REMOTE_CREDENTIALS_WRONG',
  157: 'REMOTE_CREDENTIALS_WRONG',
  158: 'REMOTE_CREDENTIALS_WRONG',
  159: 'REMOTE_CREDENTIALS_WRONG',
};
const TRANSPORT_FAILED = 147;

/** 0 and 1: ended by the server or the person; 2: logoff; 11 and 12: ended or logged off by the user. */
const ORDERLY: ReadonlySet<number> = new Set([0, 1, 2, 11, 12]);
/** Idle too long, login too slow. */
const TIMED_OUT: ReadonlySet<number> = new Set([3, 4]);

/**
 * Why no picture came, of a server that has just answered and whose certificate was right.
 * @param code null when a signal ended it
 */
export function startFailure(code: number | null, protocol: 'classic' | 'tls' | 'nla'): ErrorCode {
  // Servers refuse a wrong NLA password by closing the connection, and 2.x reports just that.
  if (code === TRANSPORT_FAILED && protocol === 'nla') return 'REMOTE_CREDENTIALS_WRONG';
  return CLIENT_FAILURES[code ?? 0] ?? 'REMOTE_REFUSED';
}

/** Why a session that had a picture is over; undefined: as it should. */
export function endFailure(code: number | null): ErrorCode | undefined {
  if (code !== null && ORDERLY.has(code)) return undefined;
  if (code !== null && TIMED_OUT.has(code)) return 'SESSION_TIMEOUT';
  const failure = CLIENT_FAILURES[code ?? 0];
  // The certificate is compared again at each reconnection.
  return failure === 'REMOTE_CERTIFICATE_CHANGED' || failure === 'REMOTE_CREDENTIALS_WRONG'
    ? failure
    : 'REMOTE_LOST';
}
