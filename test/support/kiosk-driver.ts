/**
 * Drives a real kiosk as a person would: through the page, in the browser that the kiosk itself
 * started. Texts are the English ones of the built-in UI.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';
import type { KioskApi } from '../../preload/contract/contract.ts';
import type { KioskState, Session } from '../../preload/contract/model.ts';

/** Software emulation on a busy machine is slow; what takes longer than this has failed. */
export const PATIENCE_MS = 240_000;
/** A page that has not answered by now is dying, or hangs: it is looked for again. */
const ANSWER_MS = 10_000;

export class KioskDriver {
  readonly #runtimeFolder: string;
  #browser: Browser | undefined;
  #ui: Page | undefined;

  constructor(runtimeFolder: string) {
    this.#runtimeFolder = runtimeFolder;
  }

  get page(): Page {
    if (!this.#ui) throw new Error('the UI is not there');
    return this.#ui;
  }

  /**
   * Attaches to the browser of a kiosk that was started with `developer`, and waits for the UI:
   * by default for the one that the campus publishes now.
   */
  async connect({ live = true } = {}): Promise<void> {
    const file = join(this.#runtimeFolder, 'chromium', 'DevToolsActivePort');
    // The file may be the one of a browser that is gone: read it again until somebody answers.
    this.#browser = await until(async () => {
      const port = Number(readFileSync(file, 'utf8').split('\n')[0]);
      return chromium.connectOverCDP(`http://127.0.0.1:${port}`);
    });
    // The campus's own UI replaces the built-in one when it has arrived: not while we type.
    await until(async () => {
      // Looked for each time: a page that crashed is not the one that comes back.
      this.#ui = this.pages().find((page) => page.url().includes('ui.vestibule'));
      this.#ui?.setDefaultTimeout(PATIENCE_MS);
      const state = await Promise.race([this.state(), sleep(ANSWER_MS)]);
      return state && (state.ui.source === 'live' || !live) ? true : undefined;
    });
  }

  async disconnect(): Promise<void> {
    // Only our connection: the browser belongs to the kiosk.
    await this.#browser?.close().catch(() => {});
  }

  /** What main says of itself, through the page. */
  state(): Promise<KioskState> {
    return this.page.evaluate(() => (window as unknown as { kiosk: KioskApi }).kiosk.state.get());
  }

  sessions(): Promise<Session[]> {
    return this.page.evaluate(() =>
      (window as unknown as { kiosk: KioskApi }).kiosk.sessions.list(),
    );
  }

  pages(): Page[] {
    return this.#browser?.contexts().flatMap((context) => context.pages()) ?? [];
  }

  async signIn(name: string, secret: string): Promise<void> {
    await this.page.getByLabel('User name').fill(name);
    await this.page.getByLabel('Password').fill(secret);
    await this.page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await this.page.getByRole('list', { name: 'Sessions', exact: true }).waitFor();
  }

  tile(entry: string): Locator {
    return this.page.locator(`button.tile[data-entry="${entry}"]`);
  }

  async ready(entry: string): Promise<void> {
    await this.tile(entry).getByText('Ready, works offline').waitFor();
  }

  async start(entry: string): Promise<void> {
    await this.ready(entry);
    await this.tile(entry).click();
    await this.page.locator('.session-frame[data-shown="true"] iframe').waitFor();
  }

  /** The demo machine has booted when its blue banner is on the screen. */
  async picture(): Promise<void> {
    await until(async () => ((await this.#blue()) > 0.05 ? true : undefined));
  }

  /** The share of the picture that has the banner's colour. */
  async #blue(): Promise<number> {
    const pixels = (await this.shot()).match(/#[0-9a-f]{6}/g) ?? [];
    const blue = pixels.filter((pixel) => /^#[0-2].[0-2].[8-f]./.test(pixel));
    return blue.length / Math.max(1, pixels.length);
  }

  async shot(): Promise<string> {
    const frame = this.page.locator('.session-frame[data-shown="true"] iframe').contentFrame();
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

  async type(): Promise<void> {
    await this.#settled();
    const before = await this.shot();
    await until(async () => {
      await this.page.keyboard.type('echo vestibule\n', { delay: 50 });
      await sleep(2_000);
      return (await this.shot()) === before ? undefined : true;
    });
  }

  /** The guest has booted: its screen stays as it is for a while. */
  async #settled(): Promise<void> {
    let last = '';
    let same = 0;
    await until(async () => {
      await sleep(1_000);
      const now = await this.shot();
      same = now === last ? same + 1 : 0;
      last = now;
      return same >= 4 ? true : undefined;
    });
  }

  async back(): Promise<void> {
    await this.page.getByRole('button', { name: 'Back to tiles' }).click();
    await this.tile('debian-console').waitFor();
    await this.page.getByText('running 00:').first().waitFor();
  }

  async switchTo(name: RegExp): Promise<void> {
    await this.page
      .locator('.session-bar')
      .getByRole('list', { name: 'Running sessions' })
      .getByRole('button', { name })
      .first()
      .click();
    await this.page.locator('.session-bar h1').filter({ hasText: name }).waitFor();
    if ((await this.#blue()) < 0.05) throw new Error('its picture is gone');
  }

  async stopAll(): Promise<void> {
    for (;;) {
      await this.toTiles();
      const running = this.page.locator('footer').getByRole('button', { name: /· running/ });
      if ((await running.count()) === 0) break;
      await running.first().click();
      await this.page
        .locator('.session-bar')
        .getByRole('button', { name: 'Stop', exact: true })
        .click();
      const title = await this.page.locator('.session-bar h1').textContent();
      await this.page.getByRole('button', { name: 'Stop the session' }).click();
      await this.page
        .locator('footer')
        .getByRole('button', { name: `${title} · running` })
        .waitFor({ state: 'detached' });
      await this.#tilesShown();
    }
  }

  async toTiles(): Promise<void> {
    const back = this.page.getByRole('button', { name: 'Back to tiles' });
    if (await back.isVisible()) await back.click();
    await this.#tilesShown();
  }

  async openWeb(siteUrl: string, heading: string): Promise<void> {
    await this.toTiles();
    await this.tile('course-site').click();
    await until(async () => {
      for (const page of this.pages()) {
        if (!page.url().startsWith(siteUrl)) continue;
        if (await page.getByRole('heading', { name: heading }).isVisible()) return true;
      }
      return undefined;
    });
  }

  /** The return chord, pressed where the person is: in the web session's page. */
  async chordInWeb(siteUrl: string): Promise<void> {
    const view = this.pages().find((page) => page.url().startsWith(siteUrl));
    await view?.keyboard.press('Control+Alt+Home');
    await this.#tilesShown();
  }

  async signOut(): Promise<void> {
    await this.page.locator('footer').getByRole('button', { name: 'Sign out' }).click();
    await this.page.getByLabel('User name').waitFor();
  }

  async #tilesShown(): Promise<void> {
    const closed = this.page.locator('.session-layer[data-open="false"]');
    await closed.waitFor({ state: 'attached' });
  }
}

/** Asks again until there is an answer; what throws is asked again too. */
export async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
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
