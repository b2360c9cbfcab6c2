/**
 * The built UI in a real Chromium, with a fake kiosk: served from loopback under the policy that
 * the shells give it, with a second origin for the displays' frames.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { type FakeKioskControl, type FakeScenario, installFakeKiosk } from './fake-kiosk.ts';
import { NOW, scenario, TIME_ZONE } from './fake-scenario.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

/** A display frame that speaks the protocol and shows a picture of its own. */
const FRAME = `<!doctype html><title>display</title><body style="margin:0;background:#123a5c">
<canvas width="1280" height="720" style="width:100%;height:100%"></canvas><script>
const c = document.querySelector('canvas').getContext('2d');
c.fillStyle = '#123a5c'; c.fillRect(0, 0, 1280, 720);
c.fillStyle = '#dfe5ee'; c.font = '28px DejaVu Sans Mono';
c.fillText('debian login: _', 40, 80);
window.keys = []; window.said = [];
addEventListener('keydown', (event) => keys.push(event.key));
addEventListener('message', (event) => said.push(event.data));
window.say = (message) => parent.postMessage(message, '*');
say({ type: 'ready', width: 1280, height: 720 });
</script>`;

export interface UiBrowser {
  readonly frameUrl: string;
  open(change?: Partial<FakeScenario>, options?: OpenOptions): Promise<UiPage>;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly locale?: string;
  readonly reducedMotion?: 'reduce' | 'no-preference';
  /** The page gets no `window.kiosk` at all. */
  readonly withoutKiosk?: boolean;
  /** Let the page's clock run; else it stands at 14:36:40. */
  readonly runningClock?: boolean;
  /** The test can wind the page's clock forward, and stop it. */
  readonly fakeTimers?: boolean;
}

export interface UiPage {
  readonly page: Page;
  /** What the page complained about: policy violations, errors in the console, uncaught ones. */
  readonly complaints: string[];
  /** Runs with the fake's control inside the page. */
  control<A>(act: (fake: FakeKioskControl, argument: A) => unknown, argument: A): Promise<void>;
  /** Names of the calls so far. */
  calls(): Promise<{ name: string; params: unknown }[]>;
  close(): Promise<void>;
}

/** Builds the UI and starts servers and browser. */
export async function startUiBrowser(): Promise<UiBrowser> {
  // Apart from dist, which another test may be serving at this moment.
  const outDir = await mkdtemp(join(tmpdir(), 'vestibule-ui-'));
  await build({
    configFile: join(ROOT, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir, emptyOutDir: true },
  });

  const displays = await listen((_path) => ({ type: '.html', body: FRAME, headers: {} }));
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "font-src 'self'",
    "connect-src 'self'",
    `frame-src ${displays.origin}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const ui = await listen(async (path) => ({
    type: extname(path) || '.html',
    body: await readFile(join(outDir, path === '/' ? 'index.html' : path)),
    headers: { 'content-security-policy': policy, 'x-content-type-options': 'nosniff' },
  }));
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--font-render-hinting=none',
    ],
  });

  return {
    frameUrl: `${displays.origin}/`,
    open: (change = {}, options = {}) =>
      openPage(browser, ui.origin, { frameUrl: `${displays.origin}/`, ...change }, options),
    async close() {
      await browser.close();
      await Promise.all([ui.close(), displays.close()]);
      await rm(outDir, { recursive: true, force: true });
    },
  };
}

async function openPage(
  browser: Browser,
  origin: string,
  change: Partial<FakeScenario>,
  options: OpenOptions,
): Promise<UiPage> {
  const context: BrowserContext = await browser.newContext({
    viewport: options.viewport ?? { width: 1280, height: 800 },
    timezoneId: TIME_ZONE,
    locale: options.locale ?? 'en-GB',
    reducedMotion: options.reducedMotion ?? 'no-preference',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  if (options.fakeTimers === true) await page.clock.install({ time: NOW });
  else if (options.runningClock !== true) await page.clock.setFixedTime(NOW);
  if (options.withoutKiosk !== true) {
    await page.addInitScript(
      `(${installFakeKiosk.toString()})(${JSON.stringify(scenario(change))})`,
    );
  }
  await page.goto(`${origin}/`);
  return {
    page,
    complaints,
    async control(act, argument) {
      await page.evaluate(
        `(${act.toString()})(globalThis.fakeKiosk, ${JSON.stringify(argument ?? null)})`,
      );
    },
    calls: () => page.evaluate('globalThis.fakeKiosk.calls'),
    close: () => context.close(),
  };
}

interface Served {
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers: Record<string, string>;
}

async function listen(
  serve: (path: string) => Served | Promise<Served>,
): Promise<{ origin: string; close(): Promise<void> }> {
  const server: Server = createServer((request, response) => {
    Promise.resolve(serve(new URL(request.url ?? '/', 'http://localhost').pathname)).then(
      ({ type, body, headers }) => {
        response.writeHead(200, { ...headers, 'content-type': TYPES[type] ?? 'text/plain' });
        response.end(body);
      },
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no address');
  return {
    origin: `http://127.0.0.1:${address.port}`,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
