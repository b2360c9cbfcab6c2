/** A real machine's display in a real Chromium, through the bridge. */
import type { Browser, Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { silentLogger } from '../../main/log/logger.ts';
import { createSpiceBridge, type SpiceBridge } from '../../main/sessions/spice/bridge.ts';
import {
  DISPLAY_ORIGIN,
  type DisplayPage,
  launchChromium,
  openDisplayPage,
  UI_ORIGIN,
} from '../support/display-page.ts';
import { startGuest, type TestGuest } from '../support/guest.ts';

const RED = [255, 0, 0];
const BLACK = [0, 0, 0];
const WHITE = [255, 255, 255];
/** evdev codes (linux/input-event-codes.h). */
const BTN_LEFT = 272;

let guest: TestGuest;
let browser: Browser;
let display: DisplayPage;
let bridge: SpiceBridge;

beforeAll(async () => {
  [guest, browser] = await Promise.all([
    startGuest({ password: 'hunter2-ticket', sound: true }),
    launchChromium(),
  ]);
  display = await openDisplayPage(browser);
});

afterAll(async () => {
  await display?.close();
  await browser?.close();
  await guest?.kill();
});

beforeEach(async () => {
  bridge = createSpiceBridge({
    log: silentLogger,
    displayOrigin: DISPLAY_ORIGIN,
    uiOrigin: UI_ORIGIN,
    returnChord: 'Ctrl+Alt+Home',
  });
  await display.page.goto(`${UI_ORIGIN}/`);
  await display.page.setViewportSize({ width: 800, height: 600 });
});

afterEach(() => bridge.end());

async function address(session = 'one', machine = guest): Promise<string> {
  const { frameUrl } = await bridge.open(session, {
    type: 'spice-socket',
    path: machine.socket,
    password: machine.password,
  });
  return frameUrl;
}

async function shown(id = 'a'): Promise<Frame> {
  const frame = await display.show(id, await address());
  await display.message(id, 'ready');
  return frame;
}

test('the guest’s picture is drawn, every quarter in its colour', async () => {
  const frame = await shown();
  const { width, height } = (await display.messages('a'))
    .filter((message) => message.type === 'ready')
    .at(-1) ?? { width: 0, height: 0 };
  for (const [x, y, colour] of [
    [4, 4, RED],
    [width - 5, 4, [0, 255, 0]],
    [4, height - 5, [0, 0, 255]],
    [width - 5, height - 5, [255, 255, 0]],
    [width / 2, height / 2, BLACK],
  ] as const) {
    await expect.poll(() => display.pixel(frame, x, y)).toEqual(colour);
  }
  expect(display.problems).toEqual([]);
});

test('keys arrive, and a held key is let go when the frame loses the keyboard', async () => {
  const frame = await shown();
  await display.page.mouse.click(50, 50);
  const before = guest.lines.length;
  await display.page.keyboard.down('KeyQ');
  await guest.waitFor(/^KEY 16 1/, { after: before });
  await expect.poll(() => display.pixel(frame, 400, 300)).toEqual(WHITE);
  await display.page.evaluate(() => window.focus());
  await frame.evaluate(() => window.dispatchEvent(new Event('blur')));
  await guest.waitFor(/^KEY 16 0/, { after: before });
  await display.page.keyboard.up('KeyQ');
  await expect.poll(() => display.pixel(frame, 400, 300)).toEqual(BLACK);
});

test('the return chord is the page’s; Ctrl+Alt+F1 and Ctrl+Alt+Delete are the guest’s', async () => {
  await shown();
  await display.page.mouse.click(50, 50);
  const before = guest.lines.length;
  await display.page.keyboard.press('Control+Alt+Home');
  await display.message('a', 'chord');
  await display.page.keyboard.press('Control+Alt+F1');
  await guest.waitFor(/^KEY 59 0/, { after: before });
  await display.post('a', { type: 'ctrl-alt-delete' });
  await guest.waitFor(/^KEY 111 0/, { after: before });
  await guest.waitFor(/^KEY 29 0/, { after: guest.lines.indexOf('KEY 111 0', before) });
  const keys = guest.lines.slice(before).filter((line) => line.startsWith('KEY'));
  // Home (102) never came, and what was held at the chord was let go.
  expect(keys.some((line) => line.startsWith('KEY 102'))).toBe(false);
  for (const code of [29, 56, 59, 111]) {
    const events = keys.filter((line) => line.startsWith(`KEY ${code} `));
    expect(events.at(-1), `key ${code}`).toBe(`KEY ${code} 0`);
  }
});

test('pointer, buttons and wheel arrive where the picture was clicked, also when it is scaled', async () => {
  await shown();
  const before = guest.lines.length;
  await display.page.mouse.click(400, 150);
  await guest.waitFor(new RegExp(`^KEY ${BTN_LEFT} 0`), { after: before });
  const [, x = 0, y = 0] =
    /^POS (\d+) (\d+)/
      .exec(guest.lines.slice(before).findLast((line) => line.startsWith('POS')) ?? '')
      ?.map(Number) ?? [];
  expect(x / 32767).toBeCloseTo(0.5, 2);
  expect(y / 32767).toBeCloseTo(0.25, 2);
  await display.page.mouse.wheel(0, 120);
  await guest.waitFor(/^REL 8 -1/, { after: before });
  await display.page.mouse.wheel(0, -120);
  await guest.waitFor(/^REL 8 1/, { after: before });

  // Too small a frame to ask the guest for its size: the picture is scaled.
  await display.page.setViewportSize({ width: 300, height: 225 });
  const scaled = guest.lines.length;
  await display.page.mouse.click(150, 112);
  await guest.waitFor(new RegExp(`^KEY ${BTN_LEFT} 0`), { after: scaled });
  const [, middleX = 0, middleY = 0] =
    /^POS (\d+) (\d+)/
      .exec(guest.lines.slice(scaled).findLast((line) => line.startsWith('POS')) ?? '')
      ?.map(Number) ?? [];
  expect(middleX / 32767).toBeCloseTo(0.5, 1);
  expect(middleY / 32767).toBeCloseTo(0.5, 1);
});

test('the guest takes the frame’s size', async () => {
  const frame = await shown();
  const before = guest.lines.length;
  await display.page.setViewportSize({ width: 1024, height: 700 });
  await guest.waitFor(/^MODE 1024 700/, { after: before });
  await expect.poll(() => display.pixel(frame, 1020, 4)).toEqual([0, 255, 0]);
  await display.page.setViewportSize({ width: 800, height: 600 });
  await guest.waitFor(/^MODE 800 600/, { after: before });
});

test('text is copied out of the guest and into it', async () => {
  await shown();
  await guest.command('copy straße → 日本');
  expect((await display.message('a', 'clipboard')).text).toBe('straße → 日本');
  const before = guest.lines.length;
  const text = `é${'x'.repeat(5_000)}`;
  await display.post('a', { type: 'clipboard', text });
  expect(await guest.waitFor(/^CLIP é/, { after: before })).toBe(`CLIP ${text}`);
});

test('the guest is heard', async () => {
  const frame = await shown();
  await guest.command('tone 440');
  const played = (): Promise<number> =>
    frame.evaluate(() => document.querySelector('audio')?.currentTime ?? 0);
  await expect.poll(played).toBeGreaterThan(0.5);
  await guest.command('tone 0');
});

test('a used address shows nothing, and a foreign page cannot open the bridge', async () => {
  const url = await address();
  await display.show('a', url);
  await display.message('a', 'ready');
  await display.show('thief', url);
  expect((await display.message('thief', 'lost')).code).toBe('REMOTE_LOST');
  const [bridgeHost, token] = ['bridge', 'token'].map(
    (name) => new URLSearchParams(new URL(url).hash.slice(1)).get(name) ?? '',
  );
  expect(
    await display.page.evaluate(
      ([host, used]) =>
        new Promise((resolve) => {
          const socket = new WebSocket(`ws://${host}/spice/${used}`, 'binary');
          socket.onopen = () => resolve('open');
          socket.onerror = () => resolve('refused');
        }),
      [bridgeHost, token],
    ),
  ).toBe('refused');
  expect((await display.messages('a')).map((message) => message.type)).not.toContain('lost');
});

test('a wrong ticket ends the frame with its reason', async () => {
  const { frameUrl } = await bridge.open('one', {
    type: 'spice-socket',
    path: guest.socket,
    password: 'wrong',
  });
  await display.show('a', frameUrl);
  expect((await display.message('a', 'ended')).code).toBe('REMOTE_CREDENTIALS_WRONG');
});

test('the page holds the password nowhere', async () => {
  const frame = await shown();
  const context = display.page.context();
  // The frame's origin has a process of its own where Chromium isolates sites, else the page's.
  const session = await context
    .newCDPSession(frame)
    .catch(() => context.newCDPSession(display.page));
  const chunks: string[] = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => chunks.push(chunk));
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  const heap = chunks.join('');
  // It is the heap of the frame that draws.
  expect(heap).toContain('spice_surface_0');
  expect(heap).not.toContain(guest.password);
});

test('a lost connection greys the picture and comes back at a fresh address', async () => {
  const frame = await shown();
  bridge.close('one');
  expect((await display.message('a', 'ended')).code).toBeNull();
  expect(await frame.locator('#screen.lost canvas').count()).toBe(1);
  await display.post('a', { type: 'connect', url: await address() });
  await display.message('a', 'ready', 1);
  expect(await frame.locator('#screen.lost').count()).toBe(0);
  expect(await frame.locator('canvas').count()).toBe(1);
  await expect.poll(() => display.pixel(frame, 4, 4)).toEqual(RED);
});

test('two machines side by side; one dies, the other goes on', async () => {
  const other = await startGuest({ size: [640, 480] });
  try {
    const first = await shown('a');
    await display.show('b', await address('two', other));
    await display.message('b', 'ready');
    await other.kill();
    expect((await display.message('b', 'lost')).code).toBe('REMOTE_LOST');
    // Its fresh address leads nowhere: the frame says so, and gives up in the end.
    await display.post('b', { type: 'connect', url: await address('two', other) });
    expect((await display.message('b', 'lost', 1)).code).toBe('DISPLAY_UNAVAILABLE');
    const before = guest.lines.length;
    await display.page.mouse.click(50, 300);
    await display.page.keyboard.press('KeyM');
    await guest.waitFor(/^KEY 50 0/, { after: before });
    expect(await display.pixel(first, 4, 4)).toEqual(RED);
    await display.remove('b');
    expect(await display.pixel(first, 4, 4)).toEqual(RED);
  } finally {
    await other.kill();
  }
});
