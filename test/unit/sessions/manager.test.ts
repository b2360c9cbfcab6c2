import { describe, expect, test } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { terminal } from '../../../main/base/machine.ts';
import { ManifestEntry } from '../../../main/base/manifest.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import type {
  Engine,
  RunningSession,
  SessionEnd,
  StartRequest,
} from '../../../main/sessions/engine.ts';
import { SessionManager } from '../../../main/sessions/manager.ts';
import { SESSION_TABLE } from '../../../main/sessions/session-machine.ts';
import type { Person } from '../../../preload/contract/model.ts';

const alice: Person = { id: 'alice', name: 'Alice', kind: 'member', groups: [], offline: false };
const bob: Person = { ...alice, id: 'bob', name: 'Bob' };
const lab = ManifestEntry.parse({
  id: 'lab',
  kind: 'vm',
  title: 'Lab',
  machines: [
    { name: 'a', description: {} },
    { name: 'b', description: {} },
  ],
});

/** An engine whose machines run until told; what it was asked is recorded. */
class Bench implements Engine {
  readonly kind = 'vm' as const;
  readonly surface = 'frame' as const;
  readonly requests: StartRequest[] = [];
  readonly ends: PromiseWithResolvers<SessionEnd>[] = [];
  readonly killed: string[] = [];
  gate: Promise<void> = Promise.resolve();
  stubborn = false;

  async start(request: StartRequest): Promise<RunningSession> {
    this.requests.push(request);
    await Promise.race([
      this.gate,
      new Promise((_, reject) =>
        request.signal.addEventListener('abort', () => reject(request.signal.reason)),
      ),
    ]);
    const end = Promise.withResolvers<SessionEnd>();
    this.ends.push(end);
    return {
      surface: { type: 'spice-socket', path: '/run/x', password: 'p' },
      ended: end.promise,
      stop: async () => {
        if (!this.stubborn) end.resolve({});
      },
      kill: async () => {
        this.killed.push(request.sessionId);
        end.resolve({});
      },
    };
  }
}

function make(options: { max?: number; grace?: number; engine?: Engine } = {}) {
  const bench = new Bench();
  const closed: string[] = [];
  const manager = new SessionManager({
    engines: [options.engine ?? bench],
    display: {
      open: async (sessionId) => ({
        sessionId,
        protocol: 'spice',
        frameUrl: 'https://d.invalid/#t',
      }),
      close: (id) => closed.push(id),
    },
    maxSessions: () => options.max ?? 4,
    graceMs: () => options.grace ?? 60_000,
    clock: { now: () => 1 },
    log: silentLogger,
  });
  return { manager, bench, closed };
}

const states = (manager: SessionManager) => manager.list().map(({ state }) => state);

describe('the session table', () => {
  test('only stopped and failed are final', () => {
    expect(terminal(SESSION_TABLE)).toEqual(['stopped', 'failed']);
  });
});

describe('the session manager', () => {
  test('starts every machine of an entry in one group and shows the first', async () => {
    const { manager, bench } = make();
    const started = manager.start(lab, alice);
    expect(started.map(({ machine }) => machine)).toEqual(['a', 'b']);
    expect(new Set(started.map(({ groupId }) => groupId)).size).toBe(1);
    await expect.poll(() => states(manager)).toEqual(['running', 'running']);
    expect(bench.requests.map(({ machineIndex }) => machineIndex)).toEqual([0, 1]);
    expect(manager.list().filter(({ shown }) => shown)).toHaveLength(1);
  });

  test('refuses a click that would exceed the limit, whole', () => {
    const { manager, bench } = make({ max: 1 });
    expect(() => manager.start(lab, alice)).toThrow(
      expect.objectContaining({ code: 'SESSION_LIMIT' }),
    );
    expect(bench.requests).toHaveLength(0);
    expect(manager.list()).toEqual([]);
  });

  test('a start that fails keeps its reason on the screen', async () => {
    const failing: Engine = {
      kind: 'vm',
      surface: 'frame',
      start: async () => {
        throw new KioskError('MACHINE_IMAGE_MISSING', 'No image.');
      },
    };
    const { manager } = make({ engine: failing });
    manager.start(lab, alice);
    await expect.poll(() => states(manager)).toEqual(['failed', 'failed']);
    expect(manager.list()[0]?.error?.code).toBe('MACHINE_IMAGE_MISSING');
    expect(manager.list()[0]?.shown).toBe(true);
  });

  test('stopping while it starts cancels the start and is no failure', async () => {
    const { manager, bench } = make();
    bench.gate = new Promise(() => {});
    const [first] = manager.start(lab, alice);
    await manager.stop(first?.id ?? '');
    expect(states(manager)[0]).toBe('stopped');
  });

  test('kills after the grace time a machine that does not stop', async () => {
    const { manager, bench } = make({ grace: 1 });
    bench.stubborn = true;
    const [first] = manager.start(lab, alice);
    await expect.poll(() => states(manager)).toEqual(['running', 'running']);
    await manager.stop(first?.id ?? '');
    expect(bench.killed).toEqual([first?.id]);
    expect(states(manager)).toEqual(['stopped', 'running']);
  });

  test('a machine that dies fails its session, closes its frames, and leaves the others', async () => {
    const { manager, bench, closed } = make();
    const [first] = manager.start(lab, alice);
    await expect.poll(() => states(manager)).toEqual(['running', 'running']);
    bench.ends[0]?.resolve({ error: { code: 'MACHINE_DIED', message: 'x' } });
    await expect.poll(() => states(manager)).toEqual(['failed', 'running']);
    expect(closed).toEqual([first?.id]);
  });

  test('signing out ends the sessions of one person only', async () => {
    const { manager } = make();
    manager.start(lab, alice);
    manager.start(lab, bob);
    await expect.poll(() => new Set(states(manager))).toEqual(new Set(['running']));
    await manager.stopAll({ personId: 'alice' });
    expect(manager.list()).toHaveLength(2);
    expect(manager.owners()).toEqual(['bob']);
  });

  test('a window that comes up behind another session is put away', async () => {
    const asked: string[] = [];
    const gate = Promise.withResolvers<void>();
    const native: Engine = {
      kind: 'vm',
      surface: 'native',
      start: async () => {
        await gate.promise;
        return {
          surface: {
            type: 'native',
            show: async () => void asked.push('show'),
            hide: async () => void asked.push('hide'),
          },
          ended: new Promise(() => {}),
          stop: async () => {},
          kill: async () => {},
        };
      },
    };
    const { manager } = make({ engine: native });
    manager.start(lab, alice);
    manager.hide();
    gate.resolve();
    await expect.poll(() => states(manager)).toEqual(['running', 'running']);
    expect(asked).toEqual(['hide', 'hide']);
    manager.show(manager.list()[0]?.id ?? '');
    expect(asked).toEqual(['hide', 'hide', 'show']);
  });

  test('gives a frame only to a running session', async () => {
    const { manager, bench } = make();
    bench.gate = new Promise(() => {});
    const [first] = manager.start(lab, alice);
    await expect(manager.display(first?.id ?? '')).rejects.toMatchObject({
      code: 'DISPLAY_UNAVAILABLE',
    });
    await expect(manager.display('s-none')).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
  });

  test('adopts what still runs, and an engine that cannot does not stop the kiosk', async () => {
    const end = Promise.withResolvers<SessionEnd>();
    const engine: Engine = {
      kind: 'vm',
      surface: 'frame',
      start: () => Promise.reject(new Error('unused')),
      adopt: async () => [
        {
          sessionId: 's-1',
          groupId: 'g-1',
          entryId: 'lab',
          title: 'Lab',
          machine: null,
          personId: 'alice',
          startedAt: 0,
          running: {
            surface: { type: 'spice-socket', path: '/x', password: '' },
            ended: end.promise,
            stop: async () => end.resolve({}),
            kill: async () => end.resolve({}),
          },
        },
      ],
    };
    const { manager } = make({ engine });
    expect(await manager.adopt()).toBe(1);
    expect(manager.owners()).toEqual(['alice']);
    await manager.stop('s-1');
    expect(states(manager)).toEqual(['stopped']);
  });
});

describe('a question', () => {
  test('stands in the session until it is answered, and ends with it', async () => {
    const { manager, bench } = make();
    const [session] = manager.start(lab, alice);
    const id = session?.id ?? '';
    const ask = bench.requests[0]?.ask;
    const question = {
      type: 'credentials',
      server: 'desk',
      user: null,
      domain: null,
      error: null,
    } as const;
    const reply = { type: 'credentials', user: '', domain: '', secret: 's' } as const;
    const answer = ask?.(question);
    expect(manager.list()[0]?.question).toEqual(question);
    expect(() => manager.answer(id, { type: 'certificate' })).toThrow(KioskError);
    manager.answer(id, reply);
    expect(await answer).toEqual(reply);
    expect(manager.list()[0]?.question).toBeNull();
    expect(() => manager.answer(id, reply)).toThrow(KioskError);

    const second = ask?.(question);
    second?.catch(() => {});
    await manager.stop(id);
    await expect(second).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(manager.list()[0]).toMatchObject({ state: 'stopped', question: null });
  });
});
