/**
 * Every screen of the built-in UI, as a scenario and the steps that lead to it. The tests hold each
 * of them to the same rules; `scripts/screens.ts` takes their pictures.
 */
import type { FakeScenario } from './fake-kiosk.ts';
import { entries, kioskState, NOW } from './fake-scenario.ts';
import { INSTALL_SCREENS } from './install-screens.ts';
import {
  admin,
  campus,
  click,
  dialog,
  elsewhere,
  member,
  online,
  preferences,
  press,
  type Screen,
  windows,
} from './screen-parts.ts';
import { SESSION_SCREENS } from './session-screens.ts';
import type { OpenOptions, UiPage } from './ui-page.ts';

const MINUTE = 60_000;
const signedOut = kioskState({ person: null, campus: online });

async function fillIn(ui: UiPage, secret: string): Promise<void> {
  await ui.page.getByLabel('User name').fill('lhaddad');
  await ui.page.getByLabel('Password').fill(secret);
  await click('Sign in')(ui);
}

async function choosePower(ui: UiPage, action: string): Promise<void> {
  await click('Power')(ui);
  await ui.page.getByRole('menuitem', { name: action }).click();
  await dialog(ui);
}

function adminScreen(
  section: string,
  ready: string,
  more?: (ui: UiPage) => Promise<unknown>,
): Screen {
  return {
    name: `admin-${section.toLowerCase()}`,
    scenario: { state: kioskState({ person: admin, campus: online, outbox: 2 }) },
    arrange: async (ui) => {
      await click('Administrator')(ui);
      await ui.page.getByRole('tab', { name: section }).click();
      await more?.(ui);
      await ui.page.getByText(ready).first().waitFor();
    },
  };
}

export const SCREENS: readonly Screen[] = [
  { name: 'starting', scenario: { silent: ['state.get'] } },
  {
    name: 'not-answering',
    scenario: { failures: { 'state.get': { code: 'BRIDGE_CLOSED', message: 'Closed.' } } },
    arrange: (ui) => ui.page.getByText('BRIDGE_CLOSED').waitFor(),
  },
  { name: 'outside', options: { withoutKiosk: true } },
  {
    name: 'broken',
    arrange: async (ui) => {
      // What no main sends: a state without a campus.
      await ui.page.evaluate('fakeKiosk.setState({ campus: null })');
      await ui.page.getByRole('button', { name: 'Load again' }).waitFor();
    },
  },
  {
    name: 'away',
    scenario: { state: kioskState({ person: member, campus: online, signOutAt: NOW + 45_000 }) },
    arrange: dialog,
  },
  { name: 'sign-in', scenario: { state: signedOut } },
  { name: 'sign-in-offline', scenario: { state: kioskState({ person: null }) } },
  {
    name: 'sign-in-wrong',
    scenario: {
      state: signedOut,
      failures: {
        'people.signIn': { code: 'SIGN_IN_WRONG', message: 'Wrong.', details: { attemptsLeft: 2 } },
      },
    },
    arrange: (ui) => fillIn(ui, 'nonsense'),
  },
  {
    name: 'sign-in-locked',
    scenario: {
      state: signedOut,
      failures: {
        'people.signIn': {
          code: 'SIGN_IN_LOCKED',
          message: 'Locked.',
          details: { until: NOW + 5 * MINUTE },
        },
      },
    },
    arrange: (ui) => fillIn(ui, 'nonsense'),
  },
  {
    name: 'sign-in-warnings',
    scenario: {
      state: kioskState({
        person: null,
        campus: { ...campus, dataAsOf: null },
        signIn: { guests: true, members: false },
        warnings: [
          { code: 'MACHINE_SLOW', message: 'No KVM.' },
          { code: 'DISK_READ_ONLY', message: 'Read-only.' },
        ],
      }),
    },
  },
  {
    name: 'home',
    scenario: { sessions: [elsewhere] },
    arrange: async (ui) => {
      await ui.page.getByRole('button', { name: 'Windows 11 — Chemistry' }).waitFor();
      // By keyboard, so that the focus shows as in the design.
      await ui.page.keyboard.press('ArrowRight');
      await ui.page.keyboard.press('ArrowLeft');
    },
  },
  {
    name: 'home-online',
    scenario: {
      state: kioskState({ person: member, campus: online }),
      catalogue: entries().map((entry) =>
        entry.availability.state === 'needs-network'
          ? { ...entry, availability: { state: 'ready', offline: false } }
          : entry,
      ),
      sessions: [windows],
    },
  },
  { name: 'home-empty', scenario: { catalogue: [] } },
  {
    name: 'home-starting',
    scenario: { silent: ['sessions.start'] },
    arrange: click('Windows 11 — Chemistry'),
  },
  {
    name: 'home-needs-network',
    arrange: async (ui) => {
      // By keyboard: to a pointer's driver it counts as disabled.
      await ui.page.getByRole('button', { name: 'Staff desktop' }).press('Enter');
      await dialog(ui);
    },
  },
  {
    name: 'home-refused',
    scenario: {
      failures: {
        'sessions.start': {
          code: 'NOT_ENOUGH_MEMORY',
          message: 'No memory.',
          details: { needed: 8e9, available: 3.2e9 },
        },
      },
    },
    arrange: (ui) => press(ui, 'Windows 11 — Chemistry'),
  },
  ...SESSION_SCREENS,
  {
    name: 'notices',
    arrange: async (ui) => {
      await ui.page.getByRole('button', { name: 'Course site' }).waitFor();
      await ui.control((fake) => {
        fake.emit('notice', {
          level: 'info',
          error: { code: 'UI_RENDER_FAILED', message: 'Rolled back.' },
          about: null,
        });
        fake.emit('notice', {
          level: 'error',
          error: { code: 'DISK_FULL', message: 'Full.' },
          about: null,
        });
      }, null);
      await ui.page.getByText('DISK_FULL').waitFor();
    },
  },
  {
    name: 'sign-out',
    scenario: { sessions: [windows, elsewhere] },
    arrange: (ui) => press(ui, 'Sign out'),
  },
  {
    name: 'power-menu',
    arrange: async (ui) => {
      await click('Power')(ui);
      await ui.page.getByRole('menu').waitFor();
    },
  },
  {
    name: 'power',
    scenario: { sessions: [windows, elsewhere] },
    arrange: (ui) => choosePower(ui, 'Shut down'),
  },
  { name: 'accessibility', arrange: (ui) => press(ui, 'Accessibility') },
  {
    name: 'admin-sign-in',
    scenario: { sessions: [windows] },
    arrange: (ui) => press(ui, 'Administrator'),
  },
  adminScreen('Device', 'Dell Inc. OptiPlex 7010'),
  adminScreen('Network', '10.20.0.53 does not answer', click('Run the checks')),
  adminScreen('Versions', '24.21.0'),
  adminScreen('Storage', '/var/lib/vestibule/images'),
  adminScreen('Images', 'windows-chemistry'),
  adminScreen('Jobs', 'Matlab workstation 5'),
  adminScreen('Logs', 'an image arrived damaged'),
  adminScreen('Settings', 'campus.url'),
  {
    name: 'home-files',
    scenario: {
      state: kioskState({
        person: member,
        home: { state: 'waiting', syncedAt: NOW - MINUTE, unsent: 3, conflicts: 0, error: null },
      }),
    },
    arrange: (ui) => ui.page.getByText('3 files are only on this computer').waitFor(),
  },
  ...INSTALL_SCREENS,
  ...(['fr', 'es', 'de', 'ar'] as const).map(
    (locale): Screen => ({
      name: `home-${locale}`,
      scenario: {
        state: kioskState({ person: member, preferences: { ...preferences, locale } }),
        sessions: [elsewhere],
      },
      arrange: (ui) => ui.page.locator(`html[lang=${locale}] .tile`).first().waitFor(),
    }),
  ),
  {
    name: 'sign-in-ar',
    scenario: {
      state: kioskState({ person: null, preferences: { ...preferences, locale: 'ar' } }),
    },
    arrange: (ui) => ui.page.locator('html[dir=rtl]').waitFor(),
  },
  {
    name: 'home-contrast',
    scenario: {
      state: kioskState({ preferences: { ...preferences, highContrast: true } }),
      sessions: [elsewhere],
    },
    arrange: (ui) => ui.page.getByRole('button', { name: 'Course site' }).focus(),
  },
  {
    name: 'accessibility-contrast',
    scenario: { state: kioskState({ preferences: { ...preferences, highContrast: true } }) },
    arrange: (ui) => press(ui, 'Accessibility'),
  },
  {
    name: 'home-large-text',
    scenario: {
      state: kioskState({ preferences: { ...preferences, textScale: 2 } }),
      sessions: [elsewhere],
    },
  },
  { name: 'home-1024', options: { viewport: { width: 1024, height: 768 } } },
  {
    name: 'home-1920',
    options: { viewport: { width: 1920, height: 1080 } },
    scenario: { sessions: [elsewhere] },
  },
];

/** Opens a screen and waits until it stands. */
export async function openScreen(
  open: (change?: Partial<FakeScenario>, options?: OpenOptions) => Promise<UiPage>,
  screen: Screen,
): Promise<UiPage> {
  const ui = await open(screen.scenario, screen.options);
  await ui.page.locator('main, section.session-layer').first().waitFor({ state: 'attached' });
  await screen.arrange?.(ui);
  await ui.page.evaluate('document.fonts.ready.then(() => undefined)');
  return ui;
}
