import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Collectable, chooseCollection } from '../../../main/images/collect.ts';

function version(root: string, change: Partial<Collectable> = {}): Collectable {
  return {
    image: 'win',
    root,
    bytes: 10,
    committedAt: Number(root.replace(/\D/g, '')),
    current: false,
    pinned: false,
    inUse: false,
    listed: true,
    ...change,
  };
}
const roots = (chosen: readonly Collectable[]): string[] => chosen.map(({ root }) => root);

describe('collection', () => {
  const four = [version('1'), version('2'), version('3'), version('4', { current: true })];

  test('versions beyond those that policy keeps go, the oldest first', () => {
    expect(roots(chooseCollection(four, { keepPrevious: 1 }))).toEqual(['1', '2']);
    expect(roots(chooseCollection(four, { keepPrevious: 0 }))).toEqual(['1', '2', '3']);
    expect(roots(chooseCollection(four, { keepPrevious: 3 }))).toEqual([]);
  });

  test('after a rollback the current version stays, though it is not the newest', () => {
    const back = [version('1'), version('2', { current: true }), version('3'), version('4')];
    expect(roots(chooseCollection(back, { keepPrevious: 1 }))).toEqual(['1', '3']);
  });

  test('for room, what is not offered goes first, then previous versions, never the current one', () => {
    const all = [
      ...four,
      version('o5', { image: 'old', listed: false, current: true }),
      version('o6', { image: 'old2', listed: false, current: true, inUse: true }),
    ];
    const policy = { keepPrevious: 9 };
    expect(roots(chooseCollection(all, policy))).toEqual([]);
    expect(roots(chooseCollection(all, policy, 10))).toEqual(['o5']);
    expect(roots(chooseCollection(all, policy, 11))).toEqual(['o5', '1']);
    expect(roots(chooseCollection(all, policy, 1e9))).toEqual(['o5', '1', '2', '3']);
  });

  test('never: what is pinned, in use, or the current version of an offered image', () => {
    const flags = fc.record({
      image: fc.constantFrom('a', 'b'),
      current: fc.boolean(),
      pinned: fc.boolean(),
      inUse: fc.boolean(),
      listed: fc.boolean(),
      committedAt: fc.nat(20),
    });
    fc.assert(
      fc.property(
        fc.array(flags, { maxLength: 12 }),
        fc.nat(4),
        fc.nat(200),
        (given, keepPrevious, need) => {
          const versions = given.map((one, at) => version(`${at}`, one));
          const chosen = chooseCollection(versions, { keepPrevious }, need);
          expect(new Set(chosen).size).toBe(chosen.length);
          for (const one of chosen) {
            expect(one.pinned || one.inUse || (one.current && one.listed)).toBe(false);
          }
        },
      ),
    );
  });
});
