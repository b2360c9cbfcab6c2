/**
 * The institution's keys for booting, in a folder that only its owner reads:
 *
 *   root.private.pem, root.public.pem   Ed25519; signs `root.cfg`, believed by the initrd
 *   uefi.key, uefi.crt, uefi.cer        RSA 2048 and X.509; signs `vestibule.efi`, believed by the
 *                                       firmware (db) or by shim (MOK); .cer is DER, for enrolment
 */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface BootKeys {
  readonly folder: string;
  readonly rootPrivate: string;
  readonly rootPublic: string;
  readonly uefiKey: string;
  readonly uefiCertificate: string;
  /** DER. */
  readonly uefiDer: Buffer;
}

/** Reads the keys of a folder; makes those that are missing. Needs the openssl program. */
export async function bootKeys(folder: string): Promise<BootKeys> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  if (!(await exists(at('root.private.pem')))) {
    const pair = generateKeyPairSync('ed25519', {
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    });
    await writeFile(at('root.public.pem'), pair.publicKey);
    await writeFile(at('root.private.pem'), pair.privateKey, { mode: 0o600 });
  }
  if (!(await exists(at('uefi.cer')))) {
    await run('openssl', [
      ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-sha256', '-days', '7300'],
      ...['-subj', '/CN=Vestibule boot images', '-keyout', at('uefi.key'), '-out', at('uefi.crt')],
    ]);
    await run('openssl', [
      ...['x509', '-in', at('uefi.crt'), '-outform', 'DER', '-out', at('uefi.cer')],
    ]);
  }
  return {
    folder,
    rootPrivate: await readFile(at('root.private.pem'), 'utf8'),
    rootPublic: await readFile(at('root.public.pem'), 'utf8'),
    uefiKey: at('uefi.key'),
    uefiCertificate: at('uefi.crt'),
    uefiDer: await readFile(at('uefi.cer')),
  };
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
