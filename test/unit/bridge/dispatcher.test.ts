import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { createDispatcher, type Handlers } from '../../../main/bridge/dispatcher.ts';
import { type Logger, silentLogger } from '../../../main/log/logger.ts';
import {
  CALLS,
  MAX_MESSAGE_LENGTH,
  MAX_PENDING_CALLS,
} from '../../../preload/contract/contract.ts';
import type { Role } from '../../../preload/contract/model.ts';
import { handlersWith } from '../../support/handlers.ts';

const UI = 'https://ui.vestibule.invalid';

interface Answer {
  id: number;
  result?: unknown;
  error?: { code: string; message: string; details?: unknown };
}

function bridge(overrides: Partial<Handlers> = {}, role: Role = 'anyone', log = silentLogger) {
  const clock = { time: 1_000_000, now: () => clock.time };
  const dispatch = createDispatcher({
    handlers: handlersWith(overrides),
    role: () => role,
    uiOrigins: () => [UI],
    log,
    clock,
  });
  return {
    clock,
    /** Resolves with the one answer. */
    send: (message: string, caller = { origin: UI, topFrame: true }) =>
      new Promise<Answer>((resolve) =>
        dispatch({
          caller: { ...caller, load: null },
          message,
          reply: (text) => resolve(JSON.parse(text)),
        }),
      ),
    dispatch,
  };
}

const call = (method: string, params: unknown = {}, id = 1): string =>
  JSON.stringify({ id, method, params });

describe('who may call', () => {
  test.each([
    ['a frame of the UI', { origin: UI, topFrame: false }],
    ['another origin', { origin: 'https://evil.example', topFrame: true }],
    ['an origin that begins alike', { origin: `${UI}.evil.example`, topFrame: true }],
    ['the same host without TLS', { origin: 'http://ui.vestibule.invalid', topFrame: true }],
    ['another port', { origin: `${UI}:8443`, topFrame: true }],
    ['an opaque origin', { origin: 'null', topFrame: true }],
    ['no origin', { origin: '', topFrame: true }],
  ])('%s is refused, whatever it asks', async (_name, caller) => {
    let ran = false;
    const { send } = bridge({
      'ui.rendered': () => {
        ran = true;
        return null;
      },
    });
    const answer = await send(call('ui.rendered'), caller);
    expect(answer).toMatchObject({ id: 0, error: { code: 'BRIDGE_CALLER_REFUSED' } });
    expect(ran).toBe(false);
  });

  test('ten thousand refused calls make two log lines', async () => {
    const lines: unknown[] = [];
    const log: Logger = {
      ...silentLogger,
      warn: (_message, fields) => {
        lines.push(fields?.since);
      },
    };
    const { send, clock } = bridge({}, 'anyone', log);
    const caller = { origin: 'https://evil.example', topFrame: true };
    for (let i = 0; i < 10_000; i++) await send('x', caller);
    clock.time += 60_000;
    await send('x', caller);
    expect(lines).toEqual([0, 9_999]);
  });
});

describe('roles', () => {
  const allowed: Record<Role, Role[]> = {
    anyone: ['anyone'],
    person: ['anyone', 'person'],
    admin: ['anyone', 'person', 'admin'],
  };
  for (const name of Object.keys(CALLS)) {
    test(`${name} is for whom the contract says`, async () => {
      const wanted = CALLS[name as keyof typeof CALLS].role;
      for (const role of ['anyone', 'person', 'admin'] as const) {
        const { error } = await bridge({}, role).send(call(name, { wrong: true }));
        // Who may call it gets as far as its arguments.
        expect(error?.code).toBe(
          allowed[role].includes(wanted) ? 'BRIDGE_BAD_ARGUMENTS' : 'NOT_ALLOWED',
        );
      }
    });
  }
});

describe('what comes back', () => {
  test('the result, stripped of what the contract does not name', async () => {
    const person = { id: 'p', name: 'P', kind: 'guest' as const, groups: [], offline: false };
    const { send } = bridge({
      'people.continueAsGuest': async () => ({ ...person, ticket: 'secret' }),
    });
    expect(await send(call('people.continueAsGuest', {}, 7))).toEqual({ id: 7, result: person });
  });

  test('a KioskError with its code, any other error without its text', async () => {
    const { send } = bridge({
      'ui.rendered': () => {
        throw new KioskError('DISK_FULL', 'Full.', { details: { free: 1 }, cause: 'x' });
      },
      'ui.heartbeat': () => Promise.reject(new Error('/home/kiosk/secret')),
    });
    expect((await send(call('ui.rendered'))).error).toEqual({
      code: 'DISK_FULL',
      message: 'Full.',
      details: { free: 1 },
    });
    expect(JSON.stringify(await send(call('ui.heartbeat')))).not.toContain('secret');
  });

  test('a malformed result stays inside', async () => {
    const { send } = bridge({ 'people.continueAsGuest': () => ({ password: 'x' }) as never });
    const answer = await send(call('people.continueAsGuest'));
    expect(answer.error?.code).toBe('BRIDGE_BAD_RESULT');
    expect(JSON.stringify(answer)).not.toContain('password');
  });

  test('arguments that were refused are not repeated', async () => {
    const { send } = bridge();
    const answer = await send(call('people.signIn', { name: 'a', secret: 1, extra: 'hunter2' }));
    expect(answer.error?.code).toBe('BRIDGE_BAD_ARGUMENTS');
    expect(answer.error?.message).not.toContain('hunter2');
  });

  test('an answer beyond the limit becomes an error', async () => {
    const lines = Array.from({ length: 1000 }, () => ({
      time: 1,
      level: 'info' as const,
      scope: 's',
      message: 'x'.repeat(1100),
      code: null,
      fields: {},
    }));
    const { send } = bridge({ 'logs.read': () => lines }, 'admin');
    expect((await send(call('logs.read'))).error?.code).toBe('BRIDGE_MESSAGE_TOO_LARGE');
  });
});

describe('limits', () => {
  test('a message beyond the limit is not parsed', async () => {
    const text = call('ui.report', { message: 'x'.repeat(MAX_MESSAGE_LENGTH) });
    expect(await bridge().send(text)).toMatchObject({
      id: 0,
      error: { code: 'BRIDGE_MESSAGE_TOO_LARGE' },
    });
  });

  test('only so many calls may be under way, and room returns when they end', async () => {
    const waiting: (() => void)[] = [];
    const { send } = bridge({
      'ui.rendered': () => new Promise((resolve) => waiting.push(() => resolve(null))),
    });
    const first = Array.from({ length: MAX_PENDING_CALLS }, (_, id) =>
      send(call('ui.rendered', {}, id)),
    );
    expect((await send(call('ui.rendered'))).error?.code).toBe('BRIDGE_TOO_MANY_CALLS');
    for (const end of waiting) end();
    await Promise.all(first);
    const again = send(call('ui.rendered', {}, 99));
    waiting.at(-1)?.();
    expect(await again).toEqual({ id: 99, result: null });
  });
});

describe('hostile messages', () => {
  const everything = bridge(
    Object.fromEntries(
      Object.keys(CALLS).map((name) => [
        name,
        () => {
          throw new KioskError('TIMEOUT', 'a handler ran');
        },
      ]),
    ),
    'admin',
  );

  test.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__', ''])(
    'the name %j is no call',
    async (method) => {
      expect((await everything.send(call(method))).error?.code).toBe('BRIDGE_UNKNOWN_METHOD');
    },
  );

  test('any text at all is answered once, with a code, and pollutes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.json()), async (text) => {
        const { error } = await everything.send(text);
        expect(error?.code).toMatch(/^BRIDGE_/);
      }),
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  test('any method with any arguments: unknown, refused, or what it was meant for', async () => {
    const method = fc.oneof(fc.constantFrom(...Object.keys(CALLS)), fc.string({ maxLength: 80 }));
    const keys = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'constructor', 'prototype'));
    const params = fc.oneof(fc.jsonValue(), fc.dictionary(keys, fc.jsonValue()));
    await fc.assert(
      fc.asyncProperty(fc.integer(), method, params, async (id, name, value) => {
        const { error } = await everything.send(call(name, value, id));
        expect(error?.code).toMatch(/^(BRIDGE_|TIMEOUT)/);
      }),
    );
    expect('polluted' in {}).toBe(false);
  });

  test('a __proto__ in the arguments is an unknown key', async () => {
    const text = '{"id":1,"method":"ui.rendered","params":{"__proto__":{"polluted":1}}}';
    await everything.send(text);
    expect('polluted' in {}).toBe(false);
  });
});
