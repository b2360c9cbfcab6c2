import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import type { VmEntry } from '../../../main/base/manifest.ts';
import type {
  Engine,
  RunningSession,
  SessionEnd,
  StartRequest,
} from '../../../main/sessions/engine.ts';
import { withNativeViewer } from '../../../main/sessions/spice/native-machines.ts';
import { createDisplayServer } from '../../../main/sessions/spice/serve.ts';
import type { NativeViewer } from '../../../main/sessions/spice/viewer.ts';
import { TokenStore } from '../../../main/sessions/tokens.ts';
import { unasked } from '../../support/questions.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a token lives its time, is spent once, and can be revoked', () => {
  vi.useFakeTimers();
  const store = new TokenStore<string>();
  const [late, used, revoked, forever] = [
    store.issue('late', 1_000),
    store.issue('used', 1_000),
    store.issue('revoked', 1_000),
    store.issue('forever'),
  ];
  expect(store.spend(used)).toBe('used');
  expect(store.spend(used)).toBeUndefined();
  store.revoke((grant) => grant === 'revoked');
  expect(store.spend(revoked)).toBeUndefined();
  vi.advanceTimersByTime(1_001);
  expect(store.spend(late)).toBeUndefined();
  expect(store.spend(forever)).toBe('forever');
  expect(new Set([late, used, revoked, forever]).size).toBe(4);
});

test('the display origin serves its folder and nothing around it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vestibule-serve-'));
  try {
    await mkdir(join(folder, 'site', 'assets'), { recursive: true });
    await writeFile(join(folder, 'secret'), 'no');
    await writeFile(join(folder, 'site', 'spice.html'), '<!doctype html>');
    await writeFile(join(folder, 'site', 'assets', 'a.js'), 'export {}');
    const serve = createDisplayServer({
      folder: join(folder, 'site'),
      uiOrigin: 'https://ui.invalid',
    });
    const get = (path: string, method = 'GET') =>
      serve({ method, url: new URL(path, 'https://display.invalid') });
    const page = await get('/spice.html?x=1');
    expect(page.status).toBe(200);
    expect(page.headers).toMatchObject({
      'Content-Type': 'text/html; charset=utf-8',
      'X-Content-Type-Options': 'nosniff',
    });
    const policy = page.headers['Content-Security-Policy'] ?? '';
    expect(policy).toContain('frame-ancestors https://ui.invalid');
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain('unsafe-eval');
    expect((await get('/assets/a.js')).headers['Content-Type']).toMatch(/^text\/javascript/);
    for (const path of [
      '/',
      '/secret',
      '/../secret',
      '/%2e%2e/secret',
      '/..%2fsecret',
      '/assets',
    ]) {
      expect((await get(path)).status, path).toBe(404);
    }
    expect((await get('/spice.html', 'POST')).status).toBe(405);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test('a machine in a window: opened when shown, again after its viewer died, closed at the end', async () => {
  const events: string[] = [];
  const over = Promise.withResolvers<SessionEnd>();
  const viewers: PromiseWithResolvers<void>[] = [];
  const viewer: NativeViewer = {
    available: async () => true,
    async open(connection, title) {
      const ended = Promise.withResolvers<void>();
      viewers.push(ended);
      events.push(`open ${title} ${connection.endpoint.type}`);
      return {
        surface: {
          type: 'native',
          show: async () => void events.push('show'),
          hide: async () => void events.push('hide'),
        },
        ended: ended.promise,
        async close() {
          events.push('close');
          ended.resolve();
        },
      };
    },
  };
  const machine: RunningSession = {
    surface: { type: 'spice-socket', path: '/run/vm.sock', password: 'p' },
    ended: over.promise,
    stop: async () => over.resolve({}),
    kill: async () => over.resolve({}),
  };
  const engine: Engine<VmEntry> = { kind: 'vm', surface: 'frame', start: async () => machine };
  const start = async (wanted: boolean): Promise<RunningSession> =>
    await withNativeViewer(engine, { viewer, wanted: () => wanted }).start(request());

  expect((await start(false)).surface.type).toBe('spice-socket');
  const running = await start(true);
  if (running.surface.type !== 'native') throw new Error('not native');
  await running.surface.hide();
  expect(events).toEqual([]);
  await running.surface.show();
  await running.surface.hide();
  await running.surface.show();
  viewers[0]?.resolve();
  await viewers[0]?.promise;
  await running.surface.show();
  await running.stop();
  expect(await running.ended).toEqual({});
  const open = 'open A machine unix';
  expect(events).toEqual([open, 'show', 'hide', 'show', open, 'show', 'close']);
});

function request(): StartRequest<VmEntry> {
  return {
    sessionId: 's',
    groupId: 'g',
    entry: { kind: 'vm', id: 'm', title: 'A machine', machines: [], keep: 'reset' },
    machineIndex: 0,
    person: { id: 'p', name: 'P', kind: 'guest', groups: [], offline: false },
    signal: new AbortController().signal,
    launching: () => {},
    progress: () => {},
    notice: () => {},
    ask: unasked,
  };
}
