/**
 * The first exchange of an RDP connection: TPKT (RFC 1006), X.224 connection request and confirm,
 * and the negotiation of security inside them (MS-RDPBCGR 2.2.1.1 and 2.2.1.2). Everything that
 * is read here came from an unknown server.
 */
import { KioskError } from '../../base/errors.ts';

/** What protects the connection: RDP's own encryption, TLS, or TLS with CredSSP. */
export type RdpProtocol = 'classic' | 'tls' | 'nla';

export const TPKT_HEADER_BYTES = 4;
/** A confirm has 11 or 19 bytes; servers may add variable parts. */
const MAX_TPKT = 1_024;
const TPKT_VERSION = 3;
const X224_REQUEST = 0xe0;
const X224_CONFIRM = 0xd0;
/** Length indicator, code, destination, source, class. */
const X224_FIXED = 7;
const NEGOTIATION_REQUEST = 1;
const NEGOTIATION_RESPONSE = 2;
const NEGOTIATION_FAILURE = 3;
const NEGOTIATION_BYTES = 8;
const MAX_ROUTING = 200;

const PROTOCOL_BITS: Readonly<Record<RdpProtocol, number>> = { classic: 0, tls: 1, nla: 2 };

export const NEGOTIATION_REFUSAL = {
  tlsRequired: 1,
  tlsNotAllowed: 2,
  noCertificate: 3,
  inconsistent: 4,
  nlaRequired: 5,
  tlsWithUserRequired: 6,
} as const;

export type Negotiation =
  | { readonly type: 'chosen'; readonly protocol: RdpProtocol }
  /** Another protocol than the offered ones was wanted; see {@link NEGOTIATION_REFUSAL}. */
  | { readonly type: 'refused'; readonly reason: number };

/**
 * A connection request.
 * @param offered protocols; `classic` is always offered, being the absence of the others
 * @param routing token of a connection broker, without line ends
 */
export function buildConnectionRequest(
  offered: readonly RdpProtocol[],
  routing: string | undefined,
): Buffer {
  const token = routing === undefined ? '' : `${routing.slice(0, MAX_ROUTING)}\r\n`;
  const cookie = Buffer.from(token, 'latin1');
  const body = Buffer.alloc(X224_FIXED + cookie.length + NEGOTIATION_BYTES);
  body.writeUInt8(body.length - 1, 0);
  body.writeUInt8(X224_REQUEST, 1);
  cookie.copy(body, X224_FIXED);
  const at = X224_FIXED + cookie.length;
  body.writeUInt8(NEGOTIATION_REQUEST, at);
  body.writeUInt16LE(NEGOTIATION_BYTES, at + 2);
  body.writeUInt32LE(
    offered.reduce((bits, protocol) => bits | PROTOCOL_BITS[protocol], 0),
    at + 4,
  );
  const header = Buffer.from([TPKT_VERSION, 0, 0, 0]);
  header.writeUInt16BE(TPKT_HEADER_BYTES + body.length, 2);
  return Buffer.concat([header, body]);
}

/**
 * How many bytes follow a TPKT header.
 * @throws KioskError `REMOTE_NEGOTIATION_FAILED`
 */
export function tpktBodyLength(header: Buffer): number {
  const length = header.length === TPKT_HEADER_BYTES ? header.readUInt16BE(2) : 0;
  if (header[0] !== TPKT_VERSION || length < TPKT_HEADER_BYTES + X224_FIXED || length > MAX_TPKT) {
    throw noRdp('it is no RDP server');
  }
  return length - TPKT_HEADER_BYTES;
}

/**
 * Reads a connection confirm (the TPKT's body).
 * @throws KioskError `REMOTE_NEGOTIATION_FAILED`
 */
export function parseConnectionConfirm(body: Buffer): Negotiation {
  if (body.length < X224_FIXED || body[0] !== body.length - 1 || body[1] !== X224_CONFIRM) {
    throw noRdp('its answer is malformed');
  }
  // Servers from before TLS answer without the negotiation.
  if (body.length === X224_FIXED) return { type: 'chosen', protocol: 'classic' };
  if (
    body.length < X224_FIXED + NEGOTIATION_BYTES ||
    body.readUInt16LE(X224_FIXED + 2) !== NEGOTIATION_BYTES
  ) {
    throw noRdp('its negotiation is malformed');
  }
  const value = body.readUInt32LE(X224_FIXED + 4);
  switch (body[X224_FIXED]) {
    case NEGOTIATION_FAILURE:
      return { type: 'refused', reason: value };
    case NEGOTIATION_RESPONSE:
      for (const protocol of ['classic', 'tls', 'nla'] as const) {
        if (PROTOCOL_BITS[protocol] === value) return { type: 'chosen', protocol };
      }
      throw noRdp('it chose a protocol that was not offered');
    default:
      throw noRdp('its negotiation is malformed');
  }
}

function noRdp(why: string): KioskError {
  return new KioskError(
    'REMOTE_NEGOTIATION_FAILED',
    `The host does not speak RDP with us: ${why}.`,
  );
}
