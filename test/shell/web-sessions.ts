/** What every shell promises of web sessions. Run by chromium.test.ts and electron.test.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ViewOptions } from '../../main/shell/shell.ts';
import { processTree } from '../support/processes.ts';
import {
  type Candidate,
  DISPLAY,
  fileContains,
  filesBelow,
  type Harness,
  insist,
  type Site,
  sitePage,
  startHarness,
  startSite,
  UI,
  until,
} from './harness.ts';

export function webSessionConformance(candidate: Candidate): void {
  describe(`${candidate.name}: web sessions`, () => {
    let h: Harness;
    let site: Site;

    beforeAll(async () => {
      h = await startHarness(candidate);
      site = await startSite();
    });
    afterAll(async () => {
      await site?.stop();
      await h?.stop();
    });
    beforeEach(async () => {
      h.events.returnChord = 0;
      site.clear();
      await h.run(`return 'under the view';`);
    });

    const viewOptions = (over: Partial<ViewOptions> = {}): ViewOptions => ({
      id: 'view',
      url: `http://127.0.0.1:${site.port}/`,
      hosts: ['127.0.0.1'],
      title: 'Session',
      backLabel: 'Back (Ctrl+Alt+Home)',
      refusedText: 'This page is not part of the session.',
      downloads: false,
      uploads: false,
      print: false,
      ...over,
    });

    test('have no bridge, show the strip, and return by the chord', async () => {
      site.pages.set(
        '/',
        sitePage(`
          const strip = await when(() =>
            [...document.documentElement.children].find((one) => one.matches(':popover-open')));
          strip.remove();
          await when(() => strip.isConnected && strip.matches(':popover-open'));
          await when(() => innerWidth === 1280 && innerHeight === 800);
          return {
            kiosk: typeof window.kiosk,
            leaked: Object.getOwnPropertyNames(window).filter((key) => /vestibule/i.test(key)),
            closed: strip.shadowRoot === null,
            size: [innerWidth, innerHeight],
          };`),
      );
      const view = await h.shell.openView(viewOptions());
      expect(await site.report()).toEqual({
        kiosk: 'undefined',
        leaked: [],
        closed: true,
        size: [1280, 800],
      });
      await view.show();
      const returned = (): Promise<void> => until(() => h.events.returnChord > 0);
      await insist(() => h.key('ctrl+alt+Home'), returned());
      // The strip's button is in the middle of the top edge.
      h.events.returnChord = 0;
      await insist(() => h.click(680, 18), returned());
      await view.hide();
      await view.close();
      expect(await view.closed).toEqual({ crashed: false });
    });

    test('reach their own hosts only', async () => {
      const other = `http://localhost:${site.port}`;
      h.displayPages.set('/', { body: 'of the display' });
      site.pages.set('/frame', sitePage(`return 'the frame loaded';`));
      site.pages.set(
        '/',
        sitePage(
          `const get = (url) => fetch(url, { mode: 'no-cors' }).then(() => 'reached', () => 'refused');
           const socket = new Promise((resolve) => {
             const s = new WebSocket('ws://localhost:${site.port}/socket');
             s.onopen = () => resolve('open'); s.onerror = () => resolve('refused');
           });
           const worker = new Promise((resolve) => {
             const source = "fetch('${other}/worker', { mode: 'no-cors' }).then(() => postMessage('reached'), () => postMessage('refused'))";
             const w = new Worker(URL.createObjectURL(new Blob([source])));
             w.onmessage = ({ data }) => resolve(data);
           });
           const result = { ui: await get('${UI}/'), display: await get('${DISPLAY}/'), fetch: await get('${other}/x'), socket: await socket, worker: await worker };
           setTimeout(() => { location.href = '${other}/'; }, 500);
           return result;`,
          `<iframe src="${other}/frame"></iframe>`,
        ),
      );
      const view = await h.shell.openView(viewOptions());
      expect(await site.report()).toEqual({
        ui: 'refused',
        display: 'refused',
        fetch: 'refused',
        socket: 'refused',
        worker: 'refused',
      });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      await view.close();
      expect(site.requests.filter((line) => line.startsWith('localhost'))).toEqual([]);
    });

    test('keep nothing: the next one starts clean', async () => {
      site.pages.set(
        '/',
        sitePage(`
          const before = [document.cookie, localStorage.getItem('kept'), (await caches.keys()).length];
          document.cookie = 'kept=1; max-age=99999';
          localStorage.setItem('kept', '1');
          await caches.open('kept');
          return before;`),
      );
      for (const id of ['first', 'second']) {
        const view = await h.shell.openView(viewOptions({ id }));
        expect(await site.report()).toEqual(['', null, 0]);
        await view.close();
      }
    });

    test('are answered from what was saved when the network does not answer', async () => {
      const gone = await startSite();
      await gone.stop();
      const asked: string[] = [];
      const view = await h.shell.openView(
        viewOptions({
          url: `http://127.0.0.1:${gone.port}/saved`,
          offline: async (request) => {
            asked.push(request.url.pathname);
            if (request.url.pathname !== '/saved') return undefined;
            return {
              status: 200,
              headers: { 'content-type': 'text/html' },
              body: new TextEncoder().encode(`<script>fetch('/shown')</script>`),
            };
          },
        }),
      );
      await until(() => asked.includes('/shown'));
      expect(asked[0]).toBe('/saved');
      await view.close();
    });

    test('fold a popup into themselves', async () => {
      site.pages.set(
        '/',
        sitePage(
          `return 'ready';`,
          '<a href="/popup" target="_blank" rel="opener" style="position:fixed;inset:100px 0 0 0">x</a>',
        ),
      );
      site.pages.set('/popup', sitePage(`return { popup: true, opener: window.opener };`));
      const view = await h.shell.openView(viewOptions());
      expect(await site.report()).toBe('ready');
      await view.show();
      const popup = insist(() => h.click(600, 400), site.report());
      expect(await popup).toEqual({ popup: true, opener: null });
      await view.close();
    });

    test('refuse files in and out', async () => {
      site.pages.set(
        '/',
        sitePage(
          `const link = document.createElement('a');
           link.href = URL.createObjectURL(new Blob(['x']));
           link.download = 'leak.txt';
           link.click();
           const input = document.querySelector('input');
           input.addEventListener('cancel', () => say('no file'));
           await sleep(500);
           return 'ready';`,
          '<input type="file" style="position:fixed;inset:100px 0 0 0;width:100%;height:600px">',
        ),
      );
      const view = await h.shell.openView(viewOptions());
      expect(await site.report()).toBe('ready');
      await view.show();
      expect(await insist(() => h.click(200, 400), site.report())).toBe('no file');
      await view.close();
      expect(filesBelow(h.home).filter((name) => name.includes('leak'))).toEqual([]);
    });

    test('take files away where the policy allows it, and keep them no longer than themselves', async () => {
      site.pages.set(
        '/',
        sitePage(
          `const link = document.createElement('a');
           link.href = URL.createObjectURL(new Blob(['what it gives']));
           link.download = 'given.txt';
           link.click();
           return 'ready';`,
        ),
      );
      const given = (): string[] =>
        filesBelow(h.home).filter((path) => fileContains(path, 'what it gives'));
      const view = await h.shell.openView(viewOptions({ downloads: true }));
      expect(await site.report()).toBe('ready');
      await until(() => given().length > 0);
      await view.close();
      await until(() => given().length === 0);
    });

    test('print nothing where the policy does not allow it', async () => {
      site.pages.set('/', sitePage(`window.print(); return window.print.toString();`));
      const view = await h.shell.openView(viewOptions({ print: false }));
      expect(await site.report()).not.toContain('native code');
      await view.close();
    });

    test('that crash are over, and the UI is not', async () => {
      const before = new Set(processTree(h.pid()).map(({ pid }) => pid));
      site.pages.set('/', sitePage(`return 'up';`));
      const view = await h.shell.openView(viewOptions());
      expect(await site.report()).toBe('up');
      for (const { pid, commandLine } of processTree(h.pid())) {
        if (commandLine.includes('--type=renderer') && !before.has(pid)) {
          process.kill(pid, 'SIGKILL');
        }
      }
      expect(await view.closed).toEqual({ crashed: true });
      expect(await h.run(`return 'still here';`)).toBe('still here');
    });
  });
}
