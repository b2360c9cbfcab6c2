/**
 * `npm start`: the whole product on one computer. An embedded campus on loopback, and the kiosk
 * on it.
 *
 *   npm start                 the kiosk on the whole screen (Ctrl+C in the terminal ends it)
 *   npm start -- --windowed   in a window
 *   npm start -- --smoke      does what a person would, through the real UI; one JSON line a step
 *   npm start -- --fresh      forgets what earlier runs kept
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startDisplay } from '../test/support/display.ts';
import { startDemoCampus } from './demo-campus.ts';
import { startKioskProcess } from './kiosk-process.ts';
import { smoke } from './smoke.ts';

const root = join(fileURLToPath(import.meta.url), '..', '..');
const say = (text: string): void => console.error(`vestibule: ${text}`);

const { values } = parseArgs({
  options: {
    windowed: { type: 'boolean', default: false },
    smoke: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    screenshots: { type: 'string' },
  },
});

const runtimeFolder = mkdtempSync(join(tmpdir(), 'vestibule-'));
// The smoke run starts as a kiosk that has never seen its campus.
const folder = values.smoke ? join(runtimeFolder, 'demo') : join(root, '.cache', 'demo');
if (values.fresh) rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });

let code = 1;
try {
  code = values.smoke ? await runSmoke() : await runKiosk();
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
} finally {
  rmSync(runtimeFolder, { recursive: true, force: true });
}
process.exit(code);

async function runKiosk(): Promise<number> {
  const display =
    process.env.DISPLAY || process.env.WAYLAND_DISPLAY ? undefined : await ownDisplay();
  const demo = await startDemoCampus(folder, say);
  say(`the campus is at ${demo.server.url} (people: alice/member, bob/member, admin/admin)`);
  const kiosk = startKioskProcess({
    settingsFile: demo.settingsFile,
    dataFolder: join(folder, 'kiosk'),
    runtimeFolder: join(runtimeFolder, 'run'),
    windowed: values.windowed,
    developer: values.windowed,
    env: display?.env ?? process.env,
    say,
  });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => void kiosk.stop());
  const exit = await kiosk.exited;
  await demo.server.stop();
  await display?.stop();
  return exit.code ?? 1;
}

async function runSmoke(): Promise<number> {
  const display = await startDisplay([1280, 800]);
  try {
    const demo = await startDemoCampus(folder, say, { 'campus.pollSeconds': 5 });
    try {
      return await smoke({
        demo,
        display,
        dataFolder: join(folder, 'kiosk'),
        runtimeFolder: join(runtimeFolder, 'run'),
        screenshots: values.screenshots,
        say,
      });
    } finally {
      await demo.server.stop();
    }
  } finally {
    await display.stop();
  }
}

async function ownDisplay() {
  say('there is no display here: starting Xvfb (look at it with a VNC server, or use --smoke)');
  return startDisplay([1280, 800]);
}
