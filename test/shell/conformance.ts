/** What every shell promises, whichever it is. Run by chromium.test.ts. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import type { ViewOptions } from '../../main/shell/shell.ts';
import { MAX_MESSAGE_LENGTH } from '../../preload/contract/contract.ts';
import { listeningPorts, processTree } from '../support/processes.ts';
import {
  type Candidate,
  DISPLAY,
  type Harness,
  page,
  type Site,
  sitePage,
  startHarness,
  startSite,
  UI,
  until,
} from './harness.ts';

export function conformance(candidate: Candidate): void {
  describe(`${candidate.name}: the shell port`, () => {
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
    beforeEach(() => {
      h.role = 'anyone';
      h.calls.length = 0;
      h.events.returnChord = 0;
      h.events.crashed.length = 0;
      site.clear();
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

    describe('the bridge', () => {
      test('window.kiosk answers calls, and nobody can change it', async () => {
        expect(
          await h.run(`
            const person = await kiosk.people.continueAsGuest();
            window.kiosk = 1;
            return { person, version: kiosk.version, frozen: Object.isFrozen(kiosk.people) };`),
        ).toEqual({
          person: { id: 'guest', name: 'Guest', kind: 'guest', groups: [], offline: false },
          version: 1,
          frozen: true,
        });
        expect(h.calls[0]?.caller).toEqual({ origin: UI, topFrame: true, load: null });
      });

      test('a call says which load its page belongs to, and no page can say otherwise', async () => {
        h.uiPages.set('/tried', {
          ...page(
            '',
            `PerformanceNavigationTiming.prototype.constructor = null;
             performance.getEntriesByType = () => [{ serverTiming: [{ name: 'vestibule-load', description: 'other' }] }];
             await kiosk.ui.rendered();`,
          ),
          headers: { 'Server-Timing': 'vestibule-load;desc="load-7"' },
        });
        await h.run(`location.href = '/tried'; await sleep(60000);`);
        expect(h.calls[0]?.caller).toEqual({ origin: UI, topFrame: true, load: 'load-7' });
      });

      test('each refusal has its code', async () => {
        expect(
          await h.run(`return {
            arguments: await code(kiosk.people.signIn({ name: 'a' })),
            extra: await code(kiosk.ui.rendered({ __proto__: null, more: 1 })),
            role: await code(kiosk.device.facts()),
            result: await code(kiosk.preferences.set({})),
            failure: await code(kiosk.state.get()),
            large: await code(kiosk.ui.report({ message: 'x'.repeat(${MAX_MESSAGE_LENGTH}) })),
          };`),
        ).toEqual({
          arguments: 'BRIDGE_BAD_ARGUMENTS',
          extra: 'BRIDGE_BAD_ARGUMENTS',
          role: 'NOT_ALLOWED',
          result: 'BRIDGE_BAD_RESULT',
          failure: 'INTERNAL',
          large: 'BRIDGE_MESSAGE_TOO_LARGE',
        });
      });

      test('only names of the contract are there', async () => {
        expect(
          await h.run(`return [
            typeof kiosk.people.nothing, typeof kiosk.nothing, Object.keys(kiosk.ui).sort(),
            (() => { try { kiosk.on('__proto__', () => {}); return 'listening'; } catch { return 'refused'; } })(),
          ];`),
        ).toEqual([
          'undefined',
          'undefined',
          ['heartbeat', 'rendered', 'report', 'sessionBar'],
          'refused',
        ]);
      });

      test('events arrive until the listener is taken away', async () => {
        await h.run(`
          const stop = kiosk.on('jobs.changed', (jobs) => { say({ jobs }); stop(); });
          kiosk.on('notice', (notice) => say({ notice: notice.error.code }));
          return 'listening';`);
        h.shell.emit('jobs.changed', []);
        expect(await h.said()).toEqual({ jobs: [] });
        h.shell.emit('jobs.changed', []);
        h.shell.emit('notice', {
          level: 'info',
          error: { code: 'TIMEOUT', message: '' },
          about: null,
        });
        expect(await h.said()).toEqual({ notice: 'TIMEOUT' });
      });

      test('no frame gets the bridge, whatever its kind', async () => {
        const probe = `parent.postMessage({
          name: window.name,
          own: typeof window.kiosk,
          leaked: Object.getOwnPropertyNames(window).filter((key) => /vestibule/i.test(key)),
          parent: (() => { try { return typeof parent.kiosk; } catch (error) { return error.name; } })(),
        }, '*')`;
        h.displayPages.set('/', { body: `<script>${probe}</script>` });
        const frames = `
          <iframe name="srcdoc" srcdoc="<script>${probe}</script>"></iframe>
          <iframe name="sandboxed" sandbox="allow-scripts" srcdoc="<script>${probe}</script>"></iframe>
          <iframe name="display" src="${DISPLAY}/"></iframe>
          <iframe name="blank"></iframe>`;
        const result = await h.run(
          `const found = {};
           const all = new Promise((resolve) => addEventListener('message', ({ data }) => {
             found[data.name] = data;
             if (Object.keys(found).length === 4) resolve();
           }));
           const blank = document.querySelector('[name=blank]').contentWindow;
           const script = blank.document.createElement('script');
           script.textContent = ${JSON.stringify(probe)};
           blank.document.body.append(script);
           for (const frame of document.querySelectorAll('iframe[srcdoc], iframe[src]')) {
             const source = frame.srcdoc || frame.src;
             if (frame.srcdoc) frame.srcdoc = source; else frame.src = source;
           }
           await all;
           return found;`,
          frames,
        );
        const nothing = { own: 'undefined', leaked: [] };
        expect(result).toEqual({
          // A document of the UI's own origin is the UI's; it can reach its parent, as ever.
          srcdoc: { name: 'srcdoc', ...nothing, parent: 'object' },
          blank: { name: 'blank', ...nothing, parent: 'object' },
          sandboxed: { name: 'sandboxed', ...nothing, parent: 'SecurityError' },
          display: { name: 'display', ...nothing, parent: 'SecurityError' },
        });
        expect(h.calls.every(({ caller }) => caller.topFrame && caller.origin === UI)).toBe(true);
      });
    });

    describe('the UI stays where it is', () => {
      test('no way of leading elsewhere works, and nothing else is reached', async () => {
        const elsewhere = `http://127.0.0.1:${site.port}`;
        site.pages.set('/', { body: 'elsewhere' });
        await h.run(
          `const target = ${JSON.stringify(elsewhere)};
           window.here = 1;
           new Image().src = target + '/image';
           const script = document.createElement('script');
           script.src = target + '/script';
           document.body.append(script);
           const frame = document.createElement('iframe');
           frame.src = target + '/frame';
           document.body.append(frame);
           fetch(target + '/fetch', { mode: 'no-cors' }).catch(() => {});
           navigator.sendBeacon(target + '/beacon', 'x');
           document.querySelector('form').submit();
           kiosk.on('jobs.changed', () => say({ here: window.here, at: location.href }));
           setTimeout(() => { location.href = target + '/location'; }, 100);
           await sleep(1500);
           return 'tried';`,
          `<form method="post" action="${elsewhere}/form"></form>`,
        );
        h.shell.emit('jobs.changed', []);
        expect(await h.said()).toEqual({ here: 1, at: `${UI}/` });
        expect(site.requests).toEqual([]);
      });

      test('a page that blanks itself is loaded again', async () => {
        await h.run(`return 'before';`);
        h.uiPages.set('/', page('', `return 'again';`));
        h.uiPages.set(
          '/leave',
          page('', `await say('leaving'); location.href = 'about:blank'; await sleep(60000);`),
        );
        expect(await h.run(`location.href = '/leave'; await sleep(60000);`)).toBe('leaving');
        h.uiPages.set('/', page('', `return 'again';`));
        expect(await h.said()).toBe('again');
      });

      test('windows, permissions, downloads and printing are refused', async () => {
        const result = await h.run(`
          const popup = window.open('about:blank', '_blank', 'width=200,height=200');
          const link = document.createElement('a');
          link.href = URL.createObjectURL(new Blob(['x']));
          link.download = 'leak.txt';
          link.click();
          window.print();
          const denied = (promise) => promise.then(() => 'given', (error) => error.name);
          const result = {
            position: await new Promise((resolve) =>
              navigator.geolocation.getCurrentPosition(() => resolve('given'), () => resolve('denied'))),
            camera: await denied(navigator.mediaDevices.getUserMedia({ video: true, audio: true })),
            notifications: await Notification.requestPermission(),
            midi: await denied(navigator.requestMIDIAccess({ sysex: true })),
          };
          for (let i = 0; i < 100 && popup && !popup.closed; i++) await sleep(50);
          return { ...result, popup: popup === null || popup.closed };`);
        expect(result).toEqual({
          position: 'denied',
          camera: expect.stringMatching(/NotAllowedError|NotFoundError/),
          notifications: 'denied',
          midi: expect.stringMatching(/NotAllowedError|SecurityError/),
          popup: true,
        });
        const files = readdirSync(h.home, { recursive: true }).map(String);
        expect(files.filter((name) => name.includes('leak'))).toEqual([]);
      });

      test("the served Content-Security-Policy is the page's, and ours is added", async () => {
        h.displayPages.set('/', { body: '' });
        h.uiPages.set('/strict', {
          headers: { 'Content-Security-Policy': "script-src 'nonce-right'" },
          body: `<script>window.inline = 1</script><script nonce="right">
            const blocked = [];
            addEventListener('securitypolicyviolation', (event) => blocked.push(event.effectiveDirective));
            let evaluated = true;
            try { eval('1'); } catch { evaluated = false; }
            fetch('https://example.org/').catch(() => {});
            setTimeout(() => kiosk.ui.report({ message: JSON.stringify(
              { inline: typeof window.inline, evaluated, connect: blocked.includes('connect-src') }) }), 300);
          </script>`,
        });
        expect(await h.run(`location.href = '/strict'; await sleep(60000);`)).toEqual({
          inline: 'undefined',
          evaluated: false,
          connect: true,
        });
      });

      test("the display's frame opens main's websocket; the UI itself opens none", async () => {
        const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
        await new Promise((resolve) => server.once('listening', resolve));
        const address = server.address();
        const port = typeof address === 'string' || address === null ? 0 : address.port;
        const origins: (string | undefined)[] = [];
        server.on('connection', (socket, request) => {
          origins.push(request.headers.origin);
          socket.send('picture');
        });
        const attempt = `new Promise((resolve) => {
          try {
            const socket = new WebSocket('ws://127.0.0.1:${port}/');
            socket.onmessage = ({ data }) => resolve(data);
            socket.onerror = () => resolve('refused');
          } catch (error) { resolve(error.name); }
        })`;
        h.displayPages.set('/', {
          body: `<script>${attempt}.then((result) => parent.postMessage(result, '*'))</script>`,
        });
        try {
          expect(
            await h.run(
              `const display = await new Promise((resolve) => {
                 addEventListener('message', ({ data }) => resolve(data));
                 const frame = document.createElement('iframe');
                 frame.allow = 'loopback-network';
                 frame.src = '${DISPLAY}/';
                 document.body.append(frame);
               });
               return { display, own: await ${attempt} };`,
            ),
          ).toEqual({ display: 'picture', own: 'refused' });
          expect(origins).toEqual([DISPLAY]);
        } finally {
          for (const client of server.clients) client.terminate();
          server.close();
        }
      });
    });

    describe('faults', () => {
      test('a page that died is loaded again, and the shell says so', async () => {
        await h.run(`return 'first';`);
        const renderers = processTree(h.pid()).filter(({ commandLine }) =>
          commandLine.includes('--type=renderer'),
        );
        expect(renderers.length).toBeGreaterThan(0);
        for (const { pid } of renderers) process.kill(pid, 'SIGKILL');
        expect(await h.said()).toBe('first');
        expect(h.events.crashed.length).toBeGreaterThan(0);
      });

      test('a page that hangs is replaced by a reload', async () => {
        await h.run(`setTimeout(() => { for (;;); }, 50); return 'hanging soon';`);
        await new Promise((resolve) => setTimeout(resolve, 500));
        h.uiPages.set('/', page('', `return 'alive';`));
        await h.shell.reload();
        expect(await h.said()).toBe('alive');
      });

      test('a page that is not there is a failure and not a hang', async () => {
        h.uiPages.delete('/');
        await h.shell.reload();
        expect(await h.run(`const answer = await fetch('/nothing'); return answer.status;`)).toBe(
          404,
        );
      });
    });

    describe('the return chord', () => {
      test('no script can press it', async () => {
        await h.run(`
          for (const target of [window, document, document.body]) {
            target.dispatchEvent(new KeyboardEvent('keydown', {
              code: 'Home', key: 'Home', ctrlKey: true, altKey: true, bubbles: true }));
          }
          await sleep(300);
          return 'tried';`);
        expect(h.events.returnChord).toBe(0);
      });

      test('works in the UI, and in the frame of a display that swallows every key', async () => {
        h.displayPages.set('/', {
          body: `<body style="margin:0;height:100vh"><script>
            for (const type of ['keydown', 'keyup']) addEventListener(type, (event) => {
              event.preventDefault(); event.stopImmediatePropagation();
            }, true);
            addEventListener('mousedown', () => setTimeout(() => parent.postMessage('focused', '*'), 100));
          </script>`,
        });
        await h.run(
          `addEventListener('message', () => say('focused'), { once: true }); await sleep(300); return 'ready';`,
          `<iframe src="${DISPLAY}/" style="position:fixed;inset:200px 0 0 0;width:100%;height:600px"></iframe>`,
        );
        // The window manager gives the focus when it pleases; a person presses again as well.
        await until(() => {
          h.key('ctrl+alt+Home');
          return h.events.returnChord > 0;
        });
        h.click(600, 500);
        expect(await h.said()).toBe('focused');
        h.events.returnChord = 0;
        await until(() => {
          h.key('ctrl+alt+Home');
          return h.events.returnChord > 0;
        });
      });
    });

    describe('web sessions', () => {
      beforeEach(async () => {
        await h.run(`return 'under the view';`);
      });

      test('have no bridge, show the strip, and return by the chord', async () => {
        site.pages.set(
          '/',
          sitePage(`
            await sleep(300);
            const strip = [...document.documentElement.children].at(-1);
            strip.remove();
            await sleep(100);
            return {
              kiosk: typeof window.kiosk,
              leaked: Object.getOwnPropertyNames(window).filter((key) => /vestibule/i.test(key)),
              strip: strip.isConnected && strip.matches(':popover-open') && strip.shadowRoot === null,
              size: [innerWidth, innerHeight],
            };`),
        );
        const view = await h.shell.openView(viewOptions());
        expect(await site.report()).toEqual({
          kiosk: 'undefined',
          leaked: [],
          strip: true,
          size: [1280, 800],
        });
        await view.show();
        await until(() => {
          h.key('ctrl+alt+Home');
          return h.events.returnChord > 0;
        });
        // The strip's button is in the middle of the top edge.
        h.events.returnChord = 0;
        h.click(680, 18);
        await until(() => h.events.returnChord > 0);
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
            `await sleep(300); return 'ready';`,
            '<a href="/popup" target="_blank" rel="opener" style="position:fixed;inset:100px 0 0 0">x</a>',
          ),
        );
        site.pages.set('/popup', sitePage(`return { popup: true, opener: window.opener };`));
        const view = await h.shell.openView(viewOptions());
        expect(await site.report()).toBe('ready');
        await view.show();
        h.click(600, 400);
        expect(await site.report()).toEqual({ popup: true, opener: null });
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
        h.click(200, 400);
        expect(await site.report()).toBe('no file');
        await view.close();
        const files = readdirSync(h.home, { recursive: true }).map(String);
        expect(files.filter((name) => name.includes('leak'))).toEqual([]);
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
          readdirSync(h.home, { recursive: true, withFileTypes: true })
            .filter((entry) => entry.isFile())
            .map((entry) => join(entry.parentPath, entry.name))
            .filter((path) => readFileSync(path).includes('what it gives'));
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

    test('no process of the shell listens on a TCP port', () => {
      const tree = processTree(h.pid());
      expect(tree.length).toBeGreaterThan(2);
      expect(listeningPorts(tree.map(({ pid }) => pid))).toEqual([]);
      expect(h.shell.developerPort).toBeNull();
    });
  });
}
