/**
 * Ed25519 (RFC 8032) over the exact bytes of `manifest.json`, detached in `manifest.json.sig`:
 * `{ "signatures": [{ "key": "<key id>", "sig": "<base64 of 64 bytes>" }] }`. Several signatures
 * let a campus rotate its key: kiosks that pin the old one and kiosks that pin the new one both
 * find theirs.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { z } from 'zod';
import { KioskError } from '../base/errors.ts';
import type { TrustedKey } from './api.ts';

/** The largest signature file that is read. */
export const MAX_SIGNATURE_BYTES = 64 * 1024;

export const SignatureFile = z.object({
  signatures: z
    .array(z.object({ key: z.string().min(1).max(128), sig: z.base64().max(128) }))
    .max(64),
});
export type SignatureFile = z.infer<typeof SignatureFile>;

const RAW_KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/**
 * Reads a pinned key: 32 raw bytes, or SPKI in DER, as base64.
 * @throws KioskError `SETTINGS_INVALID`
 */
export function publicKeyOf({ id, publicKey }: TrustedKey): KeyObject {
  const bytes = Buffer.from(publicKey, 'base64');
  try {
    const key =
      bytes.length === RAW_KEY_BYTES
        ? createPublicKey({
            key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') },
            format: 'jwk',
          })
        : createPublicKey({ key: bytes, format: 'der', type: 'spki' });
    if (key.asymmetricKeyType === 'ed25519') return key;
  } catch (error) {
    throw new KioskError('SETTINGS_INVALID', `The trusted key "${id}" is not a public key.`, {
      cause: error,
      details: { key: id },
    });
  }
  throw new KioskError('SETTINGS_INVALID', `The trusted key "${id}" is not an Ed25519 key.`, {
    details: { key: id },
  });
}

/**
 * One valid signature by a pinned key is enough; one that is wrong beside it does no harm, since
 * anybody can add a wrong one.
 *
 * @param signatureFile null where the server has none
 * @returns the id of the key that signed
 * @throws KioskError `MANIFEST_SIGNATURE_MISSING`, `MANIFEST_SIGNATURE_WRONG`, `MANIFEST_KEY_UNKNOWN`
 */
export function verifySignature(
  bytes: Uint8Array,
  signatureFile: Uint8Array | null,
  trusted: readonly TrustedKey[],
): string {
  const { signatures } = readSignatureFile(signatureFile);
  let known = false;
  for (const { key, sig } of signatures) {
    const signature = Buffer.from(sig, 'base64');
    for (const candidate of trusted) {
      if (candidate.id !== key) continue;
      known = true;
      if (
        signature.length === SIGNATURE_BYTES &&
        verify(null, bytes, publicKeyOf(candidate), signature)
      )
        return key;
    }
  }
  if (known) {
    throw new KioskError(
      'MANIFEST_SIGNATURE_WRONG',
      'The signature of the manifest does not match its content.',
    );
  }
  throw new KioskError(
    'MANIFEST_KEY_UNKNOWN',
    'The manifest is signed, but by no key that this kiosk trusts.',
    {
      details: {
        signedBy: signatures.map((signature) => signature.key),
        trusted: trusted.map((key) => key.id),
      },
    },
  );
}

function readSignatureFile(file: Uint8Array | null): SignatureFile {
  if (file === null) {
    throw new KioskError(
      'MANIFEST_SIGNATURE_MISSING',
      'The campus has no manifest.json.sig beside its manifest.json.',
    );
  }
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(file).toString('utf8'));
  } catch (error) {
    throw new KioskError('MANIFEST_SIGNATURE_WRONG', 'manifest.json.sig is not JSON.', {
      cause: error,
    });
  }
  const parsed = SignatureFile.safeParse(content);
  if (!parsed.success) {
    throw new KioskError(
      'MANIFEST_SIGNATURE_WRONG',
      'manifest.json.sig is not a list of signatures.',
      { cause: parsed.error },
    );
  }
  if (parsed.data.signatures.length === 0) {
    throw new KioskError('MANIFEST_SIGNATURE_MISSING', 'manifest.json.sig holds no signature.');
  }
  return parsed.data;
}
