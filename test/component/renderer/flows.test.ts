/** What a person does with the built-in UI, step by step, and what it asks of the kiosk. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FakeScenario } from '../../support/fake-kiosk.ts';
import { entries, kioskState, NOW, session } from '../../support/fake-scenario.ts';
import {
  type OpenOptions,
  startUiBrowser,
  type UiBrowser,
  type UiPage,
} from '../../support/ui-page.ts';

let browser: UiBrowser;
let ui: UiPage;
beforeAll(async () => {
  browser = await startUiBrowser();
});
afterAll(() => browser.close());
afterEach(async () => {
  const { complaints } = ui;
  await ui.close();
  expect(complaints).toEqual([]);
});

async function open(
  change?: Partial<FakeScenario>,
  options?: OpenOptions,
): Promise<UiPage['page']> {
  ui = await browser.open(change, options);
  return ui.page;
}

const signedOut = (change = {}) => kioskState({ person: null, ...change });
const named = async (name: string) => (await ui.calls()).filter((call) => call.name === name);
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

describe('sessions', () => {
  test('a tile says "Starting…" before the kiosk has answered, and takes no second click', async () => {
    const page = await open({ silent: ['sessions.start'] });
    const tile = page.locator('[data-entry=windows-chemistry]');
    await tile.click();
    await tile.getByText('Starting…').waitFor();
    await tile.click();
    expect(await named('sessions.start')).toHaveLength(1);
  });

  test('from click to picture, back to the tiles, and in again', async () => {
    const page = await open();
    await page.locator('[data-entry=windows-chemistry]').click();
    await page.getByRole('heading', { name: 'Preparing your session' }).waitFor();
    const [id] = await page.evaluate<string[]>(
      'kiosk.sessions.list().then((list) => list.map(({ id }) => id))',
    );
    await ui.control((fake, own) => fake.changeSession(own, { progress: 0.5 }), id ?? '');
    await page.getByRole('progressbar').waitFor();
    await ui.control((fake, own) => fake.changeSession(own, { state: 'launching' }), id ?? '');
    await page.getByRole('heading', { name: 'Starting the machine' }).waitFor();
    await ui.control((fake, own) => fake.changeSession(own, { state: 'running' }), id ?? '');
    const frame = page.locator('iframe[aria-label="Windows 11 — Chemistry"]');
    await frame.waitFor();
    // The machine has the keyboard as soon as its picture is there.
    await expect.poll(() => frame.evaluate((e) => e === document.activeElement)).toBe(true);
    await page.keyboard.press('x');
    const inner = await (await frame.elementHandle())?.contentFrame();
    await expect.poll(() => inner?.evaluate('keys')).toEqual(['x']);
    expect(await inner?.evaluate('said.map(({ type }) => type)')).toEqual(
      expect.arrayContaining(['label', 'focus']),
    );

    await page.getByText('Ctrl+Alt+Home returns here').waitFor();
    await page.getByRole('button', { name: 'Back to tiles' }).click();
    await page.locator('[data-entry=windows-chemistry]').getByText('Return').click();
    await expect.poll(() => named('sessions.show')).toHaveLength(1);
    // The same frame, still there: no second address was asked for.
    expect(await named('sessions.display')).toHaveLength(1);
    expect(await inner?.evaluate('keys')).toEqual(['x']);
  });

  test('a second session keeps the picture of the first', async () => {
    const page = await open({
      sessions: [{ ...windows, shown: true }, session({ id: 's-net' })],
    });
    await page.locator('iframe[aria-label="Windows 11 — Chemistry"]').waitFor();
    await page
      .getByRole('navigation')
      .getByRole('button', { name: 'Debian — Networks lab' })
      .click();
    await page.getByRole('heading', { name: 'Debian — Networks lab' }).waitFor();
    expect(await page.locator('iframe').count()).toBe(2);
    expect(await page.locator('iframe[aria-label="Windows 11 — Chemistry"]').isVisible()).toBe(
      false,
    );
    expect(await page.locator('iframe[aria-label="Debian — Networks lab"]').isVisible()).toBe(true);
  });

  test('the frame has no more than it needs', async () => {
    const page = await open({ sessions: [{ ...windows, shown: true }] });
    const frame = page.locator('iframe[aria-label="Windows 11 — Chemistry"]');
    await frame.waitFor();
    expect(await frame.getAttribute('sandbox')).toBe('allow-scripts allow-same-origin');
    expect(await frame.getAttribute('allow')).toBe('autoplay');
    expect(await frame.getAttribute('referrerpolicy')).toBe('no-referrer');
  });

  test('a lost picture is asked for again with a fresh address, and given up after some times', async () => {
    const page = await open({ sessions: [{ ...windows, shown: true }] });
    const frame = page.locator('iframe[aria-label="Windows 11 — Chemistry"]');
    const inner = await (await frame.elementHandle())?.contentFrame();
    await expect.poll(() => inner?.evaluate('said.length')).toBeGreaterThan(0);
    for (let attempt = 1; attempt <= 10; attempt++) {
      await inner?.evaluate("say({ type: 'lost', code: 'REMOTE_LOST' })");
      await expect
        .poll(() => inner?.evaluate("said.filter(({ type }) => type === 'connect').length"))
        .toBe(attempt);
    }
    await page.getByText('The connection was lost. Connecting again').waitFor();
    await inner?.evaluate("say({ type: 'lost', code: 'REMOTE_LOST' })");
    await page.getByText('REMOTE_LOST').waitFor();
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.locator('iframe[aria-label="Windows 11 — Chemistry"]').waitFor();
  });

  test('the chord pressed inside the frame returns to the tiles', async () => {
    const page = await open({ sessions: [{ ...windows, shown: true }] });
    const frame = page.locator('iframe[aria-label="Windows 11 — Chemistry"]');
    const inner = await (await frame.elementHandle())?.contentFrame();
    await inner?.evaluate("say({ type: 'chord' })");
    await expect.poll(() => named('sessions.hide')).toHaveLength(1);
  });

  test('messages of another window are not believed', async () => {
    const page = await open({ sessions: [{ ...windows, shown: true }] });
    await page.locator('iframe[aria-label="Windows 11 — Chemistry"]').waitFor();
    await page.evaluate(
      "postMessage({ type: 'chord' }, '*'); new Promise((r) => setTimeout(r, 50))",
    );
    expect(await named('sessions.hide')).toEqual([]);
  });

  test('stopping asks first, says what happens with the work, and stops the whole group', async () => {
    const page = await open({
      sessions: ['a', 'b'].map((machine) =>
        session({ id: `s-${machine}`, groupId: 'g', machine, shown: machine === 'a' }),
      ),
    });
    await page.getByRole('button', { name: 'Stop' }).click();
    const dialog = page.getByRole('alertdialog', { name: 'Stop Debian — Networks lab?' });
    await dialog.getByText('is kept on this computer').waitFor();
    await dialog.getByText('All 2 machines').waitFor();
    await page.keyboard.press('Escape');
    expect(await named('sessions.stop')).toEqual([]);
    await page.getByRole('button', { name: 'Stop' }).click();
    await page.getByRole('button', { name: 'Stop the session' }).click();
    await page.getByRole('heading', { name: 'Ending the session' }).waitFor();
    expect((await named('sessions.stop')).map(({ params }) => params)).toEqual([
      { id: 's-a', now: false },
      { id: 's-b', now: false },
    ]);
    await page.getByRole('button', { name: 'End it now' }).click();
    expect((await named('sessions.stop')).at(-1)?.params).toEqual({ id: 's-a', now: true });
    // What has ended is tidied up without being asked.
    await expect
      .poll(async () => (await named('sessions.dismiss')).map(({ params }) => params))
      .toEqual([{ id: 's-a' }]);
  });

  test('preparing can be cancelled without questions', async () => {
    const page = await open({ sessions: [{ ...windows, state: 'preparing', shown: true }] });
    await page.getByRole('status').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('heading', { name: 'Good afternoon' }).waitFor();
    expect(await named('sessions.stop')).toHaveLength(1);
  });

  test('a failed session says why and can be started again', async () => {
    const page = await open({
      sessions: [
        {
          ...windows,
          state: 'failed',
          shown: true,
          error: { code: 'MACHINE_DIED', message: 'QEMU ended with 1.' },
        },
      ],
    });
    await page.getByText('The machine ended at once').waitFor();
    await page.getByRole('button', { name: 'Start again' }).click();
    await page.getByRole('heading', { name: 'Preparing your session' }).waitFor();
    expect(await named('sessions.dismiss')).toHaveLength(1);
  });

  test('a remote computer that asks who comes is answered here, by keyboard', async () => {
    const question = {
      type: 'credentials',
      server: 'desk.lab.example',
      user: '',
      domain: '',
      error: null,
    } as const;
    const remote = { kind: 'rdp', surface: 'native', state: 'preparing', shown: true } as const;
    const page = await open({ sessions: [session({ id: 's-desk', ...remote, question })] });
    await page.getByText('desk.lab.example wants to know').waitFor();
    await page.keyboard.type('anna');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('Fill in the empty fields').waitFor();
    expect(await named('sessions.answer')).toEqual([]);
    await page.keyboard.press('Tab');
    await page.keyboard.type('LAB');
    await page.keyboard.press('Tab');
    await page.keyboard.type('secret');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Preparing your session' }).waitFor();
    expect((await named('sessions.answer')).map(({ params }) => params)).toEqual([
      {
        id: 's-desk',
        answer: { type: 'credentials', user: 'anna', domain: 'LAB', secret: 'secret' },
      },
    ]);
  });

  test('only an administrator can vouch for a server', async () => {
    const question = {
      type: 'certificate',
      server: 'desk.lab.example:3389',
      fingerprint: 'ab'.repeat(32),
    } as const;
    const remote = { kind: 'rdp', surface: 'native', state: 'preparing', shown: true } as const;
    const page = await open({
      sessions: [session({ id: 's-desk', ...remote, question })],
      failures: { 'sessions.answer': { code: 'NOT_ALLOWED', message: 'No.' } },
    });
    await page.getByText('abab abab').waitFor();
    await page.keyboard.type('anna');
    await page.keyboard.press('Tab');
    await page.keyboard.type('secret');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').getByText('You may not do that').waitFor();
    await page.evaluate("fakeKiosk.fail('sessions.answer', null)");
    await page.getByLabel('Password').fill('better');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Preparing your session' }).waitFor();
    expect((await named('sessions.answer')).at(-1)?.params).toEqual({
      id: 's-desk',
      answer: { type: 'certificate', administrator: { name: 'anna', secret: 'better' } },
    });
  });

  test('a refused start says why and can be tried again', async () => {
    const page = await open({
      failures: { 'sessions.start': { code: 'SESSION_LIMIT', message: 'Six.' } },
    });
    await page.locator('[data-entry=windows-chemistry]').click();
    await page.getByText('No more sessions can run').waitFor();
    await ui.control((fake) => fake.fail('sessions.start', null), null);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('heading', { name: 'Preparing your session' }).waitFor();
  });
});

describe('the network', () => {
  test('comes back: the pill and the tiles follow, nobody has to reload', async () => {
    const page = await open();
    await page.getByText('Offline — catalogue of 14:02').waitFor();
    await ui.control(
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
    await ui.control((fake) => fake.fail('device.facts', null), null);
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('OptiPlex 7010').waitFor();
  });

  test('closes with the administrator who opened it', async () => {
    const page = await open({ state: kioskState({ person: admin }) });
    await page.getByRole('button', { name: 'Administrator' }).click();
    await page.getByRole('heading', { name: 'Administrator area' }).waitFor();
    await ui.control((fake) => fake.setState({ person: null }), null);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  });
});
