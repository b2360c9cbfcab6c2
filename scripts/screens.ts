/**
 * Takes the picture of every screen of the built-in UI into docs/screens, from a fake kiosk in
 * Debian's Chromium. Names as arguments take only those.
 */
import { mkdir } from 'node:fs/promises';
import { startUiBrowser } from '../test/support/ui-page.ts';
import { openScreen, SCREENS } from '../test/support/ui-screens.ts';

const folder = new URL('../docs/screens/', import.meta.url);
const chosen = process.argv.slice(2);
const browser = await startUiBrowser();
await mkdir(folder, { recursive: true });
try {
  for (const screen of SCREENS) {
    if (chosen.length > 0 && !chosen.includes(screen.name)) continue;
    const ui = await openScreen(browser.open, screen);
    // The cursor's blinking and the bar of an unknown progress would differ from run to run.
    await ui.page.screenshot({
      path: new URL(`${screen.name}.png`, folder).pathname,
      animations: 'disabled',
      caret: 'hide',
    });
    for (const complaint of ui.complaints) console.log(`${screen.name}: ${complaint}`);
    await ui.close();
  }
} finally {
  await browser.close();
}
