import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { silentLogger } from '../../../main/log/logger.ts';
import type { OriginRequest, OriginResponse } from '../../../main/uicache/api.ts';
import { createPageCache, type PageCacheOptions } from '../../../main/uicache/pages.ts';
import type { FetchPage, PageCache } from '../../../main/uicache/pages-api.ts';
import { temporaryFolder, text } from '../../support/uicache.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Server;
let origin: string;
let routes: Record<string, Answer>;
let asked: string[];
let online: boolean;
let open: PageCache[];

/** A real HTTP client that follows nothing, as the campus client is. */
const fetchPage: FetchPage = async ({ url, method, headers, body, signal }) => {
  if (!online) throw new Error('no network');
  const sent = body === undefined ? {} : { body: new Uint8Array(body) };
  const response = await fetch(url, { method, headers, ...sent, signal, redirect: 'manual' });
  const answered: Record<string, string | string[]> = Object.fromEntries(response.headers);
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) answered['set-cookie'] = cookies;
  return { status: response.status, headers: answered, body: await response.bytes() };
};

beforeEach(async () => {
  folder = await temporaryFolder();
  routes = {};
  asked = [];
  open = [];
  online = true;
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const route = routes[request.url ?? ''];
    if (route) route(request, response);
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.map((cache) => cache.close()));
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await folder.remove();
});

async function start(options: Partial<PageCacheOptions> = {}): Promise<PageCache> {
  const cache = await createPageCache({
    folder: folder.path,
    fetchPage,
    log: silentLogger,
    ...options,
  });
  open.push(cache);
  return cache;
}

function request(path: string, headers: Record<string, string> = {}): OriginRequest {
  const all = { accept: 'text/html', ...headers };
  return { method: 'GET', url: new URL(path, origin), headers: new Map(Object.entries(all)) };
}

function page(body: string, headers: Record<string, string> = {}): Answer {
  return (_, response) =>
    response.writeHead(200, { 'content-type': 'text/html', ...headers }).end(body);
}

/** Time passes for the rules of HTTP, which read the clock; timers go on. */
function later(seconds: number): void {
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'] });
  vi.setSystemTime(now + seconds * 1000);
}

function shown(response: OriginResponse | undefined): string | undefined {
  return response && text(response);
}

describe('network first', () => {
  test('a page is asked for each time, and shown with its age when nobody answers', async () => {
    const cache = await start();
    routes['/'] = page('first', { 'cache-control': 'max-age=60' });
    expect(text(await cache.handle(request('/')))).toBe('first');
    routes['/'] = page('second', { 'cache-control': 'max-age=60' });
    expect(text(await cache.handle(request('/')))).toBe('second');
    online = false;
    later(3600);
    const kept = await cache.handle(request('/#part'));
    expect(text(kept)).toBe('second');
    expect(Number(kept.headers.age)).toBeGreaterThanOrEqual(3600);
    expect(kept.headers['cache-status']).toContain('fwd=stale');
  });

  test('it survives a restart', async () => {
    const cache = await start();
    routes['/'] = page('kept');
    await cache.handle(request('/'));
    await cache.close();
    open = [];
    online = false;
    expect(shown(await (await start()).lookup(request('/')))).toBe('kept');
  });

  test('an answer of 500 and above shows the kept copy; without one, the answer', async () => {
    const cache = await start();
    routes['/'] = page('kept');
    await cache.handle(request('/'));
    routes['/'] = routes['/new'] = (_, response) => response.writeHead(503).end('down');
    expect(text(await cache.handle(request('/')))).toBe('kept');
    expect(await cache.handle(request('/new'))).toMatchObject({ status: 503 });
    online = false;
    expect(await cache.handle(request('/new'))).toMatchObject({ status: 504 });
  });

  test('a server that says "not modified" sends nothing again', async () => {
    const cache = await start();
    const conditions: unknown[] = [];
    routes['/'] = (incoming, response) => {
      conditions.push(incoming.headers['if-none-match']);
      if (incoming.headers['if-none-match'] === '"1"')
        response.writeHead(304, { 'x-new': 'yes' }).end();
      else response.writeHead(200, { etag: '"1"', 'content-type': 'text/html' }).end('body');
    };
    await cache.handle(request('/'));
    const again = await cache.lookup(request('/')).then(() => cache.handle(request('/')));
    expect(conditions).toEqual([undefined, '"1"']);
    expect(again).toMatchObject({ status: 200, headers: { 'x-new': 'yes' } });
    expect(text(again)).toBe('body');
  });

  test('fresh pictures and styles are not asked for again', async () => {
    const cache = await start();
    routes['/a.css'] = (_, response) =>
      response
        .writeHead(200, { 'content-type': 'text/css', 'cache-control': 'max-age=60' })
        .end('p{}');
    const style = request('/a.css', { accept: 'text/css', 'sec-fetch-dest': 'style' });
    await cache.handle(style);
    await cache.lookup(style);
    expect(text(await cache.handle(style))).toBe('p{}');
    expect(asked).toEqual(['/a.css']);
  });

  test.each([
    ['no-store', { 'cache-control': 'no-store' }],
    ['private', { 'cache-control': 'private, max-age=60' }],
    ['Vary: *', { vary: '*' }],
  ])('%s is never kept', async (_, headers) => {
    const cache = await start();
    routes['/'] = page('secret', headers);
    await cache.handle(request('/'));
    online = false;
    expect(await cache.lookup(request('/'))).toBeUndefined();
  });

  test('what must be revalidated is not shown stale; stale-if-error says for how long', async () => {
    const cache = await start();
    routes['/strict'] = page('strict', { 'cache-control': 'max-age=60, must-revalidate' });
    routes['/hour'] = page('hour', { 'cache-control': 'max-age=60, stale-if-error=3600' });
    await cache.handle(request('/strict'));
    await cache.handle(request('/hour'));
    online = false;
    expect(shown(await cache.lookup(request('/strict')))).toBe('strict');
    later(120);
    expect(await cache.lookup(request('/strict'))).toBeUndefined();
    expect(shown(await cache.lookup(request('/hour')))).toBe('hour');
    later(3 * 3600);
    expect(await cache.lookup(request('/hour'))).toBeUndefined();
  });

  test('variants are kept apart', async () => {
    const cache = await start();
    routes['/'] = (incoming, response) =>
      response
        .writeHead(200, { 'content-type': 'text/html', vary: 'Accept-Language' })
        .end(incoming.headers['accept-language']);
    await cache.handle(request('/', { 'accept-language': 'fr' }));
    await cache.handle(request('/', { 'accept-language': 'de' }));
    online = false;
    expect(shown(await cache.lookup(request('/', { 'accept-language': 'fr' })))).toBe('fr');
    expect(shown(await cache.lookup(request('/', { 'accept-language': 'de' })))).toBe('de');
    expect(await cache.lookup(request('/', { 'accept-language': 'es' }))).toBeUndefined();
  });

  test("one person's page is not shown to the next; cookies are passed on and never kept", async () => {
    const cache = await start();
    routes['/'] = (incoming, response) =>
      response
        .writeHead(200, {
          'content-type': 'text/html',
          'set-cookie': ['a=1', 'b=2'],
          'cache-control': 'max-age=60',
        })
        .end(`for ${incoming.headers.cookie}`);
    const live = await cache.handle(request('/', { cookie: 'id=ada' }));
    expect(live.cookies).toEqual(['a=1', 'b=2']);
    online = false;
    const kept = await cache.lookup(request('/', { cookie: 'id=ada' }));
    expect(shown(kept)).toBe('for id=ada');
    expect(kept?.headers).not.toHaveProperty('set-cookie');
    expect(await cache.lookup(request('/', { cookie: 'id=bob' }))).toBeUndefined();
    expect(await cache.lookup(request('/'))).toBeUndefined();
  });

  test('other methods are the network’s own', async () => {
    const cache = await start();
    let state = 'before';
    routes['/'] = async (query, response) => {
      if (query.method === 'POST') {
        state = Buffer.concat(await query.toArray()).toString('utf8');
        response.writeHead(303, { location: '/', 'set-cookie': ['a=1', 'b=2'] }).end();
      } else page(state, { 'cache-control': 'max-age=60' })(query, response);
    };
    expect(shown(await cache.handle(request('/')))).toBe('before');
    const post = { ...request('/'), method: 'POST', body: new TextEncoder().encode('sent') };
    expect(await cache.handle(post)).toMatchObject({ status: 303, cookies: ['a=1', 'b=2'] });
    expect(await cache.lookup(post)).toBeUndefined();
    // What was kept of the address is no longer true.
    expect(await cache.lookup(request('/'))).toBeUndefined();
    expect(shown(await cache.handle(request('/')))).toBe('sent');
    online = false;
    expect(await cache.handle(post)).toMatchObject({ status: 504, body: null });
    expect(shown(await cache.lookup(request('/')))).toBe('sent');
  });

  test('the pages unused for longest make room', async () => {
    const cache = await start({ maxBytes: 50_000 });
    for (let number = 0; number < 10; number++) {
      routes[`/${number}`] = page(String(number).repeat(8_000));
      await cache.handle(request(`/${number}`));
      // Shown at each step, so never the one unused for longest.
      await cache.lookup(request('/0'));
      later(1);
    }
    online = false;
    expect(shown(await cache.lookup(request('/0')))).toHaveLength(8_000);
    expect(shown(await cache.lookup(request('/9')))).toHaveLength(8_000);
    expect(await cache.lookup(request('/1'))).toBeUndefined();
  });
});

describe('saved pages', () => {
  const save = (cache: PageCache, urls: string[]) =>
    cache.save(
      urls.map((url) => new URL(url, origin).href),
      { collection: 'library', signal: AbortSignal.timeout(20_000) },
    );

  beforeEach(() => {
    routes['/'] = page(`<link rel=stylesheet href="s/main.css"><script src="/app.js"></script>
      <img src="a.png" srcset="a2.png 2x"><style>h1{background:url(bg.png)}</style>
      <img src="https://elsewhere.example/track.gif"><a href="/not-followed">x</a>`);
    const file =
      (type: string, body = type): Answer =>
      (_, response) =>
        response.writeHead(200, { 'content-type': type }).end(body);
    routes['/s/main.css'] = file('text/css', '@import "more.css"; p{background:url("../b.png")}');
    routes['/s/more.css'] = file('text/css');
    routes['/app.js'] = file('text/javascript');
    for (const name of ['a', 'a2', 'b', 'bg']) routes[`/${name}.png`] = file('image/png');
  });

  test('come with all that they are made of, and nothing else', async () => {
    const cache = await start();
    const { savedAt, kept, skipped } = await save(cache, ['/']);
    expect(asked.sort()).toEqual(
      [
        '/',
        '/a.png',
        '/a2.png',
        '/app.js',
        '/b.png',
        '/bg.png',
        '/s/main.css',
        '/s/more.css',
      ].sort(),
    );
    expect(kept).toBe(8);
    expect(skipped).toEqual([
      { url: 'https://elsewhere.example/track.gif', reason: 'host not listed' },
    ]);
    expect(cache.savedAt('library')).toBe(savedAt);
    online = false;
    expect(shown(await cache.lookup(request('/s/more.css')))).toBe('text/css');
    expect(await cache.lookup(request('/not-followed'))).toBeUndefined();
  });

  test('are shown at any age and with any cookie, also after a restart', async () => {
    const cache = await start();
    routes['/'] = page('old', { 'cache-control': 'max-age=1, must-revalidate' });
    await save(cache, ['/']);
    await cache.close();
    open = [];
    later(90 * 24 * 3600);
    const again = await start();
    expect(again.savedAt('library')).not.toBeNull();
    expect(shown(await again.lookup(request('/', { cookie: 'x=y' })))).toBe('old');
  });

  test('a redirect is kept with its target', async () => {
    const cache = await start();
    routes['/go'] = (_, response) => response.writeHead(302, { location: '/' }).end();
    await save(cache, ['/go']);
    online = false;
    expect(await cache.lookup(request('/go'))).toMatchObject({
      status: 302,
      headers: { location: '/' },
    });
    expect(await cache.lookup(request('/'))).toMatchObject({ status: 200 });
  });

  test('a page that fails keeps what was saved before; a picture that fails is said', async () => {
    const cache = await start();
    await save(cache, ['/']);
    routes['/app.js'] = (_, response) => response.writeHead(500).end();
    const { skipped } = await save(cache, ['/']);
    expect(skipped.map(({ url }) => new URL(url).pathname)).toContain('/app.js');
    const before = cache.savedAt('library');
    await expect(save(cache, ['/', '/missing'])).rejects.toMatchObject({
      code: 'CAMPUS_HTTP_ERROR',
    });
    expect(cache.savedAt('library')).toBe(before);
    online = false;
    expect(await cache.lookup(request('/'))).toMatchObject({ status: 200 });
  });

  test('no-store is not saved either', async () => {
    const cache = await start();
    routes['/'] = page('secret', { 'cache-control': 'no-store' });
    await expect(save(cache, ['/'])).rejects.toMatchObject({ code: 'CAMPUS_BAD_RESPONSE' });
    expect(cache.savedAt('library')).toBeNull();
  });

  test('go when their entry leaves the catalogue', async () => {
    const cache = await start();
    await save(cache, ['/']);
    cache.keepOnly(['other']);
    online = false;
    expect(await cache.lookup(request('/'))).toBeUndefined();
    expect(cache.savedAt('library')).toBeNull();
  });
});
