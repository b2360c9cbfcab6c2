/** RDP in the page against xrdp, which signs a person in by what the client says of them. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Browser, Frame } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { silentLogger } from '../../main/log/logger.ts';
import type { RunningSession } from '../../main/sessions/engine.ts';
import { type DisplayPage, launchChromium, openDisplayPage } from '../support/display-page.ts';
import { createRdpBench, fingerprintAt, frameAddress, type RdpBench } from '../support/rdp-page.ts';
import { startXrdp, type Xrdp, xrdpObstacle } from '../support/xrdp.ts';

const obstacle = xrdpObstacle();
if (obstacle !== undefined) console.warn(`skipped: ${obstacle}`);
const PATIENCE = { timeout: 60_000, interval: 200 };
const BLUE = [0x20, 0x80, 0xd0];
const TEXT = 'Von hier: äöü € ñ';
/** evdev codes + 8: where a key lies, whatever is printed on it. */
const KEYS = { KeyQ: 24, KeyZ: 52, Digit1: 10, Semicolon: 47, Backquote: 49 };

describe.skipIf(obstacle !== undefined)('xrdp', () => {
  let server: Xrdp;
  let bench: RdpBench;
  let browser: Browser;
  let page: DisplayPage;
  let pin: string;

  beforeAll(async () => {
    [server, browser] = await Promise.all([startXrdp(), launchChromium()]);
    pin = await fingerprintAt(server.port);
    bench = createRdpBench(silentLogger);
    page = await openDisplayPage(browser, { width: 1024, height: 768 });
  });

  afterEach(async () => {
    await bench.endSessions();
    await server.endSession();
    await page.remove('a');
    await page.page.evaluate(() => {
      window.frameMessages = {};
    });
  });

  afterAll(async () => {
    await page?.close();
    await browser?.close();
    await bench?.stop();
    await server?.stop();
  });

  /**
   * What a program in the session gets as copied text. The bridge runs in this process and has to
   * hand the text over meanwhile.
   */
  async function pasted(): Promise<string> {
    const as = ['--reuid', server.user, '--regid', server.user, '--clear-groups'];
    const read = ['timeout', '2', 'xclip', '-o', '-selection', 'clipboard', '-t', 'UTF8_STRING'];
    const { stdout } = await promisify(execFile)('setpriv', [...as, ...read], {
      env: server.session() ?? {},
    }).catch(() => ({ stdout: '' }));
    return stdout;
  }

  async function start(target: object = {}): Promise<[RunningSession, Frame]> {
    const session = await bench.start(
      {
        hosts: [{ host: '127.0.0.1', port: server.port }],
        certificate: { pins: [pin] },
        user: server.user,
        ...target,
      },
      { secret: server.password },
    );
    const frame = await page.show('a', await frameAddress(session));
    await page.message('a', 'ready');
    await expect
      .poll(async () => {
        const seen = await page.pixel(frame, 512, 400);
        return BLUE.every((value, index) => Math.abs(value - (seen[index] ?? -99)) <= 8);
      }, PATIENCE)
      .toBe(true);
    await page.post('a', { type: 'focus' });
    return [session, frame];
  }

  test.each(['us', 'fr', 'de'])('the person is signed in; keyboard %s', async (keyboard) => {
    const [session] = await start({ keyboard });
    expect(server.run('setxkbmap', '-query')).toMatch(new RegExp(`layout:\\s+${keyboard}`));
    for (const [key, keycode] of Object.entries(KEYS)) {
      await page.page.keyboard.press(key);
      await expect.poll(() => server.keys().at(-1), PATIENCE).toBe(keycode);
    }
    await page.page.mouse.click(300, 200, { button: 'middle' });
    await expect.poll(() => server.buttons().at(-1), PATIENCE).toBe(2);
    await session.stop();
    expect(await session.ended).toEqual({});
  });

  test('copied text goes both ways', async () => {
    const [session] = await start();
    await page.post('a', { type: 'clipboard', text: TEXT });
    await expect.poll(pasted, PATIENCE).toBe(TEXT);
    server.start('sh', '-c', 'printf %s "Dort: àéî" | xclip -i -selection clipboard -quiet');
    expect((await page.message('a', 'clipboard')).text).toBe('Dort: àéî');
    await session.stop();
  });

  test('the desktop follows the size of the screen', async () => {
    const [session] = await start();
    await page.page.setViewportSize({ width: 1280, height: 720 });
    await expect.poll(() => server.run('xrandr'), PATIENCE).toMatch(/current 1280 x 720/);
    expect(await page.message('a', 'ready', 1)).toMatchObject({ width: 1280, height: 720 });
    await page.page.mouse.click(900, 300, { button: 'right' });
    await expect.poll(() => server.buttons().at(-1), PATIENCE).toBe(3);
    await session.stop();
  });
});
