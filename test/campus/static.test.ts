/** A plain static web server is enough: ours without services, and Debian's nginx as it comes. */

import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import { freePort } from '../support/ports.ts';
import { codeOf } from '../unit/campus/support.ts';
import { startCampus } from './server/campus.ts';
import { buildDemoCampus } from './server/demo.ts';
import { Cleanup, testKiosk, until } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Serves the folder; resolves to its URL. */
type Serve = (folder: string) => Promise<string>;

const ours: Serve = async (folder) => {
  const server = await startCampus({ folder, services: false });
  cleanup.add(() => server.stop());
  return server.url;
};

const nginx: Serve = async (folder) => {
  const port = await freePort();
  const home = await cleanup.folder();
  await writeFile(
    join(home, 'nginx.conf'),
    `daemon off; pid ${home}/pid; error_log stderr; worker_processes 1;
     events {}
     http {
       access_log off;
       client_body_temp_path ${home}/body; proxy_temp_path ${home}/proxy;
       fastcgi_temp_path ${home}/fastcgi; uwsgi_temp_path ${home}/uwsgi; scgi_temp_path ${home}/scgi;
       types { text/html html; text/css css; application/json json; }
       server { listen 127.0.0.1:${port}; root ${folder}; }
     }`,
  );
  // Its workers are another user when the tests run as root.
  await chmod(home, 0o755);
  await chmod(join(folder, '..'), 0o755);
  await chmod(folder, 0o755);
  const launcher = new Launcher(silentLogger);
  await launcher.launch({
    program: '/usr/sbin/nginx',
    args: ['-e', 'stderr', '-p', home, '-c', join(home, 'nginx.conf')],
  });
  cleanup.add(() => launcher.stopAll());
  const url = `http://127.0.0.1:${port}/`;
  for (;;) {
    const up = await fetch(url).then(
      () => true,
      () => false,
    );
    if (up) return url;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

function hasNginx(): boolean {
  try {
    execFileSync('/usr/sbin/nginx', ['-v'], { stdio: 'ignore' });
    return true;
  } catch {
    console.log('skipped: Debian’s nginx-light is not installed');
    return false;
  }
}

describe.each<[string, Serve, boolean]>([
  ['our server without services', ours, true],
  ['nginx', nginx, hasNginx()],
])('%s', (_name, serve, present) => {
  test.runIf(present)('the whole life of a kiosk without a single service', async () => {
    const folder = await cleanup.folder();
    const www = join(folder, 'www');
    await mkdir(www);
    const url = await serve(www);
    const data = randomBytes(2_000_000);
    const [manifestFile, dataFile] = [join(folder, 'm'), join(folder, 'd')];
    await writeFile(manifestFile, 'VSTIMG1\n');
    await writeFile(dataFile, data);
    await chmod(dataFile, 0o644);
    await chmod(manifestFile, 0o644);
    const demo = await buildDemoCampus({
      folder,
      webUrl: url,
      hostname: 'pc-07',
      services: false,
      images: [{ id: 'debian', version: '12.1', manifestFile, dataFile }],
    });
    const kiosk = await testKiosk(cleanup, [{ url }], { trustedKeys: [demo.trustedKey] });
    kiosk.start();
    kiosk.report({ kind: 'kiosk.started' });
    await until(() => kiosk.link.state === 'online');
    expect(kiosk.place()).toMatchObject({ room: { id: 'b204' }, seat: '07' });
    const entries = kiosk.catalogueFor({ id: 'g', kind: 'guest', groups: [] });
    expect(entries.map(({ id }) => id)).toEqual([
      'debian-console',
      'debian-networks',
      'course-site',
    ]);
    const [image] = kiosk.manifest?.manifest.images ?? [];
    const target = join(folder, 'image');
    await kiosk.http.download(image?.urls[0] ?? '', target, {
      size: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
    });
    expect((await readFile(target)).equals(data)).toBe(true);
    const part: Uint8Array[] = [];
    for await (const chunk of kiosk.http.range(image?.urls[0] ?? '', 65_536, 70_000))
      part.push(chunk);
    expect(Buffer.concat(part).equals(data.subarray(65_536, 70_000))).toBe(true);

    // Each absent service has its defined behaviour.
    expect(await codeOf(() => kiosk.login('alice', 'member'))).toBe('CAMPUS_ENDPOINT_ABSENT');
    expect(kiosk.outboxCount).toBe(1);
    // The same where the manifest names services that the server does not have.
    await demo.publish((manifest) => ({
      ...manifest,
      endpoints: {
        login: 'api/login',
        reports: 'api/reports',
        events: 'api/events',
        jobs: 'api/jobs',
        catalogue: 'api/catalogue',
      },
    }));
    await kiosk.refresh();
    expect(kiosk.link.state).toBe('online');
    expect(await codeOf(() => kiosk.login('alice', 'member'))).toBe('CAMPUS_ENDPOINT_ABSENT');
    expect(kiosk.outboxCount).toBe(1);
  });
});

test('the demo campus built again keeps its key, and raises its version', async () => {
  const options = { folder: await cleanup.folder(), webUrl: 'http://127.0.0.1:1/', images: [] };
  const first = await buildDemoCampus({ ...options, hostname: 'a' });
  const second = await buildDemoCampus({ ...options, hostname: 'b' });
  expect(second.trustedKey).toEqual(first.trustedKey);
  expect(second.manifest.version).toBeGreaterThan(first.manifest.version);
});

test('keys of the demo campus are never served', async () => {
  const folder = await cleanup.folder();
  const www = join(folder, 'www');
  await mkdir(www);
  const url = await ours(www);
  await buildDemoCampus({ folder, webUrl: url, hostname: 'a', images: [] });
  for (const path of [
    'keys/demo-campus.private.pem',
    '../keys/demo-campus.private.pem',
    '%2e%2e/keys/demo-campus.private.pem',
    '..%2fkeys/demo-campus.private.pem',
  ])
    expect((await fetch(url + path)).status).not.toBe(200);
});
