/** What every shell promises of the UI's own page. Run by chromium.test.ts and electron.test.ts. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { MAX_MESSAGE_LENGTH } from '../../preload/contract/contract.ts';
import { listeningPorts, processTree } from '../support/processes.ts';
import {
  type Candidate,
  DISPLAY,
  filesBelow,
  type Harness,
  insist,
  page,
  type Site,
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
          for (let i = 0; i < 600 && popup && !popup.closed; i++) await sleep(100);
          return { ...result, popup: popup === null || popup.closed };`);
        expect(result).toEqual({
          position: 'denied',
          camera: expect.stringMatching(/NotAllowedError|NotFoundError/),
          notifications: 'denied',
          midi: expect.stringMatching(/NotAllowedError|SecurityError/),
          popup: true,
        });
        expect(filesBelow(h.home).filter((name) => name.includes('leak'))).toEqual([]);
      });

      test("the served Content-Security-Policy is the page's, and ours is added", async () => {
        h.displayPages.set('/', { body: '' });
        h.uiPages.set('/strict', {
          headers: { 'Content-Security-Policy': "script-src 'nonce-right'" },
          body: `<script>window.inline = 1</script><script nonce="right">
            const blocked = new Promise((resolve) => addEventListener('securitypolicyviolation',
              ({ effectiveDirective }) => effectiveDirective === 'connect-src' && resolve(true)));
            let evaluated = true;
            try { eval('1'); } catch { evaluated = false; }
            fetch('https://example.org/').catch(() => {});
            blocked.then((connect) => kiosk.ui.report({ message: JSON.stringify(
              { inline: typeof window.inline, evaluated, connect }) }));
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
          `addEventListener('message', () => say('focused'), { once: true });
           if (document.readyState !== 'complete') await new Promise((loaded) => addEventListener('load', loaded));
           return 'ready';`,
          `<iframe src="${DISPLAY}/" style="position:fixed;inset:200px 0 0 0;width:100%;height:600px"></iframe>`,
        );
        const chord = (): void => h.key('ctrl+alt+Home');
        await insist(
          chord,
          until(() => h.events.returnChord > 0),
        );
        expect(await insist(() => h.click(600, 500), h.said())).toBe('focused');
        h.events.returnChord = 0;
        await insist(
          chord,
          until(() => h.events.returnChord > 0),
        );
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
