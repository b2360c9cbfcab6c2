/** The whole way by keyboard alone: every step is a key, and the focus is always to be seen. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { kioskState, session } from '../../support/fake-scenario.ts';
import { startUiBrowser, type UiBrowser, type UiPage } from '../../support/ui-page.ts';

let browser: UiBrowser;
beforeAll(async () => {
  browser = await startUiBrowser();
});
afterAll(() => browser.close());

/** The focused element's words, as far as a person would name it. */
async function focused({ page }: UiPage): Promise<string> {
  return await page.evaluate(`(() => {
    const element = document.activeElement;
    if (!element || element === document.body) return '';
    const label = element.labels?.[0]?.textContent ?? element.getAttribute('aria-label');
    const lead = element.querySelector('.name')?.textContent ?? element.title;
    return label || lead || element.textContent;
  })()`);
}

async function pressUntil(ui: UiPage, key: string, wanted: string, limit = 30): Promise<void> {
  for (let count = 0; count < limit; count++) {
    if ((await focused(ui)) === wanted) return;
    await ui.page.keyboard.press(key);
  }
  expect(await focused(ui)).toBe(wanted);
}

/** Whether the focused element has a ring around it. */
async function ringed({ page }: UiPage): Promise<boolean> {
  return await page.evaluate(`(() => {
    const style = getComputedStyle(document.activeElement);
    return style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 3;
  })()`);
}

test('from sign-in to a session, back, and out', async () => {
  const ui = await browser.open({ state: kioskState({ person: null }) });
  const { page } = ui;
  const { keyboard } = page;
  await page.getByLabel('User name').waitFor();
  await expect.poll(() => focused(ui)).toBe('User name');
  await keyboard.type('lhaddad');
  await keyboard.press('Tab');
  expect(await focused(ui)).toBe('Password');
  await keyboard.type('correct');
  await keyboard.press('Enter');

  await page.getByRole('heading', { name: 'Good afternoon, Lina Haddad' }).waitFor();
  await expect.poll(() => focused(ui)).toBe('Windows 11 — Chemistry');
  expect(await ringed(ui)).toBe(true);
  for (const [key, there] of [
    ['ArrowRight', 'Debian — Networks lab'],
    ['ArrowDown', 'Course site'],
    ['ArrowUp', 'Debian — Networks lab'],
    ['End', 'Course site'],
    ['Home', 'Windows 11 — Chemistry'],
    ['ArrowLeft', 'Windows 11 — Chemistry'],
  ] as const) {
    await keyboard.press(key);
    expect(await focused(ui)).toBe(there);
    expect(await ringed(ui)).toBe(true);
  }

  // What cannot start says why, and gives the focus back.
  await pressUntil(ui, 'ArrowRight', 'Staff desktop');
  await keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Staff desktop cannot start now' }).waitFor();
  await keyboard.press('Escape');
  await expect.poll(() => focused(ui)).toBe('Staff desktop');

  await keyboard.press('Home');
  await keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Preparing your session' }).waitFor();
  // The screen behind is out of reach now.
  await expect.poll(() => focused(ui)).toContain('Back to tiles');
  await pressUntil(ui, 'Tab', 'Cancel');
  await pressUntil(ui, 'Tab', '← Back to tiles');
  await keyboard.press('Enter');
  // Where one left.
  await expect.poll(() => focused(ui)).toBe('Windows 11 — Chemistry');

  await pressUntil(ui, 'Tab', 'Power');
  expect(await ringed(ui)).toBe(true);
  await keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await keyboard.press('End');
  await keyboard.press('Enter');
  await page.getByRole('alertdialog', { name: 'Shut down this computer?' }).waitFor();
  await expect.poll(() => focused(ui)).toBe('Cancel');
  await keyboard.press('Escape');
  await page.getByRole('alertdialog').waitFor({ state: 'detached' });
  await expect.poll(() => focused(ui)).toBe('Power');
  await pressUntil(ui, 'Shift+Tab', 'Sign out');
  await keyboard.press('Enter');
  await page.getByRole('alertdialog', { name: 'Sign out?' }).waitFor();
  await pressUntil(ui, 'Tab', 'End sessions and sign out');
  await keyboard.press('Enter');
  await page.getByLabel('User name').waitFor();
  expect(ui.complaints).toEqual([]);
  await ui.close();
});

test('the arrows follow the reading direction', async () => {
  const ui = await browser.open({
    state: kioskState({
      preferences: { locale: 'ar', highContrast: false, textScale: 1, reducedMotion: false },
    }),
  });
  await expect.poll(() => focused(ui)).toBe('Windows 11 — Chemistry');
  await ui.page.keyboard.press('ArrowLeft');
  expect(await focused(ui)).toBe('Debian — Networks lab');
  await ui.page.keyboard.press('ArrowRight');
  expect(await focused(ui)).toBe('Windows 11 — Chemistry');
  await ui.close();
});

test('preferences and the administrator area need no pointer', async () => {
  const ui = await browser.open({
    state: kioskState({
      person: { id: 'admin', name: 'Alex Roy', kind: 'admin', groups: [], offline: false },
    }),
  });
  const { page } = ui;
  const { keyboard } = page;
  await pressUntil(ui, 'Tab', 'Accessibility');
  await keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Accessibility' }).waitFor();
  await expect
    .poll(() => page.evaluate("document.activeElement?.closest('dialog, [role=dialog]') !== null"))
    .toBe(true);
  await page.evaluate('document.activeElement.blur');
  await keyboard.press('Tab');
  await keyboard.press('Space');
  await page.locator('html[data-contrast=high], html[data-motion=reduced]').waitFor();
  await keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await pressUntil(ui, 'Tab', 'Administrator');
  await keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Administrator area' }).waitFor();
  await pressUntil(ui, 'Tab', 'Device');
  await keyboard.press('ArrowDown');
  await page.getByRole('heading', { name: 'Network' }).waitFor();
  await pressUntil(ui, 'Tab', 'Run the checks');
  await keyboard.press('Enter');
  await page.getByText('10.20.0.53 does not answer').waitFor();
  await ui.close();
});

test('Tab leads out of the session bar into the picture, and a dialog keeps it in', async () => {
  const ui = await browser.open({
    sessions: [session({ id: 's-1', shown: true, machine: null })],
  });
  const { page } = ui;
  const frame = page.locator('iframe[aria-label="Debian — Networks lab"]');
  await frame.waitFor();
  await expect.poll(() => frame.evaluate((e) => e === document.activeElement)).toBe(true);
  await page.getByRole('button', { name: 'Stop' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('alertdialog').waitFor();
  for (let count = 0; count < 5; count++) {
    await page.keyboard.press('Tab');
    expect(
      await page.evaluate("document.activeElement.closest('[role=alertdialog]') !== null"),
    ).toBe(true);
  }
  await ui.close();
});

test("the computer's power button asks, wherever the focus is", async () => {
  const { page } = await browser.open({ state: kioskState({ person: null }) });
  await page.getByLabel('User name').waitFor();
  // As Chromium names XF86PowerOff; playwright's keyboard has no such key.
  await page.evaluate(
    `document.activeElement.dispatchEvent(new KeyboardEvent('keydown', { code: 'Power', key: 'PowerOff', bubbles: true, cancelable: true }))`,
  );
  await page.getByRole('alertdialog').or(page.getByRole('dialog')).waitFor();
  await page.keyboard.press('Escape');
  await page.getByLabel('User name').waitFor();
});
