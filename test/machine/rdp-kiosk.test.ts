/**
 * The whole kiosk with a remote desktop: a person signs in once, clicks the tile, works, leaves by
 * the chord, comes back, signs out. Needs the built product (`npm run build`).
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { probe } from '../../main/sessions/rdp/probe.ts';
import type { KioskProcess } from '../../scripts/kiosk-process.ts';
import { type Display, startDisplay } from '../support/display.ts';
import type { KioskDriver } from '../support/kiosk-driver.ts';
import { processTree } from '../support/processes.ts';
import { type SharedDesktop, startSharedDesktop } from '../support/rdp-servers.ts';
import { type RemoteKiosk, startRemoteKiosk } from '../support/remote-kiosk.ts';

const PASSWORD = 'member';
const TILE = 'staff-desktop';
const LIGHT_TILE = 'light-desktop';
const PATIENCE = { timeout: 60_000, interval: 200 };
const DESKTOP = '#2080d0';

const folder = mkdtempSync(join(tmpdir(), 'rdpk-'));
let screen: Display;
let desktop: SharedDesktop;
let room: RemoteKiosk;
let kiosk: KioskProcess;
let driver: KioskDriver;

beforeAll(async () => {
  [screen, desktop] = await Promise.all([startDisplay([1024, 768]), startSharedDesktop()]);
  desktop.paint(DESKTOP);
  const server = await desktop.serve({ security: 'nla', accounts: { alice: PASSWORD } });
  const { certificate } = await probe({
    host: '127.0.0.1',
    port: server.port,
    security: 'auto',
    signal: AbortSignal.timeout(10_000),
  });
  const place = {
    hosts: [{ host: '127.0.0.1', port: server.port }],
    certificate: { pins: [certificate?.fingerprint ?? ''] },
  };
  room = await startRemoteKiosk({
    folder,
    screen,
    rdp: { title: 'Remote desktop', target: place },
    entries: [
      {
        id: LIGHT_TILE,
        kind: 'rdp',
        title: 'Light desktop',
        target: { ...place, sound: 'off' },
      },
    ],
  });
  ({ kiosk, driver } = room);
});

afterAll(async () => {
  await room?.stop();
  await desktop?.stop();
  await screen?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const middle = (): string => colourAt(512, 700);

function colourAt(x: number, y: number): string {
  const [r = 0, g = 0, b = 0] = execFileSync(
    'import',
    ['-window', 'root', '-crop', `1x1+${x}+${y}`, '-depth', '8', 'rgb:-'],
    { env: screen.env },
  );
  // Lossy codecs change the last bits.
  return [r, g, b].map((part) => Math.round(part / 16)).join(' ');
}
const SHOWN = '2 8 13';
const BAR = '16 16 16';

const viewers = (): string[] =>
  processTree(kiosk.pid)
    .map(({ commandLine }) => commandLine)
    .filter((line) => line.includes('/wm-class:vestibule-'));

test('one sign-in, a click, work, the chord, back again, and nothing left at sign-out', async () => {
  await driver.signIn('alice', PASSWORD);
  await driver.tile(TILE).click();
  await expect.poll(middle, PATIENCE).toBe(SHOWN);
  expect(viewers()).toHaveLength(1);
  expect((await driver.sessions())[0]).toMatchObject({ state: 'running', surface: 'native' });

  execFileSync('xdotool', ['mousemove', '512', '400', 'key', 'h'], { env: screen.env });
  await expect.poll(() => desktop.keys.at(-1), PATIENCE).toBe(43);

  // The session bar lies above the window: seen, and it leads back by a click. What is clicked
  // beside its buttons hides no picture.
  await expect.poll(() => colourAt(640, 8), PATIENCE).toBe(BAR);
  execFileSync('xdotool', ['mousemove', '640', '8', 'click', '1'], { env: screen.env });
  await sleep(500);
  expect(middle()).toBe(SHOWN);
  if (process.env.VESTIBULE_SCREENS) {
    const picture = join(process.env.VESTIBULE_SCREENS, 'session-rdp-native.png');
    execFileSync('import', ['-window', 'root', picture], { env: screen.env });
  }
  execFileSync('xdotool', ['mousemove', '60', '26', 'click', '1'], { env: screen.env });
  await driver.tile(TILE).waitFor();
  await expect.poll(middle, PATIENCE).not.toBe(SHOWN);
  expect((await driver.sessions())[0]).toMatchObject({ state: 'running', shown: false });

  await driver.page
    .locator('footer')
    .getByRole('button', { name: /Remote desktop · running/ })
    .click();
  await expect.poll(middle, PATIENCE).toBe(SHOWN);

  execFileSync('xdotool', ['key', 'ctrl+alt+Home'], { env: screen.env });
  await expect.poll(middle, PATIENCE).not.toBe(SHOWN);
  await driver.page.locator('footer').getByRole('button', { name: 'Sign out' }).click();
  await driver.page.getByRole('button', { name: 'End sessions and sign out' }).click();
  await driver.page.getByLabel('User name').waitFor({ timeout: 60_000 });
  await expect.poll(viewers, PATIENCE).toEqual([]);
  const log = readFileSync(join(folder, 'data', 'log', 'vestibule.log'), 'utf8');
  expect(log).toContain('an RDP viewer ended');
});

test('a light desktop is shown in the page, beside one that has a window of its own', async () => {
  await driver.signIn('alice', PASSWORD);
  await driver.tile(TILE).click();
  await expect.poll(middle, PATIENCE).toBe(SHOWN);
  execFileSync('xdotool', ['key', 'ctrl+alt+Home'], { env: screen.env });
  await driver.tile(LIGHT_TILE).click();
  await expect
    .poll(
      async () => (await driver.sessions()).map(({ surface, state }) => `${surface} ${state}`),
      {
        ...PATIENCE,
      },
    )
    .toEqual(expect.arrayContaining(['native running', 'frame running']));
  await expect.poll(middle, PATIENCE).toBe(SHOWN);
  expect(viewers()).toHaveLength(1);
  await expect.poll(() => driver.page.locator('.session-frame iframe').count(), PATIENCE).toBe(1);

  execFileSync('xdotool', ['mousemove', '512', '500', 'key', 'i'], { env: screen.env });
  await expect.poll(() => desktop.keys.at(-1), PATIENCE).toBe(31);
  if (process.env.VESTIBULE_SCREENS) {
    const picture = join(process.env.VESTIBULE_SCREENS, 'session-rdp-embedded.png');
    execFileSync('import', ['-window', 'root', picture], { env: screen.env });
  }

  // Its frame hears the chord itself; the window of the other has kept its picture.
  execFileSync('xdotool', ['key', 'ctrl+alt+Home'], { env: screen.env });
  await expect.poll(middle, PATIENCE).not.toBe(SHOWN);
  await driver.page
    .locator('footer')
    .getByRole('button', { name: /Remote desktop · running/ })
    .click();
  await expect.poll(middle, PATIENCE).toBe(SHOWN);
  execFileSync('xdotool', ['key', 'ctrl+alt+Home'], { env: screen.env });
  await expect.poll(middle, PATIENCE).not.toBe(SHOWN);
  await driver.page.locator('footer').getByRole('button', { name: 'Sign out' }).click();
  await driver.page.getByRole('button', { name: 'End sessions and sign out' }).click();
  await driver.page.getByLabel('User name').waitFor({ timeout: 60_000 });
  await expect.poll(viewers, PATIENCE).toEqual([]);
  expect(await driver.page.locator('.session-frame iframe').count()).toBe(0);
});
