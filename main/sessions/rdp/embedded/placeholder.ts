/**
 * The certificate that the page is shown. Its library insists on one, and reads a public key from
 * it that it only needs for a sign-in which the bridge has done already: the server's own would
 * tell the page who the server is.
 */
import { contextTag, der, derInteger, TAG } from './der.ts';

/** 1.2.840.113549.1.1.1, rsaEncryption. */
const RSA = Buffer.from('2a864886f70d010101', 'hex');
/** 1.2.840.113549.1.1.11, sha256WithRSAEncryption. */
const RSA_SHA256 = Buffer.from('2a864886f70d01010b', 'hex');
/** 2.5.4.3, common name. */
const COMMON_NAME = Buffer.from('550403', 'hex');
const UTC_TIME = 0x17;

/** A well-formed X.509 certificate (RFC 5280) that nobody signed, with a key that nobody has. */
export function placeholderCertificate(): Buffer {
  const algorithm = (oid: Buffer): Buffer => der(TAG.sequence, der(TAG.oid, oid), der(TAG.null));
  const bits = (...parts: readonly Buffer[]): Buffer =>
    der(TAG.bitString, Buffer.from([0]), ...parts);
  const name = der(
    TAG.sequence,
    der(
      TAG.set,
      der(TAG.sequence, der(TAG.oid, COMMON_NAME), der(TAG.utf8, Buffer.from('display'))),
    ),
  );
  const time = (text: string): Buffer => der(UTC_TIME, Buffer.from(text, 'latin1'));
  const key = der(
    TAG.sequence,
    der(TAG.integer, Buffer.concat([Buffer.from([0]), Buffer.alloc(128, 0xff)])),
    derInteger(65_537),
  );
  return der(
    TAG.sequence,
    der(
      TAG.sequence,
      der(contextTag(0), derInteger(2)),
      derInteger(1),
      algorithm(RSA_SHA256),
      name,
      der(TAG.sequence, time('260101000000Z'), time('490101000000Z')),
      name,
      der(TAG.sequence, algorithm(RSA), bits(key)),
    ),
    algorithm(RSA_SHA256),
    bits(Buffer.alloc(128, 0xff)),
  );
}
