import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { LINK, Link } from '../../../main/campus/link.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import type { LinkState } from '../../../preload/contract/model.ts';
import { testClock } from './support.ts';

const away = new KioskError('CAMPUS_UNREACHABLE', 'away');

function make(look: () => Promise<void>) {
  const states: LinkState[] = [];
  const link = new Link({
    look,
    pollMs: 60_000,
    backoffBaseMs: 500,
    backoffCapMs: 8_000,
    clock: testClock(),
    random: () => 1,
    log: silentLogger,
    onChange: () => states.push(link.state),
  });
  return { link, states };
}

test('every state can be stopped and started again', () => {
  for (const state of Object.keys(LINK) as LinkState[]) expect(LINK[state].stop).toBe('offline');
  expect(LINK.offline.attempt).toBe('connecting');
});

describe('with time in hand', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('looks at once, then at the period', async () => {
    const look = vi.fn(async () => {});
    const { link, states } = make(look);
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    expect(states).toEqual(['connecting', 'online']);
    await vi.advanceTimersByTimeAsync(65_000);
    expect(look).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1_001);
    expect(look).toHaveBeenCalledTimes(2);
    expect(states).toEqual(['connecting', 'online']);
    await link.stop();
    expect(link.state).toBe('offline');
  });

  test('after a loss the pauses double up to the cap, and a return is noticed within it', async () => {
    let there = true;
    const look = vi.fn(async () => {
      if (!there) throw away;
    });
    const { link, states } = make(look);
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    there = false;
    await vi.advanceTimersByTimeAsync(66_001);
    expect(link.state).toBe('backoff');
    expect(link.error?.code).toBe('CAMPUS_UNREACHABLE');
    expect(states.slice(2)).toEqual(['backoff']);
    const before = look.mock.calls.length;
    await vi.advanceTimersByTimeAsync(500 + 1_000 + 2_000 + 4_000 + 8_000 + 8_000);
    expect(look.mock.calls.length - before).toBe(6);
    there = true;
    await vi.advanceTimersByTimeAsync(8_000);
    expect(link.state).toBe('online');
    expect(link.error).toBeNull();
    await link.stop();
  });

  test('hints bring one look nearer, and do not pile up', async () => {
    const look = vi.fn(async () => {});
    const { link } = make(look);
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    for (let i = 0; i < 20; i++) link.hint();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(look).toHaveBeenCalledTimes(2);
    await link.stop();
  });

  test('no network is said at once; a look that ends well afterwards corrects it', async () => {
    let finish = () => {};
    const { link } = make(() => new Promise((resolve) => (finish = resolve)));
    link.start();
    await vi.advanceTimersByTimeAsync(0);
    link.noNetwork();
    expect(link.state).toBe('offline');
    finish();
    await vi.advanceTimersByTimeAsync(0);
    expect(link.state).toBe('online');
    await link.stop();
  });

  test('looks that are asked for at once are one', async () => {
    const look = vi.fn(async () => {});
    const { link } = make(look);
    await Promise.all([link.look(), link.look(), link.look()]);
    expect(look).toHaveBeenCalledTimes(1);
    await link.stop();
  });
});
