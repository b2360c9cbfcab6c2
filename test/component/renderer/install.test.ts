/** The administrator's way through an installation, and what it asks of the kiosk. */
import { describe, expect, test } from 'vitest';
import { fakeOverview, fakePlan, fakeSystem, refusedPlan } from '../../support/fake-disks.ts';
import { kioskState } from '../../support/fake-scenario.ts';
import { uiBench } from '../../support/ui-bench.ts';

const bench = uiBench();
const { open, named } = bench;

describe('the installation', () => {
  const admin = {
    id: 'admin',
    name: 'Alex Roy',
    kind: 'admin' as const,
    groups: [],
    offline: false,
  };
  const scenario = (plan = fakePlan, system = fakeSystem(Date.now())) => ({
    state: kioskState({ person: admin }),
    install: { overview: fakeOverview, plan, system },
  });

  test('by keyboard alone: disk, place, plan, the name of the disk, the steps, the restart', async () => {
    const page = await open(scenario());
    const { keyboard } = page;
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'Install on this computer' }).click();
    const disk = page.getByRole('radio', { name: /Samsung SSD 980 PRO/ });
    await disk.waitFor();
    // In use, or the medium that the system came from: said, and not to be had.
    expect(await page.getByRole('radio', { name: /WDC WD10EZEX/ }).isDisabled()).toBe(true);
    expect(await page.getByRole('radio', { name: /SanDisk Ultra/ }).isDisabled()).toBe(true);
    await page.getByText('sda1 is in use: mounted at /srv/images.').waitFor();
    await disk.focus();
    await keyboard.press('Space');
    await page.getByRole('radio', { name: /Whole disk/ }).focus();
    await keyboard.press('ArrowDown');
    await keyboard.press('ArrowDown');
    expect(await page.getByRole('radio', { name: /In place of Course data/ }).isChecked()).toBe(
      true,
    );
    await page.getByRole('button', { name: 'Show the plan' }).press('Enter');
    await page.getByRole('heading', { name: 'The plan' }).waitFor();
    expect(await named('install.plan')).toEqual([
      {
        name: 'install.plan',
        params: {
          disk: '/dev/nvme0n1',
          target: { mode: 'partition', number: 3 },
          swapMiB: 0,
          encrypt: false,
        },
      },
    ]);
    await page.getByRole('figure', { name: /^Afterwards: .*Vestibule, 42.9 GB/ }).waitFor();

    const start = page.getByRole('button', { name: 'Erase and install now' });
    const field = page.getByLabel('Type nvme0n1 to confirm');
    await field.focus();
    await keyboard.type('nvme0');
    await keyboard.press('Enter');
    expect(await start.isDisabled()).toBe(true);
    await keyboard.type('n1');
    await keyboard.press('Enter');
    await page.getByRole('listitem').filter({ hasText: 'Write the system' }).waitFor();
    expect(await named('install.start')).toEqual([
      {
        name: 'install.start',
        params: { planId: fakePlan.id, request: fakePlan.request, confirmation: 'nvme0n1' },
      },
    ]);
    const jobId = 'job-1';
    const job = {
      id: jobId,
      kind: 'install',
      title: 'Install on this computer',
      state: 'running' as const,
      progress: 0.5,
      step: 'verifying',
      secondsLeft: 100,
      createdAt: 0,
      finishedAt: null,
      error: null,
    };
    await bench.ui.control((fake, running) => fake.setJobs([running]), job);
    await page.getByText('50 % · 2 min left').waitFor();
    expect(
      await page.locator('[aria-current=step]').getByText('Read it back and compare').isVisible(),
    ).toBe(true);
    await bench.ui.control((fake, ended) => fake.setJobs([ended]), {
      ...job,
      state: 'succeeded' as const,
      progress: 1,
    });
    await page.getByRole('button', { name: 'Restart now' }).press('Enter');
    expect((await named('power.act')).map(({ params }) => params)).toEqual([{ action: 'restart' }]);
  });

  test('a plan that is refused cannot be confirmed', async () => {
    const page = await open(scenario(refusedPlan));
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'Install on this computer' }).click();
    await page.getByText('Samsung SSD 980 PRO').click();
    await page.getByRole('button', { name: 'Show the plan' }).click();
    await page
      .getByRole('alert')
      .getByText('There is room for 2.1 GB; 9.7 GB are needed.')
      .waitFor();
    expect(await page.getByLabel('Type nvme0n1 to confirm').count()).toBe(0);
    await page.getByRole('button', { name: 'Back' }).click();
    await page.getByText('Which disk?').waitFor();
  });

  test('the system on the disk: back to another version, and off the disk by its name', async () => {
    const page = await open(scenario());
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'System on the disk' }).click();
    await page.getByText('on trial at the next start (2 tries)').waitFor();
    await page.getByRole('button', { name: 'Start this one: system B' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Start this one' }).click();
    await page.getByText('It starts the next time this computer does.').waitFor();
    expect((await named('install.rollback')).map(({ params }) => params)).toEqual([{ slot: 'B' }]);

    await page.getByRole('button', { name: 'Remove Vestibule' }).click();
    const dialog = page.getByRole('alertdialog');
    const remove = dialog.getByRole('button', { name: 'Remove Vestibule' });
    expect(await remove.isDisabled()).toBe(true);
    await dialog.getByLabel('Type nvme0n1 to confirm').fill('nvme0n1');
    await remove.click();
    await page.getByText('The work has begun: see Jobs.').waitFor();
    expect((await named('install.remove')).map(({ params }) => params)).toEqual([
      { disk: '/dev/nvme0n1', confirmation: 'nvme0n1' },
    ]);
  });

  test('a computer without the root service says so', async () => {
    const page = await open({
      ...scenario(),
      failures: { 'install.overview': { code: 'HELPER_ABSENT', message: 'None.' } },
    });
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'Install on this computer' }).click();
    await page.getByText('runs no installation service').waitFor();
  });
});
