import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { LiveState } from '../../../main/campus/live.ts';
import { silentLogger } from '../../../main/log/logger.ts';

function rig(options: { endpoint?: string | undefined; fail?: () => KioskError | undefined } = {}) {
  const said: unknown[] = [];
  const place = { url: 'endpoint' in options ? options.endpoint : 'api/live' };
  const live = new LiveState({
    http: {
      async post(url, { json }) {
        const error = options.fail?.();
        if (error) throw error;
        said.push(json);
        return { status: 204, headers: {}, body: new Uint8Array(), url: new URL(url, 'http://c/') };
      },
    },
    endpoint: () => place.url,
    about: () => ({ kiosk: 'k' }),
    log: silentLogger,
    everyMs: 20,
  });
  return { live, said, place };
}

const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await sleep(5);
};

test('the newest state is said, those in between are not', async () => {
  const { live, said } = rig();
  for (let n = 0; n <= 50; n++) live.set({ n });
  await until(() => said.length === 2);
  expect(said).toEqual([
    { kiosk: 'k', n: 0 },
    { kiosk: 'k', n: 50 },
  ]);
  live.set({ n: 50 });
  await sleep(60);
  expect(said).toHaveLength(2);
  await live.close();
});

test('what failed is said again; nothing is said where the campus has no such service', async () => {
  let failures = 2;
  const { live, said } = rig({
    fail: () => (failures-- > 0 ? new KioskError('CAMPUS_UNREACHABLE', 'away') : undefined),
  });
  live.set({ n: 1 });
  await until(() => said.length === 1);
  expect(failures).toBe(-1);
  await live.close();

  let asked = 0;
  const absent = rig({
    fail: () => {
      asked++;
      return new KioskError('CAMPUS_HTTP_ERROR', 'none', { details: { status: 404 } });
    },
  });
  absent.live.set({ n: 1 });
  absent.live.set({ n: 2 });
  await sleep(80);
  expect(asked).toBe(1);
  await absent.live.close();

  const none = rig({ endpoint: undefined });
  none.live.set({ n: 1 });
  await sleep(40);
  expect(none.said).toEqual([]);
  none.place.url = 'api/live';
  none.live.set({ n: 2 });
  await until(() => none.said.length === 1);
  await none.live.close();
});
