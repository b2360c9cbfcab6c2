import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { Launcher } from '../../main/process/launcher.ts';
import { createChromiumShell } from '../../main/shell/chromium/chromium-shell.ts';
import { startChromium } from '../../main/shell/chromium/launch.ts';
import { findChromium } from '../../main/shell/select.ts';
import { processTree } from '../support/processes.ts';
import { conformance } from './conformance.ts';
import { type Candidate, page, startHarness, UI, until } from './harness.ts';
import { pagesConformance } from './pages.ts';
import { webSessionConformance } from './web-sessions.ts';

const program = findChromium({ env: process.env, root: process.cwd() });
if (program === null) throw new Error('the tests need the package chromium');

const candidate = (developer = false): Candidate => ({
  name: 'chromium',
  async create(options) {
    const settings = { ...options, developer, program, launcher: new Launcher(options.log) };
    const started = await startChromium(settings);
    return {
      shell: await createChromiumShell({ ...settings, started }),
      pid: () => started.child.pid,
    };
  },
});

conformance(candidate());
webSessionConformance(candidate());
pagesConformance(candidate());

describe('chromium alone', () => {
  test('a browser that dies is started again, and its web sessions are over', async () => {
    const h = await startHarness(candidate());
    try {
      await h.run(`return 'first';`);
      const view = await h.shell.openView({
        id: 'view',
        url: 'http://127.0.0.1:1/',
        hosts: ['127.0.0.1'],
        title: 'Session',
        backLabel: 'Back',
        refusedText: 'No.',
        downloads: false,
        uploads: false,
        print: false,
      });
      h.uiPages.set('/', page('', `return 'second';`));
      process.kill(h.pid(), 'SIGKILL');
      expect(await view.closed).toEqual({ crashed: true });
      expect(await h.said()).toBe('second');
      expect(h.events.crashed).toEqual(['the browser ended']);
      expect(await h.run(`return (await kiosk.people.continueAsGuest()).id;`)).toBe('guest');
    } finally {
      await h.stop();
    }
  });

  test('a process that dies leaves no dump of its memory', async () => {
    const h = await startHarness(candidate());
    try {
      await h.run(`return 'first';`);
      const crashes = join(h.home, 'crashes');
      // The handler is at work; what it cannot do is write.
      await until(() => existsSync(join(crashes, 'settings.dat')));
      h.uiPages.set('/', page('', `return 'second';`));
      for (const { pid, commandLine } of processTree(h.pid())) {
        if (commandLine.includes('--type=renderer')) process.kill(pid, 'SIGSEGV');
      }
      expect(await h.said()).toBe('second');
      const left = readdirSync(h.home, { recursive: true, encoding: 'utf8' });
      expect(left.filter((path) => path.endsWith('.dmp'))).toEqual([]);
    } finally {
      await h.stop();
    }
  });

  test('a developer drives the page over TCP while main has the pipe', async () => {
    const h = await startHarness(candidate(true));
    try {
      await h.run(`return 'shown';`);
      const port = h.shell.developerPort;
      const browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`);
      try {
        const pages = browser.contexts().flatMap((context) => context.pages());
        const ui = pages.find((each) => each.url() === `${UI}/`);
        expect(await ui?.evaluate('kiosk.version')).toBe(1);
        await ui?.evaluate(`kiosk.ui.report({ message: '"from outside"' })`);
        expect(await h.said()).toBe('from outside');
      } finally {
        await browser.close();
      }
      // The guest has left; the pipe and the page have not.
      await until(async () => (await h.run(`return 'still shown';`)) === 'still shown');
    } finally {
      await h.stop();
    }
  });
});
