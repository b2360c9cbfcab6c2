/**
 * What a campus administrator does: make a key, list the files of a UI bundle, sign a manifest.
 * The commands `vestibule campus keygen|bundle|sign` call these.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign,
} from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { z } from 'zod';
import { errno, KioskError } from '../base/errors.ts';
import { writeFileAtomic } from '../base/files.ts';
import { BundlePath, Manifest, Sha256, UiBundle } from '../base/manifest.ts';
import { SYSTEM_FILES, SystemRelease } from '../base/system.ts';
import type { TrustedKey } from './api.ts';
import type { SignatureFile } from './keys.ts';
import { MAX_MANIFEST_BYTES, parseManifest, tooLarge } from './verify.ts';

export interface KeyPair {
  /** For the settings of the kiosks (`campus.trustedKeys`). */
  readonly trusted: TrustedKey;
  /** PKCS #8 in PEM: keep it off the web server. */
  readonly privateKey: string;
}

/** A fresh Ed25519 pair: the kiosk is told `trusted`, whoever publishes keeps `privateKey`. */
export function generateKey(id: string): KeyPair {
  const { privateKey } = generateKeyPairSync('ed25519');
  return {
    trusted: trustedKeyOf(id, privateKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/**
 * Makes a key and writes `<folder>/<id>.private.pem` (mode 0600) and `<folder>/<id>.public.json`,
 * which is what kiosks pin. Refuses to replace a key.
 * @throws KioskError `SETTINGS_INVALID` where the key exists or the id is none
 */
export async function writeKey(folder: string, id: string): Promise<KeyPair> {
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(id))
    throw new KioskError(
      'SETTINGS_INVALID',
      `"${id}" is not a key id: letters, digits, ".", "_", "-".`,
    );
  const path = join(folder, `${id}.private.pem`);
  if (await exists(path)) {
    throw new KioskError('SETTINGS_INVALID', `${path} exists; kiosks may trust it already.`);
  }
  const pair = generateKey(id);
  await writeFileAtomic(path, pair.privateKey, 0o600);
  await writeFileAtomic(
    join(folder, `${id}.public.json`),
    `${JSON.stringify(pair.trusted, null, 2)}\n`,
    0o644,
  );
  return pair;
}

export interface SigningKey {
  readonly id: string;
  /** PKCS #8 in PEM. */
  readonly privateKey: string;
}

/**
 * Signs exact bytes with each key. Give the old and the new key while kiosks are moved from one
 * to the other.
 * @returns the content of `manifest.json.sig`
 * @throws KioskError `MANIFEST_NOT_JSON`, `MANIFEST_INVALID` (with the JSON paths),
 * `MANIFEST_TOO_LARGE`; `SETTINGS_INVALID` where a key is no Ed25519 key
 */
export function signManifest(
  bytes: Uint8Array,
  keys: readonly SigningKey[],
): { manifest: Manifest; signature: string } {
  if (bytes.length > MAX_MANIFEST_BYTES) throw tooLarge();
  const manifest = parseManifest(bytes);
  return { manifest, signature: `${JSON.stringify(signBytes(bytes, keys), null, 2)}\n` };
}

/** Signs whatever the bytes are: what tests of faults need, and nobody else. */
export function signBytes(bytes: Uint8Array, keys: readonly SigningKey[]): SignatureFile {
  return {
    signatures: keys.map(({ id, privateKey }) => ({
      key: id,
      sig: sign(null, bytes, readPrivateKey(id, privateKey)).toString('base64'),
    })),
  };
}

/**
 * Signs `<folder>/manifest.json` and writes `manifest.json.sig` beside it. Refuses a version that
 * was signed before with other content there, since every kiosk would.
 * @param keyFiles paths of `<id>.private.pem`
 * @throws KioskError as {@link signManifest}; `MANIFEST_OLDER` where the version was not raised
 */
export async function signFolder(folder: string, keyFiles: readonly string[]): Promise<Manifest> {
  const bytes = await readFile(join(folder, 'manifest.json'));
  const keys = await Promise.all(
    keyFiles.map(async (path) => ({
      id: (path.split(sep).at(-1) ?? path).replace(/\.private\.pem$|\.pem$/, ''),
      privateKey: await readFile(path, 'utf8'),
    })),
  );
  const { manifest, signature } = signManifest(bytes, keys);
  const record = join(folder, '.signed.json');
  const last = await lastSigned(record);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (
    last !== null &&
    (manifest.version < last.version ||
      (manifest.version === last.version && sha256 !== last.sha256))
  ) {
    throw new KioskError(
      'MANIFEST_OLDER',
      `Version ${last.version} was signed before with other content; raise "version" above ${last.version}.`,
      { details: { version: manifest.version, signed: last.version } },
    );
  }
  await writeFileAtomic(join(folder, 'manifest.json.sig'), signature, 0o644);
  await writeFileAtomic(
    record,
    `${JSON.stringify({ version: manifest.version, sha256 })}\n`,
    0o644,
  );
  return manifest;
}

/**
 * Lists a folder of built UI files for the manifest's `ui`: sorted, each with size and SHA-256;
 * hidden files are left out.
 * @param options.base where the web server has the folder, relative to the manifest
 * @param options.version default: from the content, so that equal files give an equal version
 * @throws KioskError `MANIFEST_INVALID` where there is no entry page or a name cannot be served
 */
export async function bundleFolder(
  folder: string,
  options: { readonly base: string; readonly version?: string; readonly entry?: string },
): Promise<UiBundle> {
  const files: { path: string; size: number; sha256: string }[] = [];
  for (const item of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = relative(folder, join(item.parentPath, item.name)).split(sep).join('/');
    if (!item.isFile() || path.split('/').some((part) => part.startsWith('.'))) continue;
    if (!BundlePath.safeParse(path).success)
      throw new KioskError('MANIFEST_INVALID', `"${path}" cannot be a file of a bundle.`);
    files.push({ path, ...(await measure(join(folder, path))) });
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const entry = options.entry ?? 'index.html';
  if (!files.some((file) => file.path === entry))
    throw new KioskError('MANIFEST_INVALID', `${folder} has no ${entry}.`);
  const version =
    options.version ??
    createHash('sha256')
      .update(files.map((file) => `${file.sha256} ${file.path}\n`).join(''))
      .digest('hex')
      .slice(0, 16);
  return UiBundle.parse({ version, base: options.base, entry, files });
}

async function measure(path: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of createReadStream(path)) {
    hash.update(chunk);
    size += chunk.length;
  }
  return { size, sha256: hash.digest('hex') };
}

function trustedKeyOf(id: string, privateKey: KeyObject): TrustedKey {
  const spki = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
  return { id, publicKey: spki.toString('base64') };
}

function readPrivateKey(id: string, pem: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new KioskError('SETTINGS_INVALID', `The private key "${id}" cannot be read.`, {
      // The text of the failure only: nothing of the key.
      cause: error instanceof Error ? error.message : undefined,
    });
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new KioskError('SETTINGS_INVALID', `The private key "${id}" is not an Ed25519 key.`);
  return key;
}

const Signed = z.object({ version: z.int(), sha256: Sha256 });

async function lastSigned(path: string): Promise<z.infer<typeof Signed> | null> {
  try {
    return Signed.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (error) {
    if (errno(error) === 'ENOENT') return null;
    throw new KioskError('SETTINGS_INVALID', `${path} cannot be read; remove it to start afresh.`, {
      cause: error,
    });
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/**
 * The `system` part of a manifest: what a folder of `npm run squashfs` holds, as kiosks fetch it.
 * @param base where the folder is served
 * @throws KioskError `SETTINGS_INVALID` where a file of a system is missing
 */
export async function describeSystem(folder: string, base: string): Promise<SystemRelease> {
  const files = [];
  for (const name of SYSTEM_FILES) {
    const path = join(folder, name);
    if (!(await exists(path))) continue;
    files.push({ name, ...(await measure(path)) });
  }
  const description = await readFile(join(folder, 'root.cfg'), 'utf8').catch(() => '');
  const version = /^version=(.*)$/m.exec(description)?.[1];
  const parsed = SystemRelease.safeParse({
    version,
    base: base.endsWith('/') ? base : `${base}/`,
    files,
  });
  if (parsed.success) return parsed.data;
  throw new KioskError(
    'SETTINGS_INVALID',
    `${folder} is no system: ${z.prettifyError(parsed.error)}`,
  );
}

/** JSON schema of what a campus may write, for docs/manifest.schema.json and editors. */
export function manifestJsonSchema(): string {
  const schema = z.toJSONSchema(Manifest, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify({ title: 'Vestibule campus manifest', ...schema }, null, 2)}\n`;
}
