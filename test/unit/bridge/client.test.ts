import { describe, expect, test } from 'vitest';
import { contractNames } from '../../../main/shell/names.ts';
import { createKiosk, KioskCallError } from '../../../preload/client.ts';
import type { KioskApi } from '../../../preload/contract/contract.ts';

function client(): { kiosk: KioskApi; sent: string[]; receive(message: object): void } {
  const sent: string[] = [];
  let receive: (message: string) => void = () => {};
  const kiosk = createKiosk(
    {
      send: (message) => sent.push(message),
      onMessage: (callback) => {
        receive = callback;
      },
    },
    contractNames(),
  );
  return { kiosk, sent, receive: (message) => receive(JSON.stringify(message)) };
}

describe('window.kiosk', () => {
  test('sends a call and settles it by its id', async () => {
    const { kiosk, sent, receive } = client();
    const first = kiosk.sessions.start({ entryId: 'a' });
    const second = kiosk.ui.rendered();
    expect(sent.map((text) => JSON.parse(text))).toEqual([
      { id: 1, method: 'state.get', params: {} },
      { id: 2, method: 'sessions.start', params: { entryId: 'a' } },
      { id: 3, method: 'ui.rendered', params: {} },
    ]);
    receive({ id: 3, result: null });
    receive({ id: 2, error: { code: 'SESSION_LIMIT', message: 'Too many.', details: { max: 2 } } });
    expect(await second).toBeNull();
    const error = await first.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KioskCallError);
    expect(error).toMatchObject({ code: 'SESSION_LIMIT', details: { max: 2 } });
  });

  test('the state is asked for before the page asks, and once', async () => {
    const { kiosk, sent, receive } = client();
    expect(sent).toEqual(['{"id":1,"method":"state.get","params":{}}']);
    receive({ id: 1, result: 'first' });
    expect(await kiosk.state.get()).toBe('first');
    expect(sent).toHaveLength(1);
    const again = kiosk.state.get();
    receive({ id: 2, result: 'second' });
    expect(await again).toBe('second');
  });

  test('a state that has changed since is asked for anew', async () => {
    const { kiosk, receive } = client();
    receive({ id: 1, result: 'before' });
    receive({ event: 'state.changed', payload: 'after' });
    const state = kiosk.state.get();
    receive({ id: 2, result: 'after' });
    expect(await state).toBe('after');
  });

  test('answers that nobody waits for change nothing', async () => {
    const { kiosk, receive } = client();
    receive({ id: 0, error: { code: 'BRIDGE_BAD_ARGUMENTS', message: '' } });
    receive({ id: 5, result: 'early' });
    const call = kiosk.ui.rendered();
    receive({ id: 2, result: null });
    receive({ id: 2, error: { code: 'INTERNAL', message: 'twice' } });
    expect(await call).toBeNull();
  });

  test('events reach every listener until it stops, and unknown ones cannot be listened to', () => {
    const { kiosk, receive } = client();
    const heard: unknown[] = [];
    const stop = kiosk.on('jobs.changed', (jobs) => heard.push(jobs));
    receive({ event: 'jobs.changed', payload: [] });
    receive({ event: 'toString', payload: [] });
    stop();
    receive({ event: 'jobs.changed', payload: [] });
    expect(heard).toEqual([[]]);
    expect(() => kiosk.on('__proto__' as never, () => {})).toThrow(TypeError);
  });

  test('a message beyond the limit is refused without being sent', async () => {
    const { kiosk, sent } = client();
    // The question that every document asks.
    const call = kiosk.ui.report({ message: 'x'.repeat(2_000_000) });
    await expect(call).rejects.toMatchObject({ code: 'BRIDGE_MESSAGE_TOO_LARGE' });
    expect(sent).toHaveLength(1);
  });

  test('is frozen, all of it', () => {
    const { kiosk } = client();
    expect(Object.isFrozen(kiosk)).toBe(true);
    expect(Object.isFrozen(kiosk.sessions)).toBe(true);
  });
});
