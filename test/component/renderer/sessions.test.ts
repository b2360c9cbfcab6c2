/** Sessions in the built-in UI: started, drawn, asked about, ended, and what it asks of the kiosk. */
import { expect, test } from 'vitest';
import { session } from '../../support/fake-scenario.ts';
import { uiBench } from '../../support/ui-bench.ts';

const bench = uiBench();
const { open, named } = bench;

const windows = session({
  id: 's-win',
  entryId: 'windows-chemistry',
  title: 'Windows 11 — Chemistry',
});

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
  await bench.ui.control((fake, own) => fake.changeSession(own, { progress: 0.5 }), id ?? '');
  await page.getByRole('progressbar').waitFor();
  await bench.ui.control((fake, own) => fake.changeSession(own, { state: 'launching' }), id ?? '');
  await page.getByRole('heading', { name: 'Starting the machine' }).waitFor();
  await bench.ui.control((fake, own) => fake.changeSession(own, { state: 'running' }), id ?? '');
  const frame = page.locator('iframe[aria-label="Windows 11 — Chemistry"]');
  await frame.waitFor();
  // The machine has the keyboard as soon as its picture is there.
  await expect.poll(() => frame.evaluate((e) => e === document.activeElement)).toBe(true);
  await page.keyboard.press('x');
  const inner = await (await frame.elementHandle())?.contentFrame();
  await expect.poll(() => inner?.evaluate('keys')).toEqual(['x']);
  await expect
    .poll(() => inner?.evaluate('said.map(({ type }) => type)'))
    .toEqual(expect.arrayContaining(['label', 'focus']));

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
  await page.getByRole('navigation').getByRole('button', { name: 'Debian — Networks lab' }).click();
  await page.getByRole('heading', { name: 'Debian — Networks lab' }).waitFor();
  await page.locator('iframe[aria-label="Debian — Networks lab"]').waitFor();
  expect(await page.locator('iframe').count()).toBe(2);
  expect(await page.locator('iframe[aria-label="Windows 11 — Chemistry"]').isVisible()).toBe(false);
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
  await expect.poll(() => inner?.evaluate('typeof say')).toBe('function');
  await inner?.evaluate("say({ type: 'chord' })");
  await expect.poll(() => named('sessions.hide')).toHaveLength(1);
});

test('messages of another window are not believed', async () => {
  const page = await open({ sessions: [{ ...windows, shown: true }] });
  await page.locator('iframe[aria-label="Windows 11 — Chemistry"]').waitFor();
  await page.evaluate("postMessage({ type: 'chord' }, '*'); new Promise((r) => setTimeout(r, 50))");
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
  await page.locator('input:focus').waitFor();
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
  await page.locator('input:focus').waitFor();
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
  await bench.ui.control((fake) => fake.fail('sessions.start', null), null);
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByRole('heading', { name: 'Preparing your session' }).waitFor();
});
