/** Certificates for tests, made by the openssl program: authorities and servers of 127.0.0.1. */
import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificate } from './server/front.ts';

const run = promisify(execFile);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export interface Authority {
  /** PEM, for the kiosk's `ca`. */
  readonly ca: string;
  /** @param names subjectAltName, e.g. `IP:127.0.0.1` or `DNS:elsewhere.example` */
  issue(names: string): Promise<Certificate>;
}

/** A new certificate authority in a folder of its own. */
export async function makeAuthority(folder: string): Promise<Authority> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  await openssl(
    ...['req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '30'],
    ...['-subj', '/CN=Test authority', '-addext', 'basicConstraints=critical,CA:TRUE'],
  );
  let count = 0;
  return {
    ca: await readFile(join(folder, 'ca.pem'), 'utf8'),
    async issue(names) {
      const name = `server-${count++}`;
      await writeFile(join(folder, `${name}.ext`), `subjectAltName=${names}\n`);
      await openssl(
        ...['req', ...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`],
        ...['-subj', '/CN=Test server'],
      );
      await openssl(
        ...['x509', '-req', '-in', `${name}.csr`, '-CA', 'ca.pem', '-CAkey', 'ca.key'],
        ...['-CAcreateserial', '-days', '30', '-extfile', `${name}.ext`, '-out', `${name}.pem`],
      );
      return {
        key: await readFile(join(folder, `${name}.key`), 'utf8'),
        cert: await readFile(join(folder, `${name}.pem`), 'utf8'),
      };
    },
  };
}
