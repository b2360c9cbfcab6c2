/** For a file of tests with the built-in UI: one browser, and for each test a page of its own. */
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { FakeScenario } from './fake-kiosk.ts';
import { type OpenOptions, startUiBrowser, type UiBrowser, type UiPage } from './ui-page.ts';

export interface UiBench {
  /** The page that was opened last. */
  readonly ui: UiPage;
  /** Opens the test's page; at the test's end it must not have complained about anything. */
  open(change?: Partial<FakeScenario>, options?: OpenOptions): Promise<UiPage['page']>;
  /** The calls of this name so far. */
  named(name: string): Promise<{ name: string; params: unknown }[]>;
}

/** Call it once, outside of any test. */
export function uiBench(): UiBench {
  let browser: UiBrowser;
  let ui: UiPage;
  beforeAll(async () => {
    browser = await startUiBrowser();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    const { complaints } = ui;
    await ui.close();
    expect(complaints).toEqual([]);
  });
  return {
    get ui() {
      return ui;
    },
    async open(change, options) {
      ui = await browser.open(change, options);
      return ui.page;
    },
    named: async (name) => (await ui.calls()).filter((call) => call.name === name),
  };
}
