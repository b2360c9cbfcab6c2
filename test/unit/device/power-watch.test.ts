/** The watch around the timetable: who counts as there, and what follows a failure. */
import { expect, test } from 'vitest';
import { watchPower } from '../../../main/device/power-watch.ts';
import { createLog } from '../../../main/log/log.ts';

const MINUTE = 60_000;
const log = createLog({ level: 'info', destination: { type: 'none' } });

/** Looks once a millisecond of its own time, until it has looked `looks` times; idle after five. */
async function watch(
  looks: number,
  at: (look: number) => { occupied?: boolean; inputMs?: number; jumpMs?: number },
  act: (look: number) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  let look = 0;
  let time = Date.UTC(2026, 10, 20, 12);
  await watchPower(
    {
      policy: () => ({
        idleMinutes: 5 / MINUTE,
        idleAction: 'suspend',
        openHours: [],
        restartAt: null,
      }),
      occupied: () => at(look).occupied ?? false,
      inputIdleMs: async () => at(look).inputMs,
      act: () => act(look),
      log,
      everyMs: 1,
      now: () => {
        look++;
        if (look > looks) stop.abort();
        time += 1 + (at(look).jumpMs ?? 0);
        return new Date(time);
      },
      upMs: () => 0,
    },
    stop.signal,
  );
}

test('nobody there: it acts, and a failure is not asked for again at once', async () => {
  const acted: number[] = [];
  await watch(
    30,
    () => ({}),
    async (look) => {
      acted.push(look);
      throw new Error('refused');
    },
  );
  expect(acted).toHaveLength(1);
});

test('people, the last key, and waking up keep it on', async () => {
  const acted: number[] = [];
  const note = async (look: number): Promise<void> => void acted.push(look);
  await watch(30, () => ({ occupied: true }), note);
  await watch(30, () => ({ inputMs: 0 }), note);
  // Half an hour in one step is a computer that slept, not one that nobody used.
  await watch(30, () => ({ jumpMs: 31 * MINUTE }), note);
  expect(acted).toEqual([]);
});
