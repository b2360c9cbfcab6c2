/**
 * The installation through the whole kiosk: a person at the real page, a real root helper, a disk
 * under a loop device, the campus's orders and what it hears of them.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Demo, startDemoCampus } from '../../scripts/demo-campus.ts';
import { type KioskProcess, startKioskProcess } from '../../scripts/kiosk-process.ts';
import { type Display, startDisplay } from '../support/display.ts';
import {
  FileDisk,
  GIB,
  HelperProcess,
  installMissing,
  Keys,
  unmountBelow,
} from '../support/install-disk.ts';
import { KioskDriver, PATIENCE_MS, until } from '../support/kiosk-driver.ts';

const missing = installMissing();
if (missing) console.log(`install-kiosk: skipped, ${missing}`);

/** No other disk of this computer is as large: the profile must find this one alone. */
const SIZE = 9 * GIB + 37 * 1024 ** 2;

describe.skipIf(missing)('installing from the kiosk', () => {
  let folder: string;
  let display: Display;
  let demo: Demo;
  let helper: HelperProcess;
  let disk: FileDisk;
  let kiosk: KioskProcess;
  let driver: KioskDriver;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'v-inst-'));
    const system = join(folder, 'system');
    mkdirSync(system);
    const keys = new Keys();
    const { folder: image } = await keys.system(join(system, 'image'), '2026.11.2');
    disk = await FileDisk.create(join(folder, 'disk.img'), SIZE);
    helper = await HelperProcess.start(system, image, keys);
    symlinkSync(helper.socket, join(system, 'helper.sock'));
    display = await startDisplay();
    demo = await startDemoCampus(join(folder, 'campus'), () => {}, { 'campus.pollSeconds': 5 });
    kiosk = startKioskProcess({
      settingsFile: demo.settingsFile,
      dataFolder: join(folder, 'kiosk'),
      runtimeFolder: join(folder, 'run'),
      systemFolder: system,
      windowed: false,
      developer: true,
      env: display.env,
      say: () => {},
    });
    driver = new KioskDriver(join(folder, 'run'));
    await driver.connect();
  });
  afterAll(async () => {
    await driver?.disconnect();
    await kiosk?.stop();
    await demo?.server.stop();
    await display?.stop();
    await helper?.kill();
    if (folder) await unmountBelow(join(folder, 'system'));
    disk?.detach();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const short = () => disk.path.replace('/dev/', '');
  const kinds = () => [...demo.server.reports.values()].map(({ kind }) => kind);

  test('a member may not ask', async () => {
    await driver.signIn('alice', 'member');
    const refusal = await driver.page.evaluate(() =>
      (window as unknown as { kiosk: { install: { overview(): Promise<unknown> } } }).kiosk.install
        .overview()
        .then(
          () => 'allowed',
          (error: { code: string }) => error.code,
        ),
    );
    expect(refusal).toBe('NOT_ALLOWED');
    await driver.signOut();
  });

  test('an administrator chooses the disk, reads the plan, types its name and watches', async () => {
    const { page } = driver;
    await driver.signIn('admin', 'admin');
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'Install on this computer' }).click();
    const card = page.locator('.card-option', { hasText: short() });
    await card.waitFor({ timeout: PATIENCE_MS });
    await card.click();
    await page.getByRole('button', { name: 'Show the plan' }).click();
    await page.getByRole('heading', { name: 'The plan' }).waitFor({ timeout: PATIENCE_MS });
    await page.getByText('Version 2026.11.2').waitFor();
    await page.getByText('The exact commands').click();
    expect(await page.locator('.commands pre').first().textContent()).toContain(disk.path);
    // Nothing has been written: blkid(8) finds nothing, and says so by its exit code.
    expect(spawnSync('blkid', ['-p', disk.path]).status).toBe(2);
    await page.getByLabel(`Type ${short()} to confirm`).fill(short());
    await page.getByRole('button', { name: 'Erase and install now' }).click();
    await page.getByRole('button', { name: 'Restart now' }).waitFor({ timeout: PATIENCE_MS });

    disk.rescan();
    // Straight from the partitions: lsblk(8) would ask udev, which may not run here.
    const each = `for part in ${disk.path}p*; do blkid -p -o value -s LABEL $part; done; true`;
    const labels = execFileSync('sh', ['-c', each]).toString();
    expect(labels).toContain('KIOSKESP');
    expect(labels).toContain('KIOSK\n');
    await page.getByRole('tab', { name: 'System on the disk' }).click();
    await page
      .getByRole('row', { name: /A 2026\.11\.2 .* good/ })
      .waitFor({ timeout: PATIENCE_MS });
    await until(async () => (kinds().includes('install.succeeded') ? true : undefined));
  });

  test('an order installs unattended by a profile, where the profile lets it', async () => {
    const order = (id: string, profile: string) =>
      demo.server.order({
        id,
        kind: 'install',
        profile,
        expiresAt: new Date(Date.now() + 3_600_000).toISOString(),
      });
    const answer = (id: string) =>
      until(async () =>
        demo.server.acknowledgements.find((one) => one.id === id && one.state !== 'started'),
      );
    const profile = (id: string, replace: boolean) => ({
      id,
      disk: { minimumBytes: SIZE, maximumBytes: SIZE },
      target: 'whole' as const,
      erase: true,
      replace,
      swapMiB: 0,
      encrypt: 'never' as const,
      afterwards: 'stay' as const,
    });
    await demo.content.publish((manifest) => ({
      ...manifest,
      installs: [profile('careful', false), profile('again', true)],
    }));
    order('careful', 'careful');
    expect(await answer('careful')).toMatchObject({ state: 'failed', error: 'INSTALL_REFUSED' });
    order('again', 'again');
    expect(await answer('again')).toMatchObject({ state: 'done' });
    await until(async () =>
      kinds().filter((kind) => kind === 'install.succeeded').length === 2 ? true : undefined,
    );
  });
});
