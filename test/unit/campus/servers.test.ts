import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ServerList, selectionOrder } from '../../../main/campus/servers.ts';
import { testClock } from './support.ts';

const server = (name: string, priority: number, weight: number) => ({
  base: new URL(`http://${name}/`),
  priority,
  weight,
});
const names = (servers: readonly { readonly base: URL }[]) => servers.map((s) => s.base.hostname);

describe('RFC 2782 order', () => {
  test('every server once, priorities ascending', () => {
    const any = fc.array(fc.record({ priority: fc.nat(3), weight: fc.nat(5) }), { maxLength: 8 });
    fc.assert(
      fc.property(
        any,
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (list, random) => {
          const servers = list.map((s, i) => server(`s${i}`, s.priority, s.weight));
          const order = selectionOrder(servers, () => random.next().value ?? 0);
          expect(new Set(order)).toEqual(new Set(servers));
          expect(order.length).toBe(servers.length);
          const priorities = order.map((s) => s.priority);
          expect(priorities).toEqual([...priorities].sort((a, b) => a - b));
        },
      ),
    );
  });

  test('weights share the first place', () => {
    const servers = [server('small', 0, 1), server('big', 0, 3), server('never', 0, 0)];
    const first = new Map<string, number>();
    // Every mark that the draw can give, equally often.
    for (let i = 0; i < 500; i++) {
      const [name = ''] = names(selectionOrder(servers, () => (i % 5) / 5 + 0.01));
      first.set(name, (first.get(name) ?? 0) + 1);
    }
    expect(first.get('big')).toBe(300);
    expect(first.get('small')).toBe(100);
    expect(first.get('never')).toBe(100);
  });
});

describe('memory of what works', () => {
  const make = () => {
    const clock = testClock();
    const list = new ServerList({
      configured: [
        { url: 'http://main/campus', priority: 0 },
        { url: 'http://spare/', priority: 10 },
      ],
      clock,
      random: () => 0.5,
    });
    const byName = (name: string) => {
      const found = list.order().find((s) => s.base.hostname === name);
      if (!found) throw new Error(name);
      return found;
    };
    return { clock, list, byName };
  };

  test('the one that worked comes first, and the better one is tried again later', () => {
    const { clock, list, byName } = make();
    expect(names(list.order())).toEqual(['main', 'spare']);
    list.failed(byName('main'));
    list.succeeded(byName('spare'));
    expect(names(list.order())).toEqual(['spare', 'main']);
    clock.time += 11 * 60_000;
    expect(names(list.order())).toEqual(['main', 'spare']);
  });

  test('bases get their final slash, and the manifest’s word on a server wins', () => {
    const { list, byName } = make();
    expect(byName('main').base.href).toBe('http://main/campus/');
    list.setAnnounced([{ url: 'http://main/campus/', priority: 20 }, { url: 'http://third' }]);
    expect(names(list.order())).toEqual(['third', 'spare', 'main']);
    list.setAnnounced([]);
    expect(names(list.order())).toEqual(['main', 'spare']);
  });
});
