/**
 * `npm run bench -- sync`: a UI bundle of 2,000 files from a web server on this computer, by the
 * kiosk (fetched, hashed, durable, active) and by `curl --parallel` (fetched and written), in
 * alternating pairs; then the same bundle unchanged, by the requests that it costs.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as pause } from 'node:timers/promises';
import type { UiBundle } from '../../main/base/manifest.ts';
import { createCampus } from '../../main/campus/campus.ts';
import { bundleFolder, generateKey, signManifest } from '../../main/campus/publish.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { createFastLane } from '../../main/uicache/fast-lane.ts';
import { createUiCache } from '../../main/uicache/uicache.ts';
import { freePort } from '../support/ports.ts';
import { median, printResult, printTable } from './report.ts';

const FILES = 2_000;
const PAIRS = 9;
const GOAL = 1.2;

const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-sync-'));
const www = join(folder, 'www');
const accessLog = join(folder, 'access.log');
const key = generateKey('bench');
const bundle = await publish();
const { url, stop } = await startServer();
try {
  await run();
} finally {
  await stop();
  rmSync(folder, { recursive: true, force: true });
}

async function run(): Promise<void> {
  // A new folder each time, removed at the end: ext4 is slow to reuse inodes freed a moment ago,
  // which would count against curl.
  const byCurl = (pair: number): number => {
    const target = join(folder, `curl-${pair}`);
    const config = `${target}.cfg`;
    const lines = bundle.files.map(
      ({ path }) => `url = "${url}ui/${path}"\noutput = "${join(target, path)}"\n`,
    );
    writeFileSync(config, lines.join(''));
    execFileSync('sync');
    const from = performance.now();
    execFileSync(
      'curl',
      ['--no-progress-meter', '--fail', '--parallel', '--create-dirs', '-K', config],
      { stdio: 'ignore' },
    );
    return performance.now() - from;
  };
  const byKiosk = async (pair: number): Promise<number> => {
    // As in the product, where the cache is open long before the campus is asked.
    const { cache, close } = await openCache(join(folder, `kiosk-${pair}`), () => url);
    execFileSync('sync');
    const from = performance.now();
    await cache.apply(bundle);
    await cache.serve({
      method: 'GET',
      url: new URL('https://ui.invalid/'),
      headers: new Map([['sec-fetch-mode', 'navigate']]),
    });
    cache.rendered();
    const took = performance.now() - from;
    if (cache.status().state !== 'active') throw new Error('the bundle is not active');
    await close();
    return took;
  };

  const pairs: { curl: number; kiosk: number }[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    // Whoever comes second may find the server's caches warmer: each is second as often.
    if (pair % 2 === 0) {
      const curl = byCurl(pair);
      pairs.push({ curl, kiosk: await byKiosk(pair) });
    } else {
      const kiosk = await byKiosk(pair);
      pairs.push({ curl: byCurl(pair), kiosk });
    }
  }
  const curl = median(pairs.map((pair) => pair.curl));
  const kiosk = median(pairs.map((pair) => pair.kiosk));
  const ratio = median(pairs.map((pair) => pair.kiosk / pair.curl));
  const unchanged = await unchangedRequests();

  const bytes = bundle.files.reduce((sum, { size }) => sum + size, 0);
  console.log(
    `${bundle.files.length} files, ${(bytes / 1e6).toFixed(1)} MB, nginx on this computer`,
  );
  const row = (name: string, ours: number, theirs: number): (string | number)[] => [
    name,
    Math.round(ours),
    Math.round(theirs),
    (ours / theirs).toFixed(2),
  ];
  printTable([
    ['run', 'kiosk ms', 'curl ms', 'ratio'],
    ...pairs.map((pair, index) =>
      row(index === 0 ? 'first of the process' : `pair ${index + 1}`, pair.kiosk, pair.curl),
    ),
    row('median', kiosk, curl),
    ['unchanged', `${unchanged} request(s)`, '', ''],
  ]);
  printResult({
    bench: 'sync',
    ratio,
    goal: GOAL,
    ok: ratio <= GOAL && unchanged === 1,
    unchangedRequests: unchanged,
    files: bundle.files.length,
    kioskMs: Math.round(kiosk),
    curlMs: Math.round(curl),
  });
}

/** What the campus's server is asked when nothing has changed since the last look. */
async function unchangedRequests(): Promise<number> {
  const campus = createCampus({
    servers: [{ url }],
    trustedKeys: [key.trusted],
    kioskId: 'bench',
    facts: () => ({ hostname: 'bench', macs: [], addresses: [] }),
    version: '0',
    dataFolder: join(folder, 'campus'),
    log: silentLogger,
  });
  const { cache, close } = await openCache(join(folder, 'kiosk'), () => campus.link.server);
  const look = async (): Promise<void> => {
    await campus.refresh();
    await cache.apply(campus.manifest?.manifest.ui);
  };
  try {
    await look();
    await cache.serve({
      method: 'GET',
      url: new URL('https://ui.invalid/'),
      headers: new Map([['sec-fetch-mode', 'navigate']]),
    });
    cache.rendered();
    const before = requests();
    if (before < FILES) throw new Error('the server did not log what it was asked');
    await look();
    return requests() - before;
  } finally {
    await close();
    await campus.close();
  }
}

async function openCache(
  path: string,
  server: () => string | null,
): Promise<{ cache: Awaited<ReturnType<typeof createUiCache>>; close(): Promise<void> }> {
  const lane = createFastLane({
    server,
    userAgent: 'Vestibule/bench',
    otherwise: async (file) => {
      throw new Error(`the fast lane gave up ${file.path}`);
    },
  });
  const cache = await createUiCache({
    folder: path,
    fallbackFolder: folder,
    fetchFile: lane.fetchFile,
    log: silentLogger,
  });
  return {
    cache,
    close: async () => {
      await cache.close();
      await lane.close();
    },
  };
}

function requests(): number {
  return readFileSync(accessLog, 'utf8').split('\n').length - 1;
}

/** Files of 0.5 to 25 kB whose content cannot be guessed or compressed, the same in each run. */
async function publish(): Promise<UiBundle> {
  for (let index = 0; index < FILES; index++) {
    const path = index === 0 ? 'index.html' : `assets/${index % 40}/part-${index}.js`;
    const size = 500 + ((index * 7919) % 24_500);
    const seed = createHash('sha256').update(String(index)).digest();
    const content = Buffer.alloc(
      size,
      createHash('shake256', { outputLength: size }).update(seed).digest(),
    );
    mkdirSync(dirname(join(www, 'ui', path)), { recursive: true });
    writeFileSync(join(www, 'ui', path), content);
  }
  const ui = await bundleFolder(join(www, 'ui'), { base: 'ui/' });
  const hour = 60 * 60 * 1000;
  const manifest = {
    format: 1,
    campus: { id: 'bench', name: 'Bench' },
    version: 1,
    issuedAt: new Date(Date.now() - hour).toISOString(),
    expiresAt: new Date(Date.now() + hour).toISOString(),
    ui,
  };
  const bytes = Buffer.from(JSON.stringify(manifest));
  writeFileSync(join(www, 'manifest.json'), bytes);
  writeFileSync(
    join(www, 'manifest.json.sig'),
    signManifest(bytes, [{ id: key.trusted.id, privateKey: key.privateKey }]).signature,
  );
  return ui;
}

async function startServer(): Promise<{ url: string; stop(): Promise<void> }> {
  const port = await freePort();
  const config = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(folder, name)};`)
    .join(' ');
  // Root's nginx would serve as another user, who may not look into a private folder.
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  writeFileSync(
    config,
    `${user} worker_processes 1; daemon off; pid ${join(folder, 'nginx.pid')}; error_log ${join(folder, 'error.log')};
     events { worker_connections 256; }
     http {
       access_log ${accessLog}; sendfile on; keepalive_requests 100000; ${temporary}
       server { listen 127.0.0.1:${port}; root ${www}; }
     }`,
  );
  const nginx = spawn('/usr/sbin/nginx', ['-c', config, '-e', join(folder, 'error.log')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(nginx, 'exit');
  await answering(port);
  return {
    url: `http://127.0.0.1:${port}/`,
    stop: async () => {
      nginx.kill('SIGTERM');
      await ended;
    },
  };
}

async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const socket = connect(port, '127.0.0.1');
    const open = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (open) return;
    await pause(25);
  }
  throw new Error('nginx did not start');
}
