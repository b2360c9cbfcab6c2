/** What every shell promises of pages of the campus in front of the UI. Run by chromium.test.ts and electron.test.ts. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../main/base/clock.ts';
import { CampusClient } from '../../main/campus/client.ts';
import { Exchanger } from '../../main/campus/exchange.ts';
import { ServerList } from '../../main/campus/servers.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { PagesScreen } from '../../main/pages-screen.ts';
import { createPageCache } from '../../main/uicache/pages.ts';
import type { PageCache } from '../../main/uicache/pages-api.ts';
import {
  type Candidate,
  type Harness,
  insist,
  mailbox,
  startHarness,
  UI,
  until,
} from './harness.ts';

export function pagesConformance(candidate: Candidate): void {
  describe(`${candidate.name}: pages of the campus`, () => {
    let h: Harness;
    let php: Php;
    let foreign: Php;
    let folder: string;
    let cache: PageCache;
    let screen: PagesScreen;
    let mayCover = true;

    beforeAll(async () => {
      h = await startHarness(candidate);
      php = await startPhp();
      foreign = await startPhp();
      await h.run(`return 'the UI';`);
    });
    afterAll(async () => {
      await h?.stop();
      await php?.stop();
      await foreign?.stop();
    });
    beforeEach(async () => {
      mayCover = true;
      h.calls.length = 0;
      h.events.returnChord = 0;
      h.privileged = [];
      php.clear();
      foreign.clear();
    });

    /** The colour in the lower part of the screen, as a person sees it. */
    const pixel = (): string => {
      const args = ['-window', 'root', '-crop', '1x1+640+700', '-depth', '8', 'txt:-'];
      const shot = execFileSync('import', args, { env: h.display.env, encoding: 'utf8' });
      return /#[0-9A-F]{6}/i.exec(shot)?.[0].toLowerCase() ?? '';
    };

    /** Opens what a manifest lists; the function ends it. */
    async function open(pages: {
      start?: string;
      privileged?: string[];
    }): Promise<() => Promise<void>> {
      folder = mkdtempSync(join(tmpdir(), 'vestibule-pages-'));
      const http = client();
      cache = await createPageCache({
        folder,
        fetchPage: (request) => http.fetchPage(request),
        log: silentLogger,
      });
      screen = new PagesScreen({
        open: (options) => h.shell.openPages(options),
        handle: (request) => cache.handle(request),
        texts: () => ({
          title: 'Sciences',
          backLabel: 'Sessions',
          refusedText: 'Not here.',
          unavailable: 'Needs the network.',
          startLabel: 'Start',
        }),
        mayCover: () => mayCover,
        log: silentLogger,
        retryMs: 300,
      });
      screen.apply({ start: php.url, origins: [php.url], privileged: [], ...pages });
      return async () => {
        await screen.close();
        await cache.close();
        rmSync(folder, { recursive: true, force: true });
      };
    }

    test('log in by a form, keep the cookie, have no bridge, and reach nothing else', async () => {
      php.page = `<form method="post" action="/login"><input name="user" value="Ada Ü"></form>
        <iframe src="${foreign.url}/frame"></iframe><img src="${foreign.url}/image">
        <iframe srcdoc="<script>parent.inner = typeof window.kiosk</script>"></iframe>
        <script>onload = async () => {
          const get = (url) => fetch(url, { mode: 'no-cors' }).then(() => 'reached', () => 'refused');
          await say({
            kiosk: typeof window.kiosk, inner: window.inner,
            leaked: Object.getOwnPropertyNames(window).filter((key) => /vestibule/i.test(key)),
            foreign: await get('${foreign.url}/fetch'), ui: await get('${UI}/'),
          });
          document.forms[0].submit();
        };</script>`;
      const end = await open({});
      try {
        expect(await php.said()).toEqual({
          kiosk: 'undefined',
          inner: 'undefined',
          leaked: [],
          foreign: 'refused',
          ui: 'refused',
        });
        // POST, its redirect with two cookies, and the page that reads them.
        expect(await php.said()).toEqual({ home: 'Ada Ü', visible: 'theme=dark' });
        expect(foreign.seen).toEqual([]);
        expect(h.calls).toEqual([]);
      } finally {
        await end();
      }
    });

    test('of a privileged origin have the bridge in their top frame only', async () => {
      php.page = `<iframe src="/frame"></iframe><script>onload = async () => {
        const person = await kiosk.people.continueAsGuest();
        kiosk.on('jobs.changed', (jobs) => say({ jobs }));
        await say({ person: person.id, frame: frames[0].found });
      };</script>`;
      const end = await open({ privileged: [php.url] });
      try {
        h.privileged = [php.url];
        expect(await php.said()).toEqual({ person: 'guest', frame: 'undefined' });
        expect(h.calls.map(({ caller }) => caller)).toEqual([
          { origin: php.url, topFrame: true, load: null },
        ]);
        expect(screen.privileged).toEqual([php.url]);
        h.shell.emit('jobs.changed', []);
        expect(await php.said()).toEqual({ jobs: [] });
        // A campus that takes its word back: the origin has nothing any more.
        screen.apply({ start: php.url, origins: [php.url], privileged: [] });
        expect(screen.privileged).toEqual([]);
        php.page = `<script>say(typeof window.kiosk)</script>`;
        expect(await php.said()).toBe('undefined');
      } finally {
        await end();
      }
    });

    test('come from the cache when the server is gone, and the UI where nothing was kept', async () => {
      php.page = `<link rel="stylesheet" href="/style.css"><script>onload = () => say({
        colour: getComputedStyle(document.body).color }).catch(() => {});</script>`;
      const end = await open({});
      try {
        expect(await php.said()).toEqual({ colour: 'rgb(1, 2, 3)' });
        await until(() => screen.front);
        php.down = true;
        screen.renew();
        await until(() => !screen.front);
        // The server is gone; what answers is kept. A script cannot tell: the window can.
        await until(() => screen.front);
        await until(() => pixel() === '#0a141e');
        // Another start page, which was never seen: the UI shows, and the pages when they can be had.
        screen.apply({ start: `${php.url}/other`, origins: [php.url], privileged: [] });
        await until(() => pixel() !== '#0a141e');
        expect(screen.front).toBe(false);
        php.down = false;
        expect(await php.said()).toEqual({ colour: 'rgb(1, 2, 3)' });
        await until(() => screen.front);
      } finally {
        await end();
      }
    });

    test('the strip and the chord lead to the UI; who works there is left alone', async () => {
      php.page = `<script>say('up')</script>`;
      const end = await open({});
      try {
        expect(await php.said()).toBe('up');
        await until(() => screen.front);
        const returned = (): Promise<void> => until(() => h.events.returnChord > 0);
        await insist(() => h.key('ctrl+alt+Home'), returned());
        h.events.returnChord = 0;
        await insist(() => h.click(680, 18), returned());
        expect(screen.toggle()).toBe(true);
        expect(screen.front).toBe(false);
        mayCover = false;
        screen.apply({ start: `${php.url}/again`, origins: [php.url], privileged: [] });
        expect(await php.said()).toBe('up');
        await until(() => screen.toggle());
        expect(screen.front).toBe(true);
      } finally {
        await end();
      }
    });
  });
}

/** The client that the kiosk has for pages. */
function client(): CampusClient {
  const exchanger = new Exchanger({
    limits: { connectMs: 5_000, responseMs: 5_000, minBytesPerSecond: 1, rateWindowMs: 20_000 },
    userAgent: 'test',
    allowPlainServices: false,
    mayRedirectTo: () => false,
  });
  return new CampusClient({
    exchanger,
    pageExchanger: exchanger,
    servers: new ServerList({ configured: [], clock: systemClock, random: Math.random }),
    attempts: 1,
    random: Math.random,
    onTrouble: () => {},
  });
}

/** A server as PHP would be one: a form, a redirect with cookies, a page that reads them. */
interface Php {
  readonly url: string;
  /** The body of every page but the form's target; may call `say`. */
  page: string;
  /** Cuts connections off. */
  down: boolean;
  readonly seen: string[];
  said(): Promise<unknown>;
  /** Answers again, and forgets what was asked and said. */
  clear(): void;
  stop(): Promise<void>;
}

async function startPhp(): Promise<Php> {
  const words = mailbox<unknown>();
  const seen: string[] = [];
  const state = { page: '', down: false };
  const html = (body: string): string => `<!doctype html><meta charset="utf-8">
    <body style="background:#0a141e"><script>const say = (value) =>
    fetch('/say', { method: 'POST', body: JSON.stringify(value) });</script>${body}`;
  const server: Server = createServer(async (request, response) => {
    if (state.down) {
      request.socket.destroy();
      return;
    }
    const path = request.url ?? '/';
    seen.push(path);
    const type = { 'content-type': 'text/html; charset=utf-8' };
    if (path === '/say') {
      words.put(JSON.parse(await text(request)));
      response.writeHead(204).end();
    } else if (path === '/login' && request.method === 'POST') {
      const user = new URLSearchParams(await text(request)).get('user') ?? '';
      response
        .writeHead(303, {
          location: '/home',
          'set-cookie': [
            `user=${encodeURIComponent(user)}; HttpOnly; Path=/`,
            'theme=dark; Path=/',
          ],
        })
        .end();
    } else if (path === '/home') {
      const user = /user=([^;]*)/.exec(request.headers.cookie ?? '')?.[1] ?? 'nobody';
      const name = JSON.stringify(decodeURIComponent(user));
      response
        .writeHead(200, type)
        .end(html(`<script>say({ home: ${name}, visible: document.cookie })</script>`));
    } else if (path === '/style.css') {
      response.writeHead(200, { 'content-type': 'text/css' }).end('body{color:rgb(1,2,3)}');
    } else if (path === '/frame') {
      response.writeHead(200, type).end('<script>window.found = typeof window.kiosk</script>');
    } else response.writeHead(200, type).end(html(state.page));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    seen,
    get page() {
      return state.page;
    },
    set page(page) {
      state.page = page;
    },
    get down() {
      return state.down;
    },
    set down(down) {
      state.down = down;
      if (down) server.closeAllConnections();
    },
    said: () => words.take(),
    clear() {
      state.down = false;
      seen.length = 0;
      words.clear();
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
