import { hash, randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type BundleServer, startBundleServer } from '../../support/ui-bundle.ts';
import { type Bench, FALLBACK, openUiCache, temporaryFolder, text } from '../../support/uicache.ts';

let server: BundleServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let open: Bench[] = [];

beforeEach(async () => {
  server = await startBundleServer();
  folder = await temporaryFolder();
});
afterEach(async () => {
  await Promise.all(open.map((bench) => bench.close()));
  open = [];
  await server.close();
  await folder.remove();
});

async function start(
  options: Parameters<typeof openUiCache>[2] = {},
  url: string | null = server.url,
): Promise<Bench> {
  const bench = await openUiCache(folder.path, url, options);
  open.push(bench);
  return bench;
}

async function stop(bench: Bench): Promise<void> {
  open = open.filter((one) => one !== bench);
  await bench.close();
}

const V1 = { 'index.html': '<p>one', 'app.js': 'one()', 'same.css': 'p{}' };
const V2 = { 'index.html': '<p>two', 'app.js': 'two()', 'same.css': 'p{}' };

/** Fetches, loads and confirms a version. */
async function activate(bench: Bench, version: string, contents: typeof V1): Promise<void> {
  await bench.cache.apply(server.publish(version, contents));
  await bench.load();
  bench.cache.rendered();
}

describe('a first version', () => {
  test('is staged, tried at the next load, and active once it has painted', async () => {
    const bench = await start();
    expect(bench.cache.status()).toMatchObject({ state: 'empty', source: 'fallback' });
    expect(await bench.load()).toBe(FALLBACK);

    await bench.cache.apply(server.publish('1', V1));
    expect(bench.cache.status()).toMatchObject({ state: 'staged', source: 'fallback' });
    expect(bench.reloads).toEqual(['staged']);

    expect(await bench.load()).toBe('<p>one');
    bench.cache.rendered();
    expect(bench.cache.status()).toMatchObject({ state: 'active', source: 'cached', version: '1' });
    bench.cache.setOnline(true);
    expect(bench.cache.status().source).toBe('live');
    expect(text(await bench.get('/app.js'))).toBe('one()');
  });

  test('is there after a restart without any network', async () => {
    const bench = await start();
    await activate(bench, '1', V1);
    await stop(bench);
    const again = await start({}, null);
    expect(await again.load()).toBe('<p>one');
    expect(again.cache.status()).toMatchObject({ state: 'active', source: 'cached' });
  });

  test('that never paints is replaced by the built-in UI and not tried again', async () => {
    const bench = await start({ renderTimeoutMs: 50 });
    await bench.cache.apply(server.publish('1', V1));
    await bench.load();
    await expect.poll(() => bench.cache.status().state).toBe('empty');
    expect(bench.reports).toMatchObject([
      { kind: 'ui.rolled-back', version: '1', error: { code: 'UI_RENDER_FAILED' } },
    ]);
    expect(await bench.load()).toBe(FALLBACK);
    await expect(bench.cache.apply(server.publish('1', V1))).rejects.toMatchObject({
      code: 'UI_RENDER_FAILED',
    });
    // The same content under another name is the same content.
    await expect(bench.cache.apply(server.publish('1-again', V1))).rejects.toMatchObject({
      code: 'UI_RENDER_FAILED',
    });
    await bench.cache.apply(server.publish('1-fixed', { ...V1, 'app.js': 'fixed()' }));
    expect(bench.cache.status().state).toBe('staged');
  });
});

describe('a second version', () => {
  test('brings only what changed, and the old page is served until it is loaded again', async () => {
    const bench = await start();
    await activate(bench, '1', V1);
    server.requests.length = 0;
    await bench.cache.apply(server.publish('2', V2));
    expect(server.requests.sort()).toEqual(['/ui/2/app.js', '/ui/2/index.html']);
    expect(text(await bench.get('/app.js'))).toBe('one()');
    expect(await bench.load()).toBe('<p>two');
    expect(text(await bench.get('/app.js'))).toBe('two()');
    bench.cache.rendered();
    expect(bench.cache.status()).toMatchObject({ state: 'active', version: '2' });
  });

  test('that crashes is rolled back to the first, also after a restart', async () => {
    const bench = await start();
    await activate(bench, '1', V1);
    await bench.cache.apply(server.publish('2', V2));
    expect(await bench.load()).toBe('<p>two');
    bench.cache.renderFailed('the page crashed');
    expect(bench.cache.status()).toMatchObject({
      state: 'active',
      error: { code: 'UI_RENDER_FAILED' },
    });
    expect(bench.reloads.at(-1)).toBe('rolled-back');
    expect(await bench.load()).toBe('<p>one');
    await stop(bench);
    const again = await start();
    expect(await again.load()).toBe('<p>one');
    await expect(again.cache.apply(server.publish('2', V2))).rejects.toMatchObject({
      code: 'UI_RENDER_FAILED',
    });
  });

  test('that ends the kiosk each time is given up after three runs', async () => {
    const first = await start();
    await activate(first, '1', V1);
    await first.cache.apply(server.publish('2', V2));
    await stop(first);
    for (let run = 0; run < 3; run++) {
      const bench = await start({}, null);
      expect(await bench.load()).toBe('<p>two');
      await stop(bench);
    }
    const bench = await start({}, null);
    expect(await bench.load()).toBe('<p>one');
    expect(bench.reports).toMatchObject([{ kind: 'ui.rolled-back' }]);
  });

  test('is whole or not there: a server that dies half way leaves the first active', async () => {
    const bench = await start({ retryBaseMs: 600_000, concurrency: 1 });
    await activate(bench, '1', V1);
    server.fault = (path, response, content) => {
      if (path.endsWith('app.js')) response.destroy();
      else response.end(content);
    };
    await expect(bench.cache.apply(server.publish('2', V2))).rejects.toMatchObject({
      code: 'CAMPUS_UNREACHABLE',
    });
    expect(bench.cache.status()).toMatchObject({ state: 'active', version: '1' });
    expect(await bench.load()).toBe('<p>one');
    expect(bench.reports.at(-1)).toMatchObject({ kind: 'ui.failed' });

    // Back online it goes on by itself, from where it was.
    server.fault = undefined;
    server.requests.length = 0;
    bench.cache.setOnline(true);
    await expect.poll(() => bench.cache.status().state).toBe('staged');
    expect(server.requests).toEqual(['/ui/2/app.js']);
  });

  test('whose file is not what the manifest says is refused, and asked for twice', async () => {
    const bench = await start({ retryBaseMs: 600_000 });
    await activate(bench, '1', V1);
    const bundle = server.publish('2', V2);
    server.publish('2', { 'app.js': 'evil()' });
    server.requests.length = 0;
    await expect(bench.cache.apply(bundle)).rejects.toMatchObject({
      code: 'UI_FILE_MISMATCH',
      details: { path: 'app.js' },
    });
    // Twice by each of the two clients.
    expect(server.requests.filter((path) => path === '/ui/2/app.js')).toHaveLength(4);
    expect(await bench.load()).toBe('<p>one');
  });

  test('overtaken by a third is stopped', async () => {
    const bench = await start();
    server.fault = () => {};
    const second = bench.cache.apply(server.publish('2', V2));
    const refused = expect(second).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect.poll(() => server.requests.length).toBeGreaterThan(0);
    server.fault = undefined;
    await bench.cache.apply(server.publish('3', { ...V2, 'app.js': 'three()' }));
    await refused;
    await bench.load();
    expect(text(await bench.get('/app.js'))).toBe('three()');
  });
});

describe('requests', () => {
  test('an unchanged bundle costs none, a renamed one neither', async () => {
    const bench = await start();
    await activate(bench, '1', V1);
    server.requests.length = 0;
    await bench.cache.apply(server.publish('1', V1));
    await bench.cache.apply(server.publish('1.0.1', V1));
    expect(server.requests).toEqual([]);
    expect(bench.cache.status()).toMatchObject({ state: 'active', version: '1.0.1' });
    expect(bench.reloads).toEqual(['staged']);
  });

  test('one call joins another for the same content', async () => {
    const bench = await start();
    const bundle = server.publish('1', V1);
    await Promise.all([bench.cache.apply(bundle), bench.cache.apply(bundle)]);
    expect(server.requests).toHaveLength(3);
  });

  test('large files come in pieces and are kept', async () => {
    const large = randomBytes(3 * 1024 * 1024);
    const bench = await start({
      fetchFile: async function* (file, bundle) {
        const response = await fetch(new URL(bundle.base + file.path, server.url));
        if (response.body) yield* response.body;
      },
    });
    await bench.cache.apply(server.publish('1', { ...V1, 'film.webm': large }));
    await bench.load();
    bench.cache.rendered();
    const { body, headers } = await bench.get('/film.webm');
    expect(headers['content-type']).toBe('video/webm');
    expect(hash('sha256', body ?? new Uint8Array())).toBe(hash('sha256', large));
  });
});

test('a campus without a UI brings the built-in one back', async () => {
  const bench = await start();
  await activate(bench, '1', V1);
  await bench.cache.apply(undefined);
  expect(bench.reloads.at(-1)).toBe('withdrawn');
  expect(bench.cache.status().state).toBe('empty');
  expect(await bench.load()).toBe(FALLBACK);
  await stop(bench);
  const again = await start();
  expect(await again.load()).toBe(FALLBACK);
});

describe('service', () => {
  test('gives types, refuses to guess, and closes the page to the outside', async () => {
    const bench = await start({ frameOrigins: ['kiosk://display'] });
    await activate(bench, '1', V1);
    const { status, headers } = await bench.get('/app.js');
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'x-content-type-options': 'nosniff',
    });
    const policy = headers['content-security-policy'];
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain('frame-src kiosk://display');
  });

  test('answers unknown paths with the entry for navigations only', async () => {
    const bench = await start();
    await activate(bench, '1', V1);
    expect((await bench.get('/missing.js')).status).toBe(404);
    const deep = await bench.cache.serve({
      method: 'GET',
      url: new URL('kiosk://ui/admin/network'),
      headers: new Map([['accept', 'text/html']]),
    });
    expect(text(deep)).toBe('<p>one');
  });

  test.each(['/..%2f..%2fetc/passwd', '/%2e%2e/x', '/a%00b', '/a%5cb', '/%zz', '//etc/passwd'])(
    'refuses %j, also from the folder of the built-in UI',
    async (path) => {
      const bench = await start();
      const { status } = await bench.get(`kiosk://ui${path}`);
      expect([400, 404]).toContain(status);
    },
  );

  test('takes no method that changes anything', async () => {
    const bench = await start();
    const response = await bench.cache.serve({
      method: 'POST',
      url: new URL('kiosk://ui/'),
      headers: new Map(),
    });
    expect(response.status).toBe(405);
  });
});
