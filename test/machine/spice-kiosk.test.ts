/**
 * The whole kiosk with SPICE desktops of another computer: in the page with a ticket of the campus,
 * in a window of its own, with a password that the person types; and what happens when the server
 * goes away and comes back. Needs the built product (`npm run build`).
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Display, startDisplay } from '../support/display.ts';
import { startGuest, type TestGuest } from '../support/guest.ts';
import type { KioskDriver } from '../support/kiosk-driver.ts';
import { freePort } from '../support/ports.ts';
import { type RemoteKiosk, startRemoteKiosk } from '../support/remote-kiosk.ts';

const TICKET = 'Ticket & Geheim-42';
const PATIENCE = { timeout: 120_000, interval: 250 };
const WAIT = { timeout: 120_000 };
const RED = '#ff0000';

const folder = mkdtempSync(join(tmpdir(), 'spicek-'));
let screen: Display;
let port: number;
let guest: TestGuest;
let tickets: Server;
/** What the campus answers to a kiosk that asks for a ticket. */
let ticket = TICKET;
let ticketsAsked = 0;
let room: RemoteKiosk;
let driver: KioskDriver;

beforeAll(async () => {
  port = await freePort();
  tickets = createServer((_request, response) => {
    ticketsAsked++;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ password: ticket }));
  }).listen(0, '127.0.0.1');
  await once(tickets, 'listening');
  const address = tickets.address();
  const ticketPort = address !== null && typeof address === 'object' ? address.port : 0;
  [screen, guest] = await Promise.all([
    startDisplay([1024, 768]),
    startGuest({ listen: { port }, password: TICKET }),
  ]);
  const at = { host: '127.0.0.1', port };
  const ticketed = { ...at, ticket: `http://127.0.0.1:${ticketPort}/ticket` };
  room = await startRemoteKiosk({
    folder,
    screen,
    entries: [
      { id: 'embedded', kind: 'spice', title: 'In the page', engine: 'embedded', target: ticketed },
      { id: 'native', kind: 'spice', title: 'In a window', engine: 'native', target: ticketed },
      {
        id: 'typed',
        kind: 'spice',
        title: 'With a password',
        engine: 'embedded',
        target: { ...at, askPassword: true },
      },
    ],
  });
  ({ driver } = room);
  await driver.signIn('alice', 'member');
});

afterAll(async () => {
  await room?.stop();
  tickets?.close();
  await guest?.kill();
  await screen?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** One pixel of the whole screen, as `#rrggbb`. */
function pixel(x: number, y: number): string {
  return `#${execFileSync(
    'import',
    ['-window', 'root', '-crop', `1x1+${x}+${y}`, '-depth', '8', 'rgb:-'],
    { env: screen.env },
  )
    .subarray(0, 3)
    .toString('hex')}`;
}
/** The guest's screen begins with a red quarter, under the session bar. */
const picture = (): string => pixel(40, 120);
const xdotool = (...args: string[]): void => {
  execFileSync('xdotool', args, { env: screen.env });
};
function keep(name: string): void {
  if (!process.env.VESTIBULE_SCREENS) return;
  const file = join(process.env.VESTIBULE_SCREENS, `${name}.png`);
  execFileSync('import', ['-window', 'root', file], { env: screen.env });
}
async function typed(key: string, code: number): Promise<void> {
  const after = guest.lines.length;
  await sleep(500);
  xdotool('mousemove', '400', '500', 'key', key);
  await guest.waitFor(new RegExp(`^KEY ${code} 0`), { after });
}
async function stop(): Promise<void> {
  await driver.page.locator('.session-bar').getByRole('button', { name: 'Stop' }).click();
  await driver.page.getByRole('button', { name: 'Stop the session' }).click();
  await expect.poll(() => driver.sessions(), PATIENCE).toEqual([]);
}

test('in a window of its own: under the session bar, which leads back and to it again', async () => {
  await driver.tile('native').click();
  await expect.poll(picture, PATIENCE).toBe(RED);
  expect((await driver.sessions())[0]).toMatchObject({ state: 'running', surface: 'native' });
  await expect.poll(() => pixel(500, 8), PATIENCE).toBe('#ffffff');
  await typed('q', 16);
  keep('session-spice-native');

  xdotool('mousemove', '60', '26', 'click', '1');
  await expect.poll(picture, PATIENCE).not.toBe(RED);
  const again = driver.page.locator('footer').getByRole('button', { name: /In a window/ });
  await again.click();
  await expect.poll(picture, PATIENCE).toBe(RED);
  xdotool('key', 'ctrl+alt+Home');
  await expect.poll(picture, PATIENCE).not.toBe(RED);
  await again.click();
  await expect.poll(picture, PATIENCE).toBe(RED);
  await stop();
});

test('a password that the person types, and a wrong one', async () => {
  await driver.tile('typed').click();
  const form = driver.page.locator('form.question');
  await form.getByLabel('Password').fill('wrong');
  await driver.page.keyboard.press('Enter');
  await form.getByText('did not accept').waitFor(WAIT);
  await form.getByLabel('Password').fill(TICKET);
  await driver.page.keyboard.press('Enter');
  await expect.poll(picture, PATIENCE).toBe(RED);
  await stop();
});

test('in the page: keys, the tiles and back; the server restarts and the session goes on', async () => {
  ticket = 'over';
  await driver.tile('embedded').click();
  await driver.page.getByText('REMOTE_CREDENTIALS_WRONG').waitFor(WAIT);
  ticket = TICKET;
  await driver.page.getByRole('button', { name: 'Start again' }).click();
  await expect.poll(picture, PATIENCE).toBe(RED);
  await typed('w', 17);
  keep('session-spice-embedded');
  await driver.page.getByRole('button', { name: 'Back to tiles' }).click();
  await expect.poll(picture, PATIENCE).not.toBe(RED);
  await driver.page
    .locator('footer')
    .getByRole('button', { name: /In the page/ })
    .click();
  await expect.poll(picture, PATIENCE).toBe(RED);

  const asked = ticketsAsked;
  const restarted = guest.kill().then(() => startGuest({ listen: { port }, password: TICKET }));
  await driver.page.getByText('The connection was lost. Connecting again').waitFor(WAIT);
  // The last picture stays, greyed.
  const grey = picture();
  expect(grey.slice(1, 3)).toBe(grey.slice(3, 5));
  keep('session-spice-lost');
  guest = await restarted;
  await expect.poll(picture, PATIENCE).toBe(RED);
  // A ticket is for one login.
  expect(ticketsAsked).toBeGreaterThan(asked);
  await typed('e', 18);

  await guest.kill();
  await driver.page
    .getByText('REMOTE_LOST')
    .or(driver.page.getByText('REMOTE_REFUSED'))
    .first()
    .waitFor(WAIT);
  keep('session-spice-failed');
  expect((await driver.state()).person?.id).toBe('alice');
  const log = readFileSync(join(folder, 'data', 'log', 'vestibule.log'), 'utf8');
  expect(log).not.toContain(TICKET);
});
