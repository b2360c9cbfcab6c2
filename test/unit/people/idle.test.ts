import { expect, test } from 'vitest';
import { silentLogger } from '../../../main/log/logger.ts';
import { IdleWatch } from '../../../main/people/idle.ts';

const MINUTE = 60_000;

function watch(minutes: number) {
  const state = { idle: 0 as number | undefined, present: true, signedOut: 0, minutes };
  const warnings: (number | null)[] = [];
  const idle = new IdleWatch({
    idle: async () => state.idle,
    minutes: () => state.minutes,
    present: () => state.present,
    warn: (at) => warnings.push(at),
    signOut: async () => {
      state.signedOut++;
      state.present = false;
    },
    clock: { now: () => 1_000_000 },
    log: silentLogger,
  });
  const look = async (minutesIdle: number | undefined): Promise<void> => {
    state.idle = minutesIdle === undefined ? undefined : minutesIdle * MINUTE;
    await idle.look();
  };
  return { state, warnings, look, close: () => idle.close() };
}

test('warned in the last minute, back by any input, signed out after it', async () => {
  const { state, warnings, look, close } = watch(10);
  await look(8.9);
  expect(warnings).toEqual([]);
  await look(9.5);
  expect(warnings).toEqual([1_000_000 + MINUTE / 2]);
  // The same moment again is no news.
  await look(9.5);
  await look(0);
  expect(warnings).toEqual([1_000_000 + MINUTE / 2, null]);
  expect(state.signedOut).toBe(0);
  await look(9.2);
  await look(10);
  expect(state.signedOut).toBe(1);
  expect(warnings.at(-1)).toBeNull();
  await look(30);
  expect(state.signedOut).toBe(1);
  close();
});

test('never where it is not wanted, nobody is there, or nothing can be known', async () => {
  const { state, warnings, look, close } = watch(0);
  await look(1_000);
  state.minutes = 10;
  state.present = false;
  await look(1_000);
  state.present = true;
  await look(undefined);
  expect(warnings).toEqual([]);
  expect(state.signedOut).toBe(0);
  await look(9.5);
  state.minutes = 0;
  await look(9.6);
  expect(warnings.at(-1)).toBeNull();
  close();
});
