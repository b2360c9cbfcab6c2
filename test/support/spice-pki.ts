/** Certificates for a SPICE server, in the layout that QEMU's `x509-dir` wants. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface SpicePki {
  readonly folder: string;
  readonly ca: string;
  /** As a .vv file writes it. */
  readonly hostSubject: string;
  /** SHA-256 of the server's certificate. */
  readonly fingerprint: string;
}

/** @param name the host in the server's certificate */
export async function createSpicePki(name: string): Promise<SpicePki> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-pki-'));
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const key = ['-newkey', 'rsa:2048', '-nodes'];
  await openssl(
    ...['req', '-x509', ...key, '-keyout', 'ca-key.pem', '-out', 'ca-cert.pem'],
    ...['-days', '30', '-subj', '/O=Test Lab/CN=Test CA'],
  );
  await openssl(
    ...['req', ...key, '-keyout', 'server-key.pem', '-out', 'server.csr'],
    ...['-subj', `/O=Test Lab/OU=hv,eu/CN=${name}`],
  );
  await writeFile(join(folder, 'extensions'), `subjectAltName=DNS:${name}\n`);
  await openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem'],
    ...['-CAcreateserial', '-days', '30', '-extfile', 'extensions', '-out', 'server-cert.pem'],
  );
  const certificate = new X509Certificate(await readFile(join(folder, 'server-cert.pem')));
  return {
    folder,
    ca: await readFile(join(folder, 'ca-cert.pem'), 'utf8'),
    hostSubject: `O=Test Lab,OU=hv\\,eu,CN=${name}`,
    fingerprint: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
