/** A page in the place of the kiosk's UI, with display frames in a real Chromium. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  chromium,
  type Frame,
  type Page,
} from 'playwright-core';
import { build } from 'vite';
import { createDisplayServer } from '../../main/sessions/spice/serve.ts';
import type { FrameMessage, PageMessage } from '../../renderer/display/protocol.ts';

export const UI_ORIGIN = 'https://kiosk.vestibule.invalid';
export const DISPLAY_ORIGIN = 'https://display.vestibule.invalid';

export interface DisplayPage {
  readonly page: Page;
  /** Console errors and failed policies, with their text. */
  readonly problems: string[];
  /** Puts a frame with this address into the page. */
  show(id: string, url: string): Promise<Frame>;
  remove(id: string): Promise<void>;
  messages(id: string): Promise<FrameMessage[]>;
  /** Waits for the frame's next message of this type, beyond the first `skip` of them. */
  message<T extends FrameMessage['type']>(
    id: string,
    type: T,
    skip?: number,
  ): Promise<Extract<FrameMessage, { type: T }>>;
  post(id: string, message: PageMessage): Promise<void>;
  /** Red, green, blue of a place in the guest's picture. */
  pixel(frame: Frame, x: number, y: number): Promise<readonly number[]>;
  close(): Promise<void>;
}

/**
 * Chromium as tests may run it: as root, quiet, and reaching the loopback interface.
 * @param onDisplay the environment of an X display, for a window; absent: headless
 */
export async function launchChromium(
  args: readonly string[] = [],
  onDisplay?: Record<string, string>,
): Promise<Browser> {
  return await chromium.launch({
    executablePath: '/usr/bin/chromium',
    ...(onDisplay ? { headless: false, env: onDisplay } : {}),
    args: [
      '--no-sandbox',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--disable-quic',
      '--autoplay-policy=no-user-gesture-required',
      '--disable-features=LocalNetworkAccessChecks',
      ...args,
    ],
  });
}

export async function openDisplayPage(
  browser: Browser,
  options: {
    width?: number;
    height?: number;
    /** Of a Chromium on a display: its window fills the screen. */
    wholeWindow?: boolean;
  } = {},
): Promise<DisplayPage> {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-display-'));
  await build({
    configFile: join(import.meta.dirname, '..', '..', 'vite.display.config.ts'),
    build: { outDir: folder },
    logLevel: 'error',
  });
  const serve = createDisplayServer({ folder, uiOrigin: UI_ORIGIN });
  const context = await browser.newContext({
    viewport: options.wholeWindow
      ? null
      : { width: options.width ?? 800, height: options.height ?? 600 },
  });
  await routeOrigins(context, serve);
  const page = await context.newPage();
  if (options.wholeWindow) {
    const session = await context.newCDPSession(page);
    const { windowId } = await session.send('Browser.getWindowForTarget');
    await session.send('Browser.setWindowBounds', {
      windowId,
      bounds: { windowState: 'fullscreen' },
    });
  }
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', (error) => problems.push(error.message));
  await page.goto(`${UI_ORIGIN}/`);
  return {
    page,
    problems,
    async show(id, url) {
      await page.evaluate(
        ([frameId, address]) => {
          const frame = document.createElement('iframe');
          frame.id = frameId;
          frame.title = frameId;
          frame.src = address;
          frame.allow = 'autoplay; clipboard-read; clipboard-write';
          document.body.append(frame);
        },
        [id, url] as const,
      );
      const element = await page.waitForSelector(`#${id}`);
      const frame = await element.contentFrame();
      if (frame === null) throw new Error('no frame');
      return frame;
    },
    async remove(id) {
      await page.evaluate((frameId) => document.getElementById(frameId)?.remove(), id);
    },
    async messages(id) {
      return await page.evaluate((frameId) => window.frameMessages[frameId] ?? [], id);
    },
    async message(id, type, skip = 0) {
      const handle = await page.waitForFunction(
        ([frameId, wanted, skipped]) =>
          (window.frameMessages[frameId] ?? []).filter((message) => message.type === wanted)[
            skipped
          ],
        [id, type, skip] as const,
        { timeout: 60_000 },
      );
      return (await handle.jsonValue()) as Extract<FrameMessage, { type: typeof type }>;
    },
    async post(id, message) {
      await page.evaluate(
        ([frameId, value, origin]) => {
          const frame = document.getElementById(frameId);
          if (frame instanceof HTMLIFrameElement) frame.contentWindow?.postMessage(value, origin);
        },
        [id, message, DISPLAY_ORIGIN] as const,
      );
    },
    async pixel(frame, x, y) {
      return await frame.evaluate(
        ([left, top]) => {
          const canvas = document.querySelector<HTMLCanvasElement>('canvas:last-of-type');
          const context = canvas?.getContext('2d');
          return [...(context?.getImageData(left, top, 1, 1).data ?? [])].slice(0, 3);
        },
        [x, y] as const,
      );
    },
    async close() {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

declare global {
  interface Window {
    frameMessages: Record<string, FrameMessage[]>;
  }
}

/** What the page around the frames does: it keeps what each of them said. */
const HARNESS = `<!doctype html><title>UI</title>
<style>html,body{margin:0;height:100%}body{display:flex}iframe{flex:1;border:0;min-width:0}</style>
<body><script>
window.frameMessages = {};
addEventListener('message', (event) => {
  if (event.origin !== ${JSON.stringify(DISPLAY_ORIGIN)}) return;
  for (const frame of document.querySelectorAll('iframe'))
    if (frame.contentWindow === event.source)
      (window.frameMessages[frame.id] ??= []).push(event.data);
});
</script>`;

async function routeOrigins(
  context: BrowserContext,
  serve: ReturnType<typeof createDisplayServer>,
): Promise<void> {
  await context.route(`${UI_ORIGIN}/**`, (route) =>
    route.fulfill({ contentType: 'text/html', body: HARNESS }),
  );
  await context.route(`${DISPLAY_ORIGIN}/**`, async (route) => {
    const request = route.request();
    const { status, headers, body } = await serve({
      method: request.method(),
      url: new URL(request.url()),
    });
    await route.fulfill({ status, headers, ...(body ? { body: Buffer.from(body) } : {}) });
  });
}
