/** What a person does with the built-in UI around their sessions, and what it asks of the kiosk. */
import { describe, expect, test } from 'vitest';
import { entries, kioskState, NOW, session } from '../../support/fake-scenario.ts';
import { uiBench } from '../../support/ui-bench.ts';

const bench = uiBench();
const { open, named } = bench;

const signedOut = (change = {}) => kioskState({ person: null, ...change });
const windows = session({
  id: 's-win',
  entryId: 'windows-chemistry',
  title: 'Windows 11 — Chemistry',
});

describe('signing in', () => {
  test('with a name and a password leads to the tiles', async () => {
    const page = await open({ state: signedOut() });
    await page.getByLabel('User name').fill('lhaddad');
    await page.getByLabel('Password').fill('correct');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Good afternoon, Lina Haddad' }).waitFor();
    expect(await named('people.signIn')).toEqual([
      { name: 'people.signIn', params: { name: 'lhaddad', secret: 'correct' } },
    ]);
  });

  test('a wrong password is said, forgotten, and asked for again', async () => {
    const page = await open({ state: signedOut() });
    await page.getByLabel('User name').fill('lhaddad');
    await page.getByLabel('Password').fill('nonsense');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').getByText('is not right').waitFor();
    expect(await page.getByLabel('Password').inputValue()).toBe('');
    expect(await page.getByLabel('Password').evaluate((e) => e === document.activeElement)).toBe(
      true,
    );
  });

  test('nothing is sent while a field is empty', async () => {
    const page = await open({ state: signedOut() });
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Fill in your user name').waitFor();
    expect(await named('people.signIn')).toEqual([]);
  });

  test('a lock ends by itself at the time that it names', async () => {
    const until = NOW + 600_000;
    const page = await open(
      {
        state: signedOut(),
        failures: { 'people.signIn': { code: 'SIGN_IN_LOCKED', message: '', details: { until } } },
      },
      { fakeTimers: true },
    );
    await page.getByLabel('User name').fill('a');
    await page.getByLabel('Password').fill('b');
    const button = page.getByRole('button', { name: 'Sign in' });
    await button.click();
    await page.getByText('You can try again at').waitFor();
    expect(await button.isEnabled()).toBe(false);
    await page.clock.fastForward(600_001);
    await expect.poll(() => button.isEnabled()).toBe(true);
  });

  test('as a guest, where that is offered', async () => {
    const page = await open({ state: signedOut() });
    await page.getByRole('button', { name: 'Continue as guest' }).click();
    await page.getByRole('heading', { name: 'Good afternoon' }).waitFor();
    expect(await named('people.continueAsGuest')).toHaveLength(1);
  });

  test('guests are not offered where the kiosk takes none', async () => {
    const page = await open({ state: signedOut({ signIn: { guests: false, members: true } }) });
    await page.getByText('This computer is offline').waitFor();
    expect(await page.getByRole('button', { name: 'Continue as guest' }).count()).toBe(0);
  });
});

describe('the network', () => {
  test('comes back: the pill and the tiles follow, nobody has to reload', async () => {
    const page = await open();
    await page.getByText('Offline — catalogue of 14:02').waitFor();
    await bench.ui.control(
      (fake, { campus, catalogue }) => {
        fake.setState({ campus });
        fake.setCatalogue(catalogue);
      },
      {
        campus: { ...kioskState().campus, link: 'online' as const, error: null },
        catalogue: entries().map((entry) => ({
          ...entry,
          availability: { state: 'ready' as const, offline: false },
        })),
      },
    );
    await page.getByText('Connected').waitFor();
    await page.locator('[data-entry=staff-desktop]').getByText('Ready').waitFor();
  });

  test('data of another day carries its date', async () => {
    const campus = { ...kioskState().campus, dataAsOf: Date.UTC(2026, 10, 18, 13, 2) };
    const page = await open({ state: kioskState({ campus }) });
    await page.getByText('Offline — catalogue of 18 Nov, 14:02').waitFor();
  });
});

describe('preferences', () => {
  test('apply at once, even when the kiosk is slow to keep them', async () => {
    const page = await open({ silent: ['preferences.set'] });
    await page.getByRole('button', { name: 'Accessibility' }).click();
    await page.getByText('High contrast').click();
    await page.getByText('150 %').click();
    await page.getByText('Reduce motion').click();
    const root = page.locator('html');
    expect(await root.getAttribute('data-contrast')).toBe('high');
    expect(await root.getAttribute('data-motion')).toBe('reduced');
    expect(await root.evaluate((e) => getComputedStyle(e).fontSize)).toBe('24px');
  });

  test('the language changes in place, with direction', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Language' }).click();
    await page.getByRole('menuitemradio', { name: 'العربية' }).click();
    await page.locator('html[lang=ar][dir=rtl]').waitFor();
    await page.getByText('اختر جلسة').waitFor();
    const tiles = await page
      .locator('.tile')
      .evaluateAll((all) => all.map((e) => e.getBoundingClientRect().x));
    expect(tiles[0]).toBeGreaterThan(tiles[1] ?? 0);
  });

  test('one that the kiosk refuses is taken back and said', async () => {
    const page = await open({
      failures: { 'preferences.set': { code: 'DISK_FULL', message: 'Full.' } },
    });
    await page.getByRole('button', { name: 'Accessibility' }).click();
    await page.getByText('High contrast').click();
    await page.locator('html[data-contrast=normal]').waitFor();
    await page.locator('.toast', { hasText: 'The disk of this computer is full' }).waitFor();
  });
});

describe('leaving', () => {
  test('signs out at once when nothing runs', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });

  test('names the sessions that end, and can be called off', async () => {
    const page = await open({ sessions: [windows] });
    await page.getByRole('button', { name: 'Sign out' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Sign out?' });
    await dialog.getByText('Windows 11 — Chemistry').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await named('people.signOut')).toEqual([]);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'End sessions and sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.locator('iframe').count()).toBe(0);
  });

  test('power asks first, and says when it is refused', async () => {
    const page = await open({
      sessions: [windows],
      failures: { 'power.act': { code: 'POWER_REFUSED', message: 'No helper.' } },
    });
    await page.getByRole('button', { name: 'Power' }).click();
    await page.getByRole('menuitem', { name: 'Restart' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Restart this computer?' });
    await dialog.getByText('Windows 11 — Chemistry').waitFor();
    await dialog.getByRole('button', { name: 'Restart' }).click();
    await dialog.getByText('POWER_REFUSED').waitFor();
    expect((await named('power.act')).map(({ params }) => params)).toEqual([{ action: 'restart' }]);
  });
});

describe('the administrator area', () => {
  const admin = {
    id: 'admin',
    name: 'Alex Roy',
    kind: 'admin' as const,
    groups: [],
    offline: false,
  };

  test('takes an administrator, and nobody else', async () => {
    const page = await open();
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByLabel('User name').fill('lhaddad');
    await page.getByLabel('Password').fill('correct');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('You may not do that').waitFor();
    await page.getByLabel('User name').fill('admin');
    await page.getByLabel('Password').fill('correct');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Administrator area' }).waitFor();
    await page.getByText('OptiPlex 7010').waitFor();
  });

  test('checks images, goes back to a version, and follows the job', async () => {
    const page = await open({ state: kioskState({ person: admin }) });
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'Images' }).click();
    await page.getByRole('button', { name: 'Check windows-chemistry' }).click();
    await page.getByText('The check has started').waitFor();
    await page.getByRole('button', { name: 'Use this version: windows-chemistry 11' }).click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Use this version' }).click();
    await expect
      .poll(async () => (await named('images.rollback')).map(({ params }) => params))
      .toEqual([{ image: 'windows-chemistry', version: '11' }]);
    await page.getByRole('tab', { name: 'Jobs' }).click();
    await page.getByRole('button', { name: 'Pause: Matlab workstation 5' }).click();
    await page.getByRole('button', { name: 'Resume: Matlab workstation 5' }).click();
    await page.getByRole('button', { name: 'Cancel: Check windows-chemistry' }).click();
    await page.getByText('Cancelled').waitFor();
  });

  test('forgets the certificate of a server after a question', async () => {
    const page = await open({ state: kioskState({ person: admin }) });
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'Network' }).click();
    const forget = page.getByRole('button', { name: 'Forget the certificate of ts1.lab.example' });
    await forget.click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Cancel' }).click();
    expect(await named('certificates.forget')).toEqual([]);
    await forget.click();
    await page.getByRole('alertdialog').getByRole('button', { name: 'Forget' }).click();
    await page.getByText('Forgotten.').waitFor();
    await forget.waitFor({ state: 'detached' });
    expect((await named('certificates.forget')).map(({ params }) => params)).toEqual([
      { host: 'ts1.lab.example', port: 3389 },
    ]);
  });

  test('filters and searches the log', async () => {
    const page = await open({ state: kioskState({ person: admin }) });
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('tab', { name: 'Logs' }).click();
    await page.getByText('a session runs').waitFor();
    await page.getByText('Errors').click();
    await expect.poll(() => page.locator('.log-lines p').count()).toBe(1);
    await page.getByLabel('Search the log').fill('nothing like it');
    await page.getByText('No line matches').waitFor();
  });

  test('a failing question says so and is asked again on request', async () => {
    const page = await open({
      state: kioskState({ person: admin }),
      failures: { 'device.facts': { code: 'TIMEOUT', message: 'Slow.' } },
    });
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByText('It took too long').waitFor();
    await bench.ui.control((fake) => fake.fail('device.facts', null), null);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('OptiPlex 7010').waitFor();
  });

  test('closes with the administrator who opened it', async () => {
    const page = await open({ state: kioskState({ person: admin }) });
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('heading', { name: 'Administrator area' }).waitFor();
    await bench.ui.control((fake) => fake.setState({ person: null }), null);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});
