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
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import type { KioskApi } from '../preload/contract/contract.ts';
import type { Display } from '../test/support/display.ts';
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

/** Software emulation on a busy machine is slow; a step that takes longer than this has failed. */
const PATIENCE_MS = 240_000;

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
  const day = new Day(demo, runtimeFolder);
  let failed: string | undefined;
  let number = 0;
  for (const [name, act] of day.steps()) {
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
  await day.disconnect();
  await kiosk.stop();
  const left = processesNaming(runtimeFolder);
  print({ step: 'nothing is left behind', ok: left.length === 0, processes: left });
  if (left.length > 0) failed ??= 'nothing is left behind';
  print(failed === undefined ? { smoke: 'passed' } : { smoke: 'failed', step: failed });
  return failed === undefined ? 0 : 1;
}

type Step = readonly [name: string, act: () => Promise<void>];

class Day {
  readonly #demo: Demo;
  readonly #runtimeFolder: string;
  #browser: Browser | undefined;
  #ui: Page | undefined;

  constructor(demo: Demo, runtimeFolder: string) {
    this.#demo = demo;
    this.#runtimeFolder = runtimeFolder;
  }

  steps(): Step[] {
    return [
      ['the screen comes up', () => this.#connect()],
      ['a person signs in', () => this.#signIn('alice', 'member')],
      ["the machine's image arrives", () => this.#ready('debian-console')],
      ['a machine starts', () => this.#start('debian-console')],
      ['its picture appears', () => this.#picture()],
      ['a key reaches it', () => this.#type()],
      ['back to the tiles while it runs', () => this.#back()],
      [
        'a second session starts: two machines on a private network',
        () => this.#start('debian-networks'),
      ],
      ['their picture appears', () => this.#picture()],
      ['switching to the first is there at once', () => this.#switchTo(/Console/)],
      ['the sessions stop', () => this.#stopAll()],
      ['a web session opens', () => this.#web('Computer networks')],
      ['the return chord closes nothing and shows the tiles', () => this.#webBack()],
      ['the campus is cut off', () => this.#cutOff()],
      ['the person signs out', () => this.#signOut()],
      ['the person signs in without the network', () => this.#signIn('alice', 'member')],
      ['a machine starts without the network', () => this.#start('debian-console')],
      ['its picture appears without the network', () => this.#picture()],
      ['the web session shows its saved copy', () => this.#savedWeb()],
      ['reports wait', () => this.#reportsWait()],
      ['the campus comes back', () => this.#comeBack()],
      ['what was kept is sent', () => this.#reportsArrive()],
      ['the sessions stop at the end of the day', () => this.#stopAll()],
    ];
  }

  async disconnect(): Promise<void> {
    // Only our connection: the browser belongs to the kiosk.
    await this.#browser?.close().catch(() => {});
  }

  get #page(): Page {
    if (!this.#ui) throw new Error('the UI is not there');
    return this.#ui;
  }

  async #connect(): Promise<void> {
    const file = join(this.#runtimeFolder, 'chromium', 'DevToolsActivePort');
    const port = await until(async () => Number(readFileSync(file, 'utf8').split('\n')[0]));
    this.#browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    this.#ui = await until(async () =>
      this.#pages().find((page) => page.url().includes('ui.vestibule')),
    );
    await this.#page.getByLabel('User name').waitFor({ timeout: PATIENCE_MS });
  }

  #pages(): Page[] {
    return this.#browser?.contexts().flatMap((context) => context.pages()) ?? [];
  }

  async #signIn(name: string, secret: string): Promise<void> {
    await this.#page.getByLabel('User name').fill(name);
    await this.#page.getByLabel('Password').fill(secret);
    await this.#page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await this.#page
      .getByRole('list', { name: 'Sessions', exact: true })
      .waitFor({ timeout: PATIENCE_MS });
  }

  #tile(entry: string): Locator {
    return this.#page.locator(`button.tile[data-entry="${entry}"]`);
  }

  async #ready(entry: string): Promise<void> {
    await this.#tile(entry).getByText('Ready, works offline').waitFor({ timeout: PATIENCE_MS });
  }

  async #start(entry: string): Promise<void> {
    await this.#ready(entry);
    await this.#tile(entry).click();
    await this.#page
      .locator('.session-frame[data-shown="true"] iframe')
      .waitFor({ timeout: PATIENCE_MS });
  }

  /** The demo machine has booted when its blue banner is on the screen. */
  async #picture(): Promise<void> {
    await until(async () => ((await this.#blue()) > 0.05 ? true : undefined));
  }

  /** The share of the picture that has the banner's colour. */
  async #blue(): Promise<number> {
    const pixels = (await this.#shot()).match(/#[0-9a-f]{6}/g) ?? [];
    const blue = pixels.filter((pixel) => /^#[0-2].[0-2].[8-f]./.test(pixel));
    return blue.length / Math.max(1, pixels.length);
  }

  async #shot(): Promise<string> {
    const frame = this.#page.locator('.session-frame[data-shown="true"] iframe').contentFrame();
    return frame
      .locator('canvas')
      .first()
      .evaluate((canvas) => {
        if (!(canvas instanceof HTMLCanvasElement)) return '';
        const small = document.createElement('canvas');
        small.width = 64;
        small.height = 64;
        const context = small.getContext('2d');
        context?.drawImage(canvas, 0, 0, 64, 64);
        const data = context?.getImageData(0, 0, 64, 64).data ?? new Uint8ClampedArray();
        let text = '';
        for (let i = 0; i < data.length; i += 4) {
          const [r = 0, g = 0, b = 0] = data.subarray(i, i + 3);
          text += `#${[r, g, b].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
        }
        return text;
      });
  }

  async #type(): Promise<void> {
    await this.#settled();
    const before = await this.#shot();
    await until(async () => {
      await this.#page.keyboard.type('echo vestibule\n', { delay: 50 });
      await sleep(2_000);
      return (await this.#shot()) === before ? undefined : true;
    });
  }

  /** The guest has booted: its screen stays as it is for a while. */
  async #settled(): Promise<void> {
    let last = '';
    let same = 0;
    await until(async () => {
      await sleep(1_000);
      const now = await this.#shot();
      same = now === last ? same + 1 : 0;
      last = now;
      return same >= 4 ? true : undefined;
    });
  }

  async #back(): Promise<void> {
    await this.#page.getByRole('button', { name: 'Back to tiles' }).click();
    await this.#tile('debian-console').waitFor();
    await this.#page.getByText('running 00:').first().waitFor();
  }

  async #switchTo(name: RegExp): Promise<void> {
    await this.#page
      .locator('.session-bar')
      .getByRole('list', { name: 'Running sessions' })
      .getByRole('button', { name })
      .first()
      .click();
    await this.#page.locator('.session-bar h1').filter({ hasText: name }).waitFor();
    if ((await this.#blue()) < 0.05) throw new Error('its picture is gone');
  }

  async #stopAll(): Promise<void> {
    for (;;) {
      await this.#toTiles();
      const running = this.#page.locator('footer').getByRole('button', { name: /· running/ });
      if ((await running.count()) === 0) break;
      await running.first().click();
      await this.#page
        .locator('.session-bar')
        .getByRole('button', { name: 'Stop', exact: true })
        .click();
      const title = await this.#page.locator('.session-bar h1').textContent();
      await this.#page.getByRole('button', { name: 'Stop the session' }).click();
      await this.#page
        .locator('footer')
        .getByRole('button', { name: `${title} · running` })
        .waitFor({ state: 'detached', timeout: PATIENCE_MS });
      await this.#page
        .locator('.session-layer[data-open="false"]')
        .waitFor({ state: 'attached', timeout: PATIENCE_MS });
    }
  }

  async #toTiles(): Promise<void> {
    const back = this.#page.getByRole('button', { name: 'Back to tiles' });
    if (await back.isVisible()) await back.click();
    await this.#page.locator('.session-layer[data-open="false"]').waitFor({ state: 'attached' });
  }

  async #web(heading: string): Promise<void> {
    await this.#toTiles();
    await this.#tile('course-site').click();
    await until(async () => {
      for (const page of this.#pages()) {
        if (!page.url().startsWith(this.#demo.server.url)) continue;
        if (await page.getByRole('heading', { name: heading }).isVisible()) return true;
      }
      return undefined;
    });
  }

  async #webBack(): Promise<void> {
    const view = this.#pages().find((page) => page.url().startsWith(this.#demo.server.url));
    await view?.keyboard.press('Control+Alt+Home');
    await this.#page
      .locator('.session-layer[data-open="false"]')
      .waitFor({ state: 'attached', timeout: PATIENCE_MS });
    await this.#stopAll();
  }

  async #cutOff(): Promise<void> {
    await this.#demo.server.pause();
    await this.#page.getByText(/Offline — catalogue of/).waitFor({ timeout: PATIENCE_MS });
  }

  async #signOut(): Promise<void> {
    await this.#page.locator('footer').getByRole('button', { name: 'Sign out' }).click();
    await this.#page.getByLabel('User name').waitFor({ timeout: PATIENCE_MS });
  }

  async #savedWeb(): Promise<void> {
    await this.#toTiles();
    await this.#web('Computer networks');
    await this.#webBackOnly();
  }

  async #webBackOnly(): Promise<void> {
    const view = this.#pages().find((page) => page.url().startsWith(this.#demo.server.url));
    await view?.keyboard.press('Control+Alt+Home');
    await this.#page.locator('.session-layer[data-open="false"]').waitFor({ state: 'attached' });
  }

  async #reportsWait(): Promise<void> {
    await until(async () => {
      const waiting = await this.#page.evaluate(
        async () => (await (window as unknown as { kiosk: KioskApi }).kiosk.state.get()).outbox,
      );
      return waiting > 0 ? true : undefined;
    });
  }

  async #comeBack(): Promise<void> {
    await this.#demo.server.resume();
    await this.#page.locator('.pill', { hasText: 'Connected' }).waitFor({ timeout: PATIENCE_MS });
  }

  async #reportsArrive(): Promise<void> {
    await until(async () => {
      const waiting = await this.#page.evaluate(
        async () => (await (window as unknown as { kiosk: KioskApi }).kiosk.state.get()).outbox,
      );
      return waiting === 0 && this.#demo.server.reports.size > 0 ? true : undefined;
    });
  }
}

function print(line: object): void {
  console.log(JSON.stringify(line));
}

/** Asks again until there is an answer; what throws is asked again too. */
async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + PATIENCE_MS;
  let last: unknown;
  while (performance.now() < end) {
    try {
      const answer = await ask();
      if (answer !== undefined && !Number.isNaN(answer)) return answer;
    } catch (error) {
      last = error;
    }
    await sleep(200);
  }
  throw new Error(`it did not happen in time${last instanceof Error ? `: ${last.message}` : ''}`);
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
