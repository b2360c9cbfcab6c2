/** A campus that publishes pages of its own server as the screen, on a whole kiosk. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { KioskApi } from '../../preload/contract/contract.ts';
import { startDemoCampus } from '../../scripts/demo-campus.ts';
import { startKioskProcess } from '../../scripts/kiosk-process.ts';
import { startDisplay } from '../support/display.ts';
import { KioskDriver, until } from '../support/kiosk-driver.ts';

test('the manifest puts pages in front, gives them the bridge, and takes both back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-pages-'));
  const server = createServer((request, response) => {
    const headers = { 'content-type': 'text/html', 'set-cookie': 'visitor=1' };
    response.writeHead(200, headers).end(`<title>${request.headers.cookie ?? 'new here'}</title>`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const display = await startDisplay();
  const demo = await startDemoCampus(join(folder, 'campus'), () => {}, { 'campus.pollSeconds': 5 });
  const runtimeFolder = join(folder, 'run');
  const kiosk = startKioskProcess({
    settingsFile: demo.settingsFile,
    dataFolder: join(folder, 'kiosk'),
    runtimeFolder,
    windowed: false,
    developer: true,
    env: display.env,
    say: () => {},
  });
  const driver = new KioskDriver(runtimeFolder);
  const pages = (): Page[] => driver.pages().filter((page) => page.url().startsWith(origin));
  const shown = (): Promise<Page> => until(async () => pages()[0]);
  /** A page is there before its title is. */
  const titled = (page: Page, title: string): Promise<true> =>
    until(async () => ((await page.title()) === title ? true : undefined));
  try {
    await driver.connect();
    const start = `${origin}/`;
    await demo.content.publish((manifest) => ({
      ...manifest,
      pages: { start, origins: [origin], privileged: [origin] },
    }));
    demo.server.push('manifest');

    const first = await shown();
    await titled(first, 'new here');
    await first.reload();
    expect(await first.title()).toBe('visitor=1');
    const person = await first.evaluate(() =>
      (window as unknown as { kiosk: KioskApi }).kiosk.people.continueAsGuest(),
    );
    expect(person.kind).toBe('guest');
    // The UI behind the pages follows.
    await until(async () => ((await driver.state()).person?.kind === 'guest' ? true : undefined));

    // Who leaves takes their cookies along.
    await driver.signOut();
    const second = await until(async () => pages().find((page) => page !== first));
    await titled(second, 'new here');

    await demo.content.publish(({ pages: _pages, ...manifest }) => manifest);
    demo.server.push('manifest');
    await until(async () => (pages().length === 0 ? true : undefined));
    expect((await driver.state()).person).toBeNull();
  } finally {
    await driver.disconnect();
    await kiosk.stop();
    await demo.server.stop();
    await display.stop();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true, force: true });
  }
});
