/**
 * `npm run bench -- start`: from process start to a UI that can be used, the kiosk with its own
 * UI against bare Chromium with the same UI as static files, in alternating pairs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDisplay } from '../support/display.ts';
import { median, printResult, printTable } from './report.ts';
import { startBare, startKiosk } from './screens.ts';

const PAIRS = 9;
const GOAL = 1.25;

const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-start-'));
const display = await startDisplay();
try {
  const once = async (start: typeof startBare): Promise<number> => {
    const screen = await start(folder, display.env);
    await screen.stop();
    return Math.round(screen.usableAfter);
  };
  // The first start of each makes its profile.
  await once(startBare);
  await once(startKiosk);
  const rows: [number, number, number][] = [];
  for (let pair = 1; pair <= PAIRS; pair++) {
    rows.push([pair, await once(startBare), await once(startKiosk)]);
  }
  const bare = median(rows.map(([, time]) => time));
  const kiosk = median(rows.map(([, , time]) => time));
  const ratio = median(rows.map(([, a, b]) => b / a));
  printTable([['pair', 'bare Chromium, ms', 'kiosk, ms'], ...rows, ['median', bare, kiosk]]);
  printResult({
    bench: 'start',
    ratio,
    goal: GOAL,
    ok: ratio <= GOAL,
    bareMs: bare,
    kioskMs: kiosk,
  });
} finally {
  await display.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}
