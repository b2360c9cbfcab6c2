import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { PageWatch } from '../../../main/bridge/page-watch.ts';
import { silentLogger } from '../../../main/log/logger.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function make() {
  const calls: string[] = [];
  const watch = new PageWatch({
    renderFailed: (reason) => calls.push(`failed: ${reason}`),
    rendered: () => calls.push('rendered'),
    reload: async () => void calls.push('reload'),
    load: () => 'now',
    log: silentLogger,
    paintMs: 100,
    silenceMs: 50,
  });
  return { calls, watch };
}

test('a page that never paints is given up, then loaded again, and again', () => {
  const { calls, watch } = make();
  watch.loading();
  vi.advanceTimersByTime(250);
  expect(calls).toEqual([
    'failed: the page stayed blank',
    'reload',
    'failed: the page stayed blank',
    'reload',
  ]);
});

test('heartbeats before the first paint do not count', () => {
  const { calls, watch } = make();
  watch.loading();
  vi.advanceTimersByTime(90);
  watch.heartbeat('now');
  vi.advanceTimersByTime(20);
  expect(calls).toContain('reload');
});

test('a page that paints and ticks is left alone; one that falls silent is reloaded, not given up', () => {
  const { calls, watch } = make();
  watch.loading();
  watch.rendered('now');
  for (let i = 0; i < 10; i++) {
    vi.advanceTimersByTime(40);
    watch.heartbeat('now');
  }
  expect(calls).toEqual(['rendered']);
  vi.advanceTimersByTime(60);
  expect(calls).toEqual(['rendered', 'reload']);
});

test('a crash before the first paint counts against the version', () => {
  const { calls, watch } = make();
  watch.loading();
  watch.crashed('out of memory');
  expect(calls).toEqual(['failed: out of memory']);
});

test('nothing happens after close', () => {
  const { calls, watch } = make();
  watch.loading();
  watch.close();
  watch.loading();
  vi.advanceTimersByTime(1000);
  expect(calls).toEqual([]);
});

test("an old page's last words, and those of other pages, confirm nothing", () => {
  const { calls, watch } = make();
  watch.loading();
  watch.rendered('before');
  watch.rendered(null);
  expect(calls).toEqual([]);
  watch.rendered('now');
  for (let i = 0; i < 3; i++) {
    vi.advanceTimersByTime(20);
    watch.heartbeat('before');
  }
  expect(calls).toEqual(['rendered', 'reload']);
});
