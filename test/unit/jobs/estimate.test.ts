import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Estimate, overall } from '../../../main/jobs/estimate.ts';

describe('overall progress', () => {
  const steps = { receiving: 8, verifying: 2 };
  test.each([
    [undefined, undefined, 0.5, 0.5],
    [steps, 'receiving', 0.5, 0.4],
    [steps, 'verifying', 0, 0.8],
    [steps, 'verifying', 1, 1],
    [steps, 'unheard of', 0.5, 0.5],
    [steps, '__proto__', 0.5, 0.5],
    [undefined, undefined, 7, 1],
    [undefined, undefined, -7, 0],
    [undefined, undefined, Number.NaN, 0],
  ])('%j %s %d → %d', (weights, step, fraction, expected) => {
    expect(overall(weights, step, fraction)).toBeCloseTo(expected);
  });
});

describe('time left', () => {
  function run(): { estimate: Estimate; at(ms: number, progress: number): number | null } {
    let now = 1_000;
    const estimate = new Estimate({ now: () => now });
    return {
      estimate,
      at(ms, progress) {
        now = 1_000 + ms;
        estimate.report(progress);
        return estimate.secondsLeft;
      },
    };
  }

  test('is unknown at first, then right for steady work', () => {
    const { at } = run();
    expect(at(100, 0.001)).toBeNull();
    expect(at(1_000, 0.01)).toBeNull();
    expect(at(2_000, 0.02)).toBe(98);
    expect(at(50_000, 0.5)).toBe(50);
    expect(at(100_000, 1)).toBe(0);
  });

  test('follows a change of speed without jumping to it', () => {
    const { at } = run();
    for (let second = 1; second <= 20; second++) at(second * 1_000, second * 0.01);
    const before = at(21_000, 0.21) ?? 0;
    const soon = at(22_000, 0.211) ?? 0;
    expect(soon).toBeGreaterThan(before);
    expect(soon).toBeLessThan(before * 1.5);
    let later = 0;
    for (let second = 23; second <= 80; second++)
      later = at(second * 1_000, 0.211 + (second - 22) * 0.001) ?? 0;
    expect(later).toBeGreaterThan(600);
    expect(later).toBeLessThan(900);
  });

  test('does not count a pause', () => {
    let now = 0;
    const estimate = new Estimate({ now: () => now });
    for (now = 0; now <= 10_000; now += 1_000) estimate.report(now / 100_000);
    const before = estimate.secondsLeft;
    now = 3_600_000;
    estimate.skip();
    now += 1_000;
    estimate.report(0.11);
    expect(estimate.secondsLeft).toBeLessThanOrEqual(before ?? 0);
  });

  test('is null or 1 to 86400 seconds, and progress never falls, whatever the clock and the work do', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.integer({ min: -5_000, max: 60_000 }),
            fc.double({ min: 0, max: 1, noNaN: true }),
          ),
        ),
        (reports) => {
          let now = 10_000_000;
          const estimate = new Estimate({ now: () => now });
          let last = 0;
          for (const [passed, progress] of reports) {
            now += passed;
            estimate.report(progress);
            expect(estimate.progress).toBeGreaterThanOrEqual(last);
            last = estimate.progress;
            const left = estimate.secondsLeft;
            if (left === null) continue;
            expect(left).toBeLessThanOrEqual(86_400);
            expect(left).toBeGreaterThanOrEqual(last === 1 ? 0 : 1);
          }
        },
      ),
    );
  });
});
