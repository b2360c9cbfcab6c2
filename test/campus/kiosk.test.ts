/**
 * The whole kiosk under faults that no part can show alone: main killed, the page killed, a UI
 * that never paints, databases damaged. Real browser, real machines, embedded campus.
 */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { bundleFolder } from '../../main/campus/publish.ts';
import { type Demo, startDemoCampus } from '../../scripts/demo-campus.ts';
import { type KioskProcess, startKioskProcess } from '../../scripts/kiosk-process.ts';
import { type Display, startDisplay } from '../support/display.ts';
import { KioskDriver, until } from '../support/kiosk-driver.ts';

let folder: string;
let display: Display;
let demo: Demo;
let kiosk: KioskProcess;
let driver: KioskDriver;

const data = () => join(folder, 'kiosk');
const run = () => join(folder, 'run');

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vestibule-kiosk-'));
  display = await startDisplay();
  demo = await startDemoCampus(join(folder, 'campus'), () => {}, { 'campus.pollSeconds': 5 });
});

afterEach(async () => {
  await driver.disconnect();
  await kiosk.stop();
});

afterAll(async () => {
  await demo?.server.stop();
  await display?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function startKiosk(): Promise<void> {
  kiosk = startKioskProcess({
    settingsFile: demo.settingsFile,
    dataFolder: data(),
    runtimeFolder: run(),
    windowed: false,
    developer: true,
    env: display.env,
    say: () => {},
  });
  driver = new KioskDriver(run());
  await driver.connect();
}

test('a killed main finds its machine again, and the person is still there', async () => {
  await startKiosk();
  await driver.signIn('alice', 'member');
  await driver.start('debian-console');
  await driver.picture();
  const [before] = await driver.sessions();
  // Where main starts again, nobody may see the empty screen of before.
  expect(existsSync(join(data(), 'first-state.json'))).toBe(false);

  kiosk.signal('SIGKILL');
  await kiosk.exited;
  await driver.disconnect();
  await startKiosk();

  await driver.tile('debian-console').waitFor();
  expect((await driver.state()).person?.name).toBe('Alice Martin');
  const [after] = await driver.sessions();
  expect(after).toMatchObject({ id: before?.id, state: 'running' });
  await driver.tile('debian-console').click();
  await driver.picture();
  await driver.stopAll();
});

test('a page that dies comes back by itself, and the machine did not notice', async () => {
  await startKiosk();
  await driver.signIn('alice', 'member');
  await driver.start('debian-console');
  await driver.picture();
  const [before] = await driver.sessions();

  const session = await driver.page.context().newCDPSession(driver.page);
  const crashed = new Promise((resolve) => driver.page.once('crash', resolve));
  session.send('Page.crash').catch(() => {});
  await crashed;
  await driver.disconnect();
  driver = new KioskDriver(run());
  await driver.connect();

  await until(async () => ((await driver.sessions()).length === 1 ? true : undefined));
  expect(await driver.sessions()).toMatchObject([{ id: before?.id, state: 'running' }]);
  await driver.picture();
  await driver.stopAll();
});

test('a published UI that never paints is rolled back and reported', async () => {
  await startKiosk();
  const good = (await driver.state()).ui.version;
  const before = demo.content.manifest;
  const broken = join(demo.content.www, 'ui', 'broken');
  mkdirSync(broken, { recursive: true });
  writeFileSync(join(broken, 'index.html'), '<!doctype html><title>blank</title>');
  const ui = await bundleFolder(broken, { base: 'ui/broken/' });
  await demo.content.publish((manifest) => ({ ...manifest, ui }));
  demo.server.push('manifest');

  await until(
    async () =>
      [...demo.server.reports.values()].some(({ kind }) => kind === 'ui.rolled-back') || undefined,
  );
  await driver.disconnect();
  driver = new KioskDriver(run());
  await driver.connect({ live: false });
  await until(async () => (await driver.state()).ui.version === good || undefined);
  expect((await driver.state()).ui.source).toBe('cached');

  await demo.content.publish((manifest) => ({ ...manifest, ui: before.ui }));
  demo.server.push('manifest');
  await until(async () => (await driver.state()).ui.source === 'live' || undefined);
});

test('damaged databases are set aside: the kiosk starts, people sign in, machines run', async () => {
  await startKiosk();
  await driver.disconnect();
  await kiosk.stop();
  const databases = readdirSync(data(), { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.db'),
  );
  expect(databases.length).toBeGreaterThan(3);
  for (const path of databases) {
    rmSync(join(data(), `${path}-wal`), { force: true });
    rmSync(join(data(), `${path}-shm`), { force: true });
    writeFileSync(join(data(), path), randomBytes(8192));
  }
  await startKiosk();
  await driver.signIn('alice', 'member');
  await driver.start('debian-console');
  await driver.picture();
  await driver.stopAll();
  const aside = readdirSync(data(), { recursive: true, encoding: 'utf8' });
  expect(aside.filter((path) => path.includes('.corrupt-')).length).toBeGreaterThan(0);
});

test('a damaged page of the kept UI is fetched again while the kiosk starts', async () => {
  await startKiosk();
  const { ui } = await driver.state();
  await driver.disconnect();
  await kiosk.stop();
  const kept = readdirSync(join(data(), 'ui'), { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && !entry.name.includes('.db') && entry.name !== 'lock',
  );
  expect(kept.length).toBeGreaterThan(0);
  for (const { parentPath, name } of kept) {
    const path = join(parentPath, name);
    writeFileSync(path, readFileSync(path).fill(0x2a));
  }
  const known = demo.server.reports.size;
  await startKiosk();
  await driver.signIn('alice', 'member');
  const repaired = ['ui.repaired', 'ui.rebuilt'];
  await until(
    async () =>
      [...demo.server.reports.values()].slice(known).some(({ kind }) => repaired.includes(kind)) ||
      undefined,
  );
  await until(async () => (await driver.state()).ui.version === ui.version || undefined);
});

test('a start shows what the last one knew, and then what is so', async () => {
  await startKiosk();
  await driver.disconnect();
  await kiosk.stop();
  rmSync(join(data(), 'log'), { recursive: true });
  await startKiosk();
  await until(async () => (await driver.state()).campus.link === 'online' || undefined);
  const lines = readFileSync(join(data(), 'log', 'vestibule.log'), 'utf8').split('\n');
  const at = (text: string): number => lines.findIndex((line) => line.includes(text));
  expect(at('the page can be used')).toBeGreaterThan(-1);
  expect(at('the features are there')).toBeGreaterThan(at('the page can be used'));
  await driver.signIn('alice', 'member');
  expect((await driver.state()).person?.name).toBe('Alice Martin');
});
