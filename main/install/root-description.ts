/**
 * What a root file system is, as one small signed text: `root.cfg`, beside `root.sqfs` on the boot
 * server and in a slot of the disk. squashfs/README.md describes it; the initrd reads the same
 * lines with a shell, so they are plain `key=value`, each key once.
 */
import { createPublicKey, sign, verify } from 'node:crypto';
import { z } from 'zod';
import { KioskError } from '../base/errors.ts';

const HEX_256 = /^[0-9a-f]{64}$/;
const whole = z
  .string()
  .regex(/^(0|[1-9]\d{0,14})$/)
  .transform(Number);

const RootDescription = z.strictObject({
  format: z.literal('1'),
  /** Names the image to people and in reports. */
  version: z.string().regex(/^[\w.+~-]{1,64}$/),
  architecture: z.enum(['amd64', 'arm64']),
  /** `uname -r` of the kernel whose modules the root holds. */
  kernel: z.string().regex(/^[\w.+~-]{1,64}$/),
  /** Bytes of `root.sqfs`, hash tree included. */
  size: whole,
  /** Of the whole file. */
  sha256: z.string().regex(HEX_256),
  /** Bytes of squashfs before the dm-verity superblock; a multiple of 4096. */
  hashOffset: whole,
  rootHash: z.string().regex(HEX_256),
  salt: z.string().regex(HEX_256),
  /** Of the files beside it, so that an installation can check what it copies. */
  vmlinuzSha256: z.string().regex(HEX_256),
  initrdSha256: z.string().regex(HEX_256),
  /** Of `vestibule.efi`, where there is one. */
  efiSha256: z.string().regex(HEX_256).optional(),
});
export type RootDescription = z.output<typeof RootDescription>;

/** The text of `root.cfg`. */
export function formatRootDescription(root: RootDescription): string {
  return `${Object.entries(root)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`)
    .join('\n')}\n`;
}

/** @throws KioskError `IMAGE_MANIFEST_INVALID` for anything but what {@link formatRootDescription} writes */
export function parseRootDescription(text: string): RootDescription {
  const fields = new Map<string, string>();
  for (const line of text.split('\n').slice(0, 32)) {
    if (line === '') continue;
    const at = line.indexOf('=');
    const key = line.slice(0, at);
    if (at < 1 || fields.has(key)) throw refused(`line "${line.slice(0, 40)}"`);
    fields.set(key, line.slice(at + 1));
  }
  const parsed = RootDescription.safeParse(Object.fromEntries(fields));
  if (!parsed.success) throw refused(z.prettifyError(parsed.error));
  if (parsed.data.hashOffset % 4096 !== 0 || parsed.data.hashOffset >= parsed.data.size)
    throw refused('hashOffset');
  return parsed.data;
}

/**
 * The content of `root.cfg.sig`: 64 bytes, Ed25519 (RFC 8032) over the exact bytes of `root.cfg`.
 *
 * @param privateKey PEM, PKCS #8
 */
export function signRootDescription(text: string, privateKey: string): Buffer {
  return sign(null, Buffer.from(text), privateKey);
}

/**
 * Reads a signed description, believing one of these keys.
 *
 * @param publicKeys PEM, SubjectPublicKeyInfo
 * @throws KioskError `MANIFEST_SIGNATURE_WRONG` when no key made the signature
 */
export function openRootDescription(
  text: string,
  signature: Uint8Array,
  publicKeys: readonly string[],
): RootDescription {
  const bytes = Buffer.from(text);
  const believed = publicKeys.some((pem) => {
    const key = createPublicKey(pem);
    return key.asymmetricKeyType === 'ed25519' && verify(null, bytes, key, signature);
  });
  if (!believed)
    throw new KioskError(
      'MANIFEST_SIGNATURE_WRONG',
      'root.cfg is not signed by a key of this kiosk',
    );
  return parseRootDescription(text);
}

function refused(what: string): KioskError {
  return new KioskError('IMAGE_MANIFEST_INVALID', `root.cfg is not one: ${what}`);
}
