/** The student screen lies as the design does: both are laid out by the same browser and compared. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startUiBrowser, type UiBrowser } from '../../support/ui-page.ts';
import { openScreen, SCREENS } from '../../support/ui-screens.ts';

let browser: UiBrowser;
beforeAll(async () => {
  browser = await startUiBrowser();
});
afterAll(() => browser.close());

interface Look {
  readonly box: number[];
  readonly style: string[];
}

/** Runs in either page: boxes and looks of what both have, by name. */
const LOOKS = `(() => {
  const styles = ['color', 'backgroundColor', 'fontSize', 'fontWeight', 'opacity', 'borderRadius'];
  const looks = {};
  const add = (name, element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    looks[name] = { box: [x, y, width, height], style: styles.map((key) => style[key]) };
  };
  add('header', document.querySelector('header'));
  add('campus', document.querySelector('header b'));
  add('room', document.querySelector('header .room'));
  add('pill', document.querySelector('.pill'));
  add('clock', document.querySelector('.clock'));
  add('greeting', document.querySelector('h1'));
  add('lead', document.querySelector('main > p'));
  document.querySelectorAll('.tile').forEach((tile, index) => {
    add('tile ' + index, tile);
    for (const part of ['icon', 'name', 'kind', 'state', 'bar', 'bar i']) {
      const element = tile.querySelector('.' + part);
      if (element) add('tile ' + index + ' ' + part, element);
    }
  });
  add('footer', document.querySelector('footer'));
  add('running', document.querySelector('.run'));
  const buttons = [...document.querySelectorAll('footer button:not(.run)')];
  buttons.forEach((button, index) => add('button ' + index, button));
  return looks;
})()`;

test('every part of the design has its place, size and look', async () => {
  const screen = SCREENS.find(({ name }) => name === 'home');
  if (!screen) throw new Error('there is no home screen');
  const ui = await openScreen(browser.open, screen);
  const actual: Record<string, Look> = await ui.page.evaluate(LOOKS);
  const html = await readFile(new URL('fixtures/student-screen.html', import.meta.url), 'utf8');
  await ui.page.context().newPage();
  const [, page] = ui.page.context().pages();
  if (!page) throw new Error('no second page');
  await page.setContent(html);
  const design: Record<string, Look> = await page.evaluate(LOOKS);
  await ui.close();

  expect(Object.keys(actual)).toEqual(Object.keys(design));
  const differences = Object.entries(design).flatMap(([name, expected]) => {
    const found = actual[name];
    const far = expected.box.some((edge, at) => Math.abs(edge - (found?.box[at] ?? 0)) > 1);
    // The design's footer buttons are in the browser's black; ours in the page's ink.
    const from = name.startsWith('button') ? 1 : 0;
    const other = expected.style.slice(from).join() !== found?.style.slice(from).join();
    return far || other ? [{ name, expected, found }] : [];
  });
  expect(differences).toEqual([]);
});
