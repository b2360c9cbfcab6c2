/**
 * RDCleanPath: how IronRDP in a page asks a proxy to do the start of a connection for it, up to
 * and including TLS. One request, one answer; from then on the WebSocket is the TLS stream.
 * Source: the crate ironrdp-rdcleanpath of github.com/Devolutions/IronRDP (DER, explicit tags).
 */
import {
  contextTag,
  DerError,
  DerReader,
  der,
  derHeader,
  derInteger,
  derOctets,
  derText,
  TAG,
} from './der.ts';

/** Version of the PDU: 3389 + 1. */
const VERSION = 3390;
/** A request holds a few short texts. */
const MAX_REQUEST = 16 * 1024;

export interface CleanPathRequest {
  /** Whatever the page gave: the bridge knows its own. */
  readonly destination: string | undefined;
  readonly proxyAuth: string | undefined;
  /** The X.224 connection request that the page would send. */
  readonly x224: Buffer;
}

/**
 * How long the request at the start of `bytes` is; undefined while that cannot be known yet.
 * @throws DerError where it is none
 */
export function requestLength(bytes: Buffer): number | undefined {
  const head = derHeader(bytes);
  if (bytes.length > 0 && bytes[0] !== TAG.sequence) throw new DerError('it is no request');
  if (head === undefined) return undefined;
  const length = head.header + head.length;
  if (length > MAX_REQUEST) throw new DerError('the request is too long');
  return length;
}

/** @throws DerError where the bytes are no request of this version */
export function parseRequest(bytes: Buffer): CleanPathRequest {
  const reader = new DerReader(bytes).into(TAG.sequence);
  if (reader.into(contextTag(0)).integer() !== VERSION) throw new DerError('another version');
  let x224: Buffer | undefined;
  let destination: string | undefined;
  let proxyAuth: string | undefined;
  while (!reader.done) {
    const tag = reader.next ?? 0;
    const field = reader.into(tag);
    if (tag === contextTag(2)) destination = field.take(TAG.utf8).toString('utf8');
    else if (tag === contextTag(3)) proxyAuth = field.take(TAG.utf8).toString('utf8');
    else if (tag === contextTag(6)) x224 = field.take(TAG.octetString);
  }
  if (x224 === undefined) throw new DerError('the request has no connection request');
  return { destination, proxyAuth, x224 };
}

/**
 * @param answer.confirm the X.224 connection confirm, with its TPKT header
 * @param answer.chain the server's certificates, DER, its own first
 */
export function buildResponse(answer: {
  readonly confirm: Uint8Array;
  readonly chain: readonly Uint8Array[];
  readonly address: string;
}): Buffer {
  return message(
    der(contextTag(6), derOctets(answer.confirm)),
    der(contextTag(7), der(TAG.sequence, ...answer.chain.map(derOctets))),
    der(contextTag(9), derText(answer.address)),
  );
}

function message(...fields: readonly Buffer[]): Buffer {
  return der(TAG.sequence, der(contextTag(0), derInteger(VERSION)), ...fields);
}
