import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { parseDescription } from '../../../main/sessions/vm/description.ts';
import { type HostResources, sizeMachine } from '../../../main/sessions/vm/resources.ts';

const host: HostResources = {
  cpus: 8,
  memoryTotalMib: 16_000,
  memoryAvailableMib: 12_000,
  memoryPromisedMib: 0,
  diskFreeMib: 50_000,
};
const size = (description: object, more: Partial<HostResources> = {}) =>
  sizeMachine(parseDescription(description), { ...host, ...more }, 'kvm', 1024);

describe('the size of a machine', () => {
  it('is a share after the reserve', () => {
    expect(size({})).toEqual({ cpus: 4, memoryMib: 7488 });
    expect(size({ cpu: { share: 1 } }).cpus).toBe(7);
    expect(size({}, { cpus: 1 }).cpus).toBe(1);
    expect(size({ cpu: { count: 3 }, memory: { mib: 777 } })).toEqual({ cpus: 3, memoryMib: 777 });
  });

  it('shrinks to what is left, and counts what was promised to others', () => {
    expect(size({}, { memoryPromisedMib: 6_000 }).memoryMib).toBe(4768);
    expect(() => size({}, { memoryPromisedMib: 11_000 })).toThrow(
      expect.objectContaining({
        code: 'NOT_ENOUGH_MEMORY',
        details: { neededMib: 512, freeMib: 0 },
      }),
    );
  });

  it('is refused with figures', () => {
    expect(() => size({ memory: { mib: 20_000 } })).toThrow(
      expect.objectContaining({
        code: 'NOT_ENOUGH_MEMORY',
        details: { neededMib: 20_000, freeMib: 10_784 },
      }),
    );
    expect(() => size({}, { diskFreeMib: 10 })).toThrow(
      expect.objectContaining({
        code: 'NOT_ENOUGH_DISK',
        details: { neededMib: 1024, freeMib: 10 },
      }),
    );
  });

  it('never takes more than there is', () => {
    fc.assert(
      fc.property(fc.nat(64_000), fc.nat(64_000), fc.nat(32_000), (total, available, promised) => {
        const free = {
          memoryTotalMib: total,
          memoryAvailableMib: available,
          memoryPromisedMib: promised,
        };
        try {
          expect(size({}, free).memoryMib).toBeLessThanOrEqual(available - promised - 1024);
        } catch (error) {
          expect(error).toBeInstanceOf(KioskError);
        }
      }),
    );
  });
});
