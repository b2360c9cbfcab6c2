/**
 * The keyboard as X11 delivers it, in three layouts: what was pressed is what the guest gets,
 * key for key, whatever the kiosk's layout makes of it (dead keys, AltGr, other letters).
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../main/log/logger.ts';
import { createSpiceBridge, type SpiceBridge } from '../../main/sessions/spice/bridge.ts';
import { type Display, startDisplay } from '../support/display.ts';
import {
  DISPLAY_ORIGIN,
  type DisplayPage,
  launchChromium,
  openDisplayPage,
  UI_ORIGIN,
} from '../support/display-page.ts';
import { startGuest, type TestGuest } from '../support/guest.ts';

const run = promisify(execFile);
const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => from + index);
/**
 * evdev codes of a PC keyboard with 105 keys, but for PrintScreen (99), which the test's window
 * manager takes, and the locks, which come last and twice: a lock on changes nothing for later.
 */
const KEYS = [
  ...range(1, 57),
  ...range(59, 68),
  ...range(71, 83),
  ...[86, 87, 88, 96, 97, 98, 100],
  ...range(102, 111),
  ...[119, 125, 126, 127],
  ...[58, 58, 69, 69],
  // The end of the row.
  1,
];

let screen: Display;
let guest: TestGuest;
let browser: Browser;
let display: DisplayPage;
let bridge: SpiceBridge;

beforeAll(async () => {
  [screen, guest] = await Promise.all([startDisplay([1024, 768]), startGuest()]);
  browser = await launchChromium(['--start-maximized'], screen.env);
  display = await openDisplayPage(browser);
  bridge = createSpiceBridge({
    log: silentLogger,
    displayOrigin: DISPLAY_ORIGIN,
    uiOrigin: UI_ORIGIN,
    returnChord: 'Ctrl+Alt+Home',
  });
  const { frameUrl } = await bridge.open('one', {
    type: 'spice-socket',
    path: guest.socket,
    password: guest.password,
  });
  await display.show('a', frameUrl);
  await display.message('a', 'ready');
  await display.page.bringToFront();
  await display.page.mouse.click(200, 200);
});

afterAll(async () => {
  await display?.close();
  await browser?.close();
  await bridge?.end();
  await guest?.kill();
  await screen?.stop();
});

test.each(['us', 'fr', 'de'])('every key, with the layout %s', async (layout) => {
  await run('setxkbmap', ['-layout', layout], { env: screen.env });
  const before = guest.lines.length;
  // X11 keycodes are evdev's plus 8; xdotool reads a single digit as the key that types it.
  const keycodes = KEYS.map((code) => (code === 1 ? 'Escape' : String(code + 8)));
  await run('xdotool', ['key', '--delay', '40', ...keycodes], { env: screen.env });
  const seen = (): string[] =>
    guest.lines.slice(before).filter((line) => /^KEY \d+ [01]$/.test(line));
  await expect.poll(() => seen().slice(-2)).toEqual(['KEY 1 1', 'KEY 1 0']);
  expect(seen()).toEqual(KEYS.flatMap((code) => [`KEY ${code} 1`, `KEY ${code} 0`]));
});
