/** The screens of the installation and of the system on the disk. */
import type { Job } from '../../preload/contract/model.ts';
import { fakeOverview, fakePlan, fakeSystem, refusedPlan } from './fake-disks.ts';
import type { FakeScenario } from './fake-kiosk.ts';
import { kioskState, NOW } from './fake-scenario.ts';
import { admin, type Screen } from './screen-parts.ts';
import type { UiPage } from './ui-page.ts';

type Locale = 'en' | 'fr' | 'es' | 'de' | 'ar';

const system = fakeSystem(NOW);
const installing: Job = {
  id: 'job-install',
  kind: 'install',
  title: 'Install on this computer',
  state: 'running',
  progress: 0.42,
  step: 'writing',
  secondsLeft: 190,
  createdAt: NOW - 60_000,
  finishedAt: null,
  error: null,
};

function scenario(
  change: Partial<FakeScenario['install']> = {},
  preferences: { locale?: Locale; highContrast?: boolean } = {},
): Partial<FakeScenario> {
  const state = kioskState();
  return {
    state: {
      ...state,
      person: admin,
      campus: { ...state.campus, link: 'online', error: null },
      preferences: { ...state.preferences, ...preferences },
    },
    install: { overview: fakeOverview, plan: fakePlan, system, ...change },
  };
}

/** The administrator's area is the second button from the left, the tabs are in a fixed order. */
async function openTab(ui: UiPage, index: number): Promise<void> {
  await ui.page.locator('.footer .button').nth(1).click();
  await ui.page.getByRole('tab').nth(index).click();
}

const openInstall = (ui: UiPage) => openTab(ui, 5);
const openSystem = (ui: UiPage) => openTab(ui, 6);

async function chooseDisk(ui: UiPage): Promise<void> {
  await openInstall(ui);
  await ui.page.locator('.card-option').first().click();
  await ui.page.locator('.install-extras').waitFor();
}

async function showPlan(ui: UiPage): Promise<void> {
  await chooseDisk(ui);
  await ui.page.locator('.tab-panel .button.primary').click();
  await ui.page.locator('.before-after').waitFor();
}

const withJob = (change: Partial<Job>): Partial<FakeScenario> => ({
  ...scenario(),
  jobs: [{ ...installing, ...change }],
});

/** An end is seen by who watched: begun here, and then told by main. */
async function watchToEnd(ui: UiPage, change: Partial<Job>): Promise<void> {
  await showPlan(ui);
  await ui.page.getByLabel('Type nvme0n1 to confirm').fill('nvme0n1');
  await ui.page.getByRole('button', { name: 'Erase and install now' }).click();
  await ui.page.locator('.steps').waitFor();
  await ui.control(
    (fake, ended) => {
      const started = fake.calls.filter(({ name }) => name === 'install.start').length;
      fake.setJobs([{ ...ended, id: `job-${started}` }]);
    },
    { ...installing, ...change },
  );
}

export const INSTALL_SCREENS: readonly Screen[] = [
  {
    name: 'install-disks',
    scenario: scenario(),
    arrange: async (ui) => {
      await openInstall(ui);
      await ui.page.locator('.card-option').first().waitFor();
    },
  },
  { name: 'install-target', scenario: scenario(), arrange: chooseDisk },
  { name: 'install-plan', scenario: scenario(), arrange: showPlan },
  {
    name: 'install-commands',
    scenario: scenario(),
    arrange: async (ui) => {
      await showPlan(ui);
      await ui.page.locator('summary').click();
      await ui.page.locator('.commands pre').last().scrollIntoViewIfNeeded();
    },
  },
  { name: 'install-refused', scenario: scenario({ plan: refusedPlan }), arrange: showPlan },
  {
    name: 'install-progress',
    scenario: withJob({}),
    arrange: async (ui) => {
      await openInstall(ui);
      await ui.page.locator('.steps').waitFor();
    },
  },
  {
    name: 'install-done',
    scenario: scenario(),
    arrange: async (ui) => {
      await watchToEnd(ui, { state: 'succeeded', progress: 1, finishedAt: NOW });
      await ui.page.getByRole('button', { name: 'Restart now' }).waitFor();
    },
  },
  {
    name: 'install-failed',
    scenario: scenario(),
    arrange: async (ui) => {
      const error = { code: 'DISK_CHANGED', message: 'Another disk.' } as const;
      await watchToEnd(ui, { state: 'failed', error, finishedAt: NOW });
      await ui.page.getByRole('button', { name: 'Begin again' }).waitFor();
    },
  },
  {
    name: 'install-system',
    scenario: scenario(),
    arrange: async (ui) => {
      await openSystem(ui);
      await ui.page.getByText('2026.12.0').waitFor();
    },
  },
  {
    name: 'install-remove',
    scenario: scenario(),
    arrange: async (ui) => {
      await openSystem(ui);
      await ui.page.getByRole('button', { name: 'Remove Vestibule' }).click();
      await ui.page.getByRole('alertdialog').waitFor();
    },
  },
  {
    name: 'install-none',
    scenario: scenario({ system: null }),
    arrange: async (ui) => {
      await openSystem(ui);
      await ui.page.getByText('No system is installed').waitFor();
    },
  },
  ...(['fr', 'es', 'de', 'ar'] as const).map(
    (locale): Screen => ({
      name: `install-plan-${locale}`,
      scenario: scenario({}, { locale }),
      arrange: showPlan,
    }),
  ),
  {
    name: 'install-plan-contrast',
    scenario: scenario({}, { highContrast: true }),
    arrange: showPlan,
  },
];
