/**
 * What a person does on a kiosk in a day, without the person: through the real UI in the real
 * browser, with real machines, and with the campus really gone in the middle. One JSON line a
 * step; the first that fails ends it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Display } from '../test/support/display.ts';
import { KioskDriver, PATIENCE_MS, until } from '../test/support/kiosk-driver.ts';
import type { Demo } from './demo-campus.ts';
import { startKioskProcess } from './kiosk-process.ts';

export interface SmokeOptions {
  readonly demo: Demo;
  readonly display: Display;
  readonly dataFolder: string;
  readonly runtimeFolder: string;
  /** Folder for a picture after each step. */
  readonly screenshots: string | undefined;
  readonly say: (text: string) => void;
}

/** @returns the exit code */
export async function smoke(options: SmokeOptions): Promise<number> {
  const { demo, display, dataFolder, runtimeFolder, screenshots, say } = options;
  if (screenshots !== undefined) mkdirSync(screenshots, { recursive: true });
  const kiosk = startKioskProcess({
    settingsFile: demo.settingsFile,
    dataFolder,
    runtimeFolder,
    windowed: false,
    developer: true,
    env: display.env,
    say,
  });
  const died = kiosk.exited.then(({ code, signal }) => {
    throw new Error(`the kiosk ended with ${signal ?? code}`);
  });
  died.catch(() => {});
  const driver = new KioskDriver(runtimeFolder);
  let failed: string | undefined;
  let number = 0;
  for (const [name, act] of stepsOf(demo, driver)) {
    number++;
    const from = performance.now();
    const done = (more: object): void =>
      print({ step: name, ms: Math.round(performance.now() - from), ...more });
    try {
      await Promise.race([act(), died, timeout()]);
      done({ ok: true });
    } catch (error) {
      failed = name;
      done({ ok: false, reason: error instanceof Error ? error.message : String(error) });
    }
    if (screenshots !== undefined) {
      const file = `${String(number).padStart(2, '0')}-${name.replaceAll(/\W+/g, '-')}.png`;
      await capture(display, join(screenshots, file));
    }
    if (failed !== undefined) break;
  }
  await driver.disconnect();
  await kiosk.stop();
  const left = await remaining(runtimeFolder);
  print({ step: 'nothing is left behind', ok: left.length === 0, processes: left });
  if (left.length > 0) failed ??= 'nothing is left behind';
  print(failed === undefined ? { smoke: 'passed' } : { smoke: 'failed', step: failed });
  return failed === undefined ? 0 : 1;
}

type Step = readonly [name: string, act: () => Promise<unknown>];

/** The day, in order. Each step leaves what the next one needs. */
function stepsOf({ server }: Demo, kiosk: KioskDriver): Step[] {
  const site = server.url;
  const pill = (text: string | RegExp) =>
    kiosk.page.locator('.pill', { hasText: text }).waitFor({ timeout: PATIENCE_MS });
  return [
    ['the screen comes up', () => kiosk.connect()],
    ['a person signs in', () => kiosk.signIn('alice', 'member')],
    ["the machine's image arrives", () => kiosk.ready('debian-console')],
    ['a machine starts', () => kiosk.start('debian-console')],
    ['its picture appears', () => kiosk.picture()],
    ['a key reaches it', () => kiosk.type()],
    ['back to the tiles while it runs', () => kiosk.back()],
    ['two machines on a private network start', () => kiosk.start('debian-networks')],
    ['their picture appears', () => kiosk.picture()],
    ['switching to the first shows it at once', () => kiosk.switchTo(/Console/)],
    ['the sessions stop', () => kiosk.stopAll()],
    ['a web session opens', () => kiosk.openWeb(site, 'Computer networks')],
    ['the return chord shows the tiles', () => kiosk.chordInWeb(site)],
    ['the web session stops', () => kiosk.stopAll()],
    ['the campus is cut off', () => server.pause().then(() => pill(/Offline — catalogue of/))],
    ['the person signs out', () => kiosk.signOut()],
    ['the person signs in without the network', () => kiosk.signIn('alice', 'member')],
    ['a machine starts without the network', () => kiosk.start('debian-console')],
    ['its picture appears without the network', () => kiosk.picture()],
    ['the web session shows its saved copy', () => kiosk.openWeb(site, 'Computer networks')],
    ['the return chord works there too', () => kiosk.chordInWeb(site)],
    ['reports wait', () => until(async () => (await kiosk.state()).outbox > 0 || undefined)],
    ['the campus comes back', () => server.resume().then(() => pill('Connected'))],
    [
      'what was kept is sent',
      () =>
        until(
          async () => ((await kiosk.state()).outbox === 0 && server.reports.size > 0) || undefined,
        ),
    ],
    ['the sessions stop at the end of the day', () => kiosk.stopAll()],
  ];
}

function print(line: object): void {
  console.log(JSON.stringify(line));
}

async function timeout(): Promise<never> {
  await sleep(PATIENCE_MS, undefined, { ref: false });
  throw new Error('it took too long');
}

/** The whole screen, as a person sees it. */
async function capture(display: Display, path: string): Promise<void> {
  const child = spawn('import', ['-window', 'root', path], { env: display.env, stdio: 'ignore' });
  await once(child, 'close');
}

/** What lives on after a moment in which processes may notice that their machines are gone. */
async function remaining(folder: string): Promise<string[]> {
  for (let tries = 0; tries < 25 && processesNaming(folder).length > 0; tries++) await sleep(200);
  return processesNaming(folder);
}

/** Programs of a run that still live: their command lines name its folder. */
function processesNaming(folder: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return line.includes(folder) ? [line.slice(0, 120)] : [];
      } catch {
        return [];
      }
    });
}
