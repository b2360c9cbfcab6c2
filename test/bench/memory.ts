/**
 * `npm run bench -- memory`: what the idle kiosk holds above bare Chromium with the same UI. The
 * proportional set size of the whole process tree, main included.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDisplay } from '../support/display.ts';
import { processTree, proportionalMemory } from '../support/processes.ts';
import { median, printResult, printTable } from './report.ts';
import { type Screen, startBare, startKiosk } from './screens.ts';

const PAIRS = 3;
const GOAL_MB = 80;
/** After this long nothing of the start is going on. */
const SETTLE_MS = 15_000;

const folder = mkdtempSync(join(tmpdir(), 'vestibule-bench-memory-'));
const display = await startDisplay();
try {
  const rows: [number, number, number, number, number][] = [];
  for (let pair = 1; pair <= PAIRS; pair++) {
    const bare = await measure(startBare);
    const kiosk = await measure(startKiosk);
    rows.push([pair, bare.all, kiosk.all, kiosk.main, kiosk.all - bare.all]);
  }
  const bare = median(rows.map(([, all]) => all));
  const above = median(rows.map(([, , , , difference]) => difference));
  printTable([['pair', 'bare Chromium, MB', 'kiosk, MB', 'of it main, MB', 'above, MB'], ...rows]);
  printResult({
    bench: 'memory',
    ratio: (bare + above) / bare,
    aboveMb: above,
    goal: GOAL_MB,
    ok: above < GOAL_MB,
  });
} finally {
  await display.stop();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
}

/** Megabytes of the whole tree, and of its root. */
async function measure(
  start: (folder: string, env: Record<string, string>) => Promise<Screen>,
): Promise<{ all: number; main: number }> {
  const screen = await start(folder, display.env);
  await sleep(SETTLE_MS);
  const megabytes = (pids: number[]): number =>
    Math.round(pids.reduce((sum, pid) => sum + proportionalMemory(pid), 0) / 1e6);
  const result = {
    all: megabytes(processTree(screen.pid).map(({ pid }) => pid)),
    main: megabytes([screen.pid]),
  };
  await screen.stop();
  return result;
}
