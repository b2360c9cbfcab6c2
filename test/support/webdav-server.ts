/** The campus's storage: Debian's Apache with mod_dav on loopback, a folder a person. */
import { createHash } from 'node:crypto';
import { chown, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { silentLogger } from '../../main/log/logger.ts';
import { type Child, Launcher } from '../../main/process/launcher.ts';
import { freePort } from './ports.ts';

export interface WebdavServer extends AsyncDisposable {
  /** With `{person}` in it. */
  readonly url: string;
  /** What lies on the server's disk for a person. */
  folder(person: string): string;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** One line a request: method, path, status. */
  requests(): Promise<string[]>;
}

const MODULES = [
  ...['mpm_event', 'authn_core', 'authn_file', 'authz_core', 'authz_user', 'auth_basic'],
  ...['dav', 'dav_fs'],
];

/** @param people passwords by id */
export async function startWebdav(people: Readonly<Record<string, string>>): Promise<WebdavServer> {
  const root = await mkdtemp(join(tmpdir(), 'vestibule-dav-'));
  const launcher = new Launcher(silentLogger);
  const port = await freePort();
  const asRoot = process.getuid?.() === 0;
  const owner = asRoot
    ? Number(/^www-data:[^:]*:(\d+):/m.exec(await readFile('/etc/passwd', 'utf8'))?.[1])
    : 0;
  const own = async (path: string) => {
    await mkdir(path, { recursive: true });
    if (asRoot) await chown(path, owner, owner);
  };
  if (asRoot) await chown(root, owner, owner);
  await own(join(root, 'dav'));
  await own(join(root, 'locks'));
  const lines: string[] = [];
  for (const [person, secret] of Object.entries(people)) {
    await own(join(root, 'dav', person));
    lines.push(`${person}:{SHA}${createHash('sha1').update(secret).digest('base64')}`);
  }
  await writeFile(join(root, 'people'), `${lines.join('\n')}\n`, { mode: 0o644 });
  const locations = Object.keys(people).map(
    (person) =>
      `<Location "/dav/${person}/">\nDav On\nAuthType Basic\nAuthName storage\nAuthUserFile ${root}/people\nRequire user ${person}\n</Location>`,
  );
  await writeFile(
    join(root, 'httpd.conf'),
    [
      ...MODULES.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      `Listen 127.0.0.1:${port}`,
      'ServerName 127.0.0.1',
      `PidFile ${root}/pid`,
      `DefaultRuntimeDir ${root}`,
      `ErrorLog ${root}/error.log`,
      'LogFormat "%m %U %>s" short',
      `CustomLog ${root}/access.log short`,
      `DavLockDB ${root}/locks/db`,
      `DocumentRoot ${root}`,
      ...(asRoot ? ['User www-data', 'Group www-data'] : []),
      'LimitXMLRequestBody 65536',
      ...locations,
    ].join('\n'),
  );
  let child: Child | undefined;
  const server: WebdavServer = {
    url: `http://127.0.0.1:${port}/dav/{person}/`,
    folder: (person) => join(root, 'dav', person),
    async start() {
      child = await launcher.launch({
        program: '/usr/sbin/apache2',
        args: ['-f', join(root, 'httpd.conf'), '-DFOREGROUND'],
      });
      await answering(port, join(root, 'error.log'));
    },
    async stop() {
      await child?.stop();
      child = undefined;
    },
    async requests() {
      return (await readFile(join(root, 'access.log'), 'utf8')).trim().split('\n');
    },
    async [Symbol.asyncDispose]() {
      await launcher.stopAll();
      await rm(root, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

async function answering(port: number, errorLog: string): Promise<void> {
  for (let attempt = 0; attempt < 600; attempt++) {
    const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    if (answer) return;
    await pause(100);
  }
  throw new Error(`Apache does not answer: ${await readFile(errorLog, 'utf8').catch(() => '')}`);
}
