/** How the kiosk knows that the page lives, and what is left when something in it fails. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HEARTBEAT_MS } from '../../../preload/contract/limits.ts';
import { kioskState, NOW } from '../../support/fake-scenario.ts';
import { startUiBrowser, type UiBrowser, type UiPage } from '../../support/ui-page.ts';

let browser: UiBrowser;
beforeAll(async () => {
  browser = await startUiBrowser();
});
afterAll(() => browser.close());

const named = async (ui: UiPage, name: string) =>
  (await ui.calls()).filter((call) => call.name === name);

describe('the first paint', () => {
  test('is told once, after there is something to see', async () => {
    const ui = await browser.open();
    await expect.poll(() => named(ui, 'ui.rendered')).toHaveLength(1);
    await ui.page.getByRole('button', { name: 'Administrator' }).waitFor();
    await ui.control((fake) => fake.setState({ person: null }), null);
    await ui.page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await named(ui, 'ui.rendered')).toHaveLength(1);
    await ui.close();
  });

  test('is not told while the kiosk has not answered', async () => {
    const ui = await browser.open({ silent: ['state.get'] });
    await ui.page.getByRole('heading', { name: 'Starting…' }).waitFor();
    expect(await named(ui, 'ui.rendered')).toEqual([]);
    await ui.close();
  });

  test('is not told by a page that failed', async () => {
    const broken = { ...kioskState(), campus: null };
    const ui = await browser.open({
      // What no main sends.
      state: broken as unknown as ReturnType<typeof kioskState>,
    });
    await ui.page.getByRole('button', { name: 'Load again' }).waitFor();
    expect(await named(ui, 'ui.rendered')).toEqual([]);
    expect((await named(ui, 'ui.report')).length).toBeGreaterThan(0);
    await ui.close();
  });

  test('comes when a kiosk that was silent answers at last', async () => {
    const ui = await browser.open(
      { failures: { 'state.get': { code: 'BRIDGE_CLOSED', message: '' } } },
      { runningClock: true },
    );
    await ui.page.getByText('The computer does not answer yet').waitFor();
    await ui.control((fake) => fake.fail('state.get', null), null);
    await expect.poll(() => named(ui, 'ui.rendered')).toHaveLength(1);
    await ui.close();
  });
});

describe('the heartbeat', () => {
  test('beats at the contract’s pace, and falls silent with a blank page', async () => {
    const ui = await browser.open({}, { fakeTimers: true });
    await ui.page.getByRole('button', { name: 'Administrator' }).waitFor();
    // It ran while the page was loading, for however long.
    await ui.page.clock.pauseAt(NOW + 3_600_000);
    const { length } = await named(ui, 'ui.heartbeat');
    await ui.page.clock.runFor(3 * HEARTBEAT_MS + 10);
    expect(await named(ui, 'ui.heartbeat')).toHaveLength(length + 3);
    await ui.page.evaluate("document.getElementById('root').replaceChildren()");
    await ui.page.clock.runFor(3 * HEARTBEAT_MS);
    expect(await named(ui, 'ui.heartbeat')).toHaveLength(length + 3);
    await ui.close();
  });
});

describe('reports', () => {
  test('errors and rejections reach the log, within its bounds', async () => {
    const ui = await browser.open({}, { runningClock: true });
    await ui.page.getByRole('button', { name: 'Administrator' }).waitFor();
    await ui.page.evaluate(`
      setTimeout(() => { throw new Error('thrown ' + 'x'.repeat(5000)); });
      Promise.reject(new Error('rejected'));
      new Promise((done) => setTimeout(done, 20));
    `);
    const reports = (await named(ui, 'ui.report')).map(({ params }) => params);
    expect(reports).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ message: 'rejected' }),
        expect.objectContaining({ message: expect.stringMatching(/^thrown x{1993}$/) }),
      ]),
    );
    await ui.close();
  });

  test('a page that fails in a loop does not fill the log', async () => {
    const ui = await browser.open({}, { runningClock: true });
    await ui.page.getByRole('button', { name: 'Administrator' }).waitFor();
    await ui.page.evaluate(`
      for (let count = 0; count < 200; count++) setTimeout(() => { throw new Error('again'); });
      new Promise((done) => setTimeout(done, 50));
    `);
    expect(await named(ui, 'ui.report')).toHaveLength(50);
    await ui.close();
  });
});

describe('motion', () => {
  test('nothing is animated for who asked the system for less motion', async () => {
    const ui = await browser.open({}, { reducedMotion: 'reduce' });
    await ui.page.locator('[data-entry=windows-chemistry]').click();
    const bar = ui.page.getByRole('progressbar').locator('i');
    await bar.waitFor();
    expect(await bar.evaluate((e) => getComputedStyle(e).animationName)).toBe('none');
    await ui.close();
  });
});
