import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDump, renderScript } from '../../../main/install/disk-table.ts';
import { NAMES } from '../../../main/install/layout.ts';
import { leftovers, makePlan } from '../../../main/install/plan.ts';
import type { Disk, InstallRequest } from '../../../preload/contract/install.ts';
import {
  BIOS,
  disk,
  partition,
  request,
  SYSTEM,
  tableOf,
  UEFI,
  windowsDisk,
} from '../../support/install-facts.ts';

const MIB = 1024 * 1024;

function plan(given: Disk, ask: InstallRequest, boot = BIOS) {
  return makePlan({ request: ask, disk: given, table: tableOf(given), boot, source: SYSTEM });
}

describe('a whole disk', () => {
  test('has our partitions, one behind the other, to its end', () => {
    const { plan: made, entries } = plan(disk(), request({ mode: 'whole' }, { swapMiB: 512 }));
    expect(entries.map(({ number, name }) => [number, name])).toEqual([
      [1, NAMES['bios-boot']],
      [2, NAMES.efi],
      [3, NAMES.swap],
      [4, NAMES.system],
    ]);
    expect(made.after.map(({ kind }) => kind)).toEqual(['bios-boot', 'efi', 'swap', 'system']);
    expect(made.confirmWord).toBe('sda');
    expect(made.steps.map(({ step }) => step)).toEqual([
      'partitioning',
      'formatting',
      'writing',
      'verifying',
      'bootloader',
      'activating',
    ]);
  });

  test('shows what goes', () => {
    const { plan: made } = plan(windowsDisk(), request());
    expect(made.before.map(({ kind }) => kind)).toEqual([
      'erased',
      'erased',
      'erased',
      'erased',
      'free',
    ]);
  });

  test('is refused without steps', () => {
    const { plan: made } = plan(disk([], { readOnly: true }), request());
    expect(made.steps).toEqual([]);
  });

  test('encrypted, what people leave has a partition of its own, and systems stay readable', () => {
    const { plan: made } = plan(disk(), request({ mode: 'whole' }, { encrypt: true }), UEFI);
    expect(made.after.map(({ kind }) => kind)).toEqual(['bios-boot', 'efi', 'system', 'data']);
    const formatting = made.steps.find(({ step }) => step === 'formatting')?.commands ?? [];
    expect(formatting.some((line) => line.startsWith('cryptsetup luksFormat'))).toBe(true);
    expect(formatting.some((line) => line.includes('/data'))).toBe(false);
  });
});

describe('beside others', () => {
  test('keeps every other entry of the table as it is, and takes numbers that are free', () => {
    const given = windowsDisk();
    const { change, entries, plan: made } = plan(given, request({ mode: 'partition', number: 5 }));
    expect(entries.map(({ number }) => number)).toEqual([4, 5, 6]);
    for (const kept of tableOf(given)?.entries.slice(0, 3) ?? []) {
      expect(change.script).toContain(renderScript({ id: 'x', entries: [kept] }).split('\n')[3]);
    }
    expect(change.erased).toEqual([5]);
    expect(change.script).toContain('label-id: 11111111-2222-4333-8444-555555555555');
    expect(made.after.filter(({ kind }) => kind === 'kept')).toHaveLength(3);
  });

  test('nothing is written outside the room that was chosen', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 9000 }), fc.integer({ min: 1, max: 9000 })), {
          maxLength: 6,
        }),
        fc.nat(5),
        fc.boolean(),
        (gaps, pick, asPartition) => {
          let at = 1;
          const partitions = gaps.map(([gap, size], index) => {
            const made = partition(index + 1, at + gap, size);
            at += gap + size;
            return made;
          });
          const given = disk(partitions, { size: 65_536 * MIB, table: 'gpt' });
          const rooms = given.free;
          const target = asPartition
            ? ({ mode: 'partition', number: (pick % Math.max(1, partitions.length)) + 1 } as const)
            : ({
                mode: 'free',
                start: rooms[pick % Math.max(1, rooms.length)]?.start ?? 0,
              } as const);
          const { plan: made, entries } = plan(given, request(target));
          if (made.findings.some(({ severity }) => severity === 'refuse')) return;
          const others = partitions.filter(
            ({ number }) => target.mode === 'free' || number !== target.number,
          );
          for (const { start, size } of entries) {
            const [from, to] = [start * 512, (start + size) * 512];
            expect(from % MIB).toBe(0);
            expect(to).toBeLessThanOrEqual(given.size - 34 * 512);
            for (const other of others) {
              expect(to <= other.start || from >= other.start + other.size).toBe(true);
            }
          }
        },
      ),
    );
  });
});

describe('the id', () => {
  test('is the same for the same, and another for anything that changed', () => {
    const base = plan(windowsDisk(), request()).plan.id;
    expect(plan(windowsDisk(), request()).plan.id).toBe(base);
    const changes: Array<Partial<Disk>> = [
      { serial: 'S2' },
      { model: 'Other' },
      { fingerprint: 'e'.repeat(64) },
      { size: 65 * 1024 * MIB },
      { readOnly: true },
      { mounts: ['/mnt'] },
    ];
    for (const change of changes)
      expect(plan(windowsDisk(change), request()).plan.id).not.toBe(base);
    const other = request({ mode: 'whole' }, { swapMiB: 8 });
    expect(plan(windowsDisk(), other).plan.id).not.toBe(base);
  });

  test('partitions of the same order have the same UUIDs: a cut is known again', () => {
    const uuids = (given: Disk) => plan(given, request()).entries.map(({ uuid }) => uuid);
    expect(uuids(windowsDisk())).toEqual(uuids(disk()));
    expect(uuids(disk([], { serial: 'S2' }))).not.toEqual(uuids(disk()));
  });
});

test('what a cut left is room for the next attempt; a complete system is not', () => {
  const ours = [
    partition(1, 1, 100, { type: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B' }),
    partition(2, 101, 20_000, { name: NAMES.system }),
  ];
  const cut = disk(ours, { installation: { state: 'interrupted', step: 'writing' } });
  expect(leftovers(cut)).toEqual([2]);
  expect(leftovers({ ...cut, installation: { state: 'installed', step: null } })).toEqual([]);
});

test("sfdisk's dump is read and written again without a loss", () => {
  const dump = `label: gpt
label-id: D2D8860E-F8CA-B147-96F5-FCBEF85ED1F7
device: /dev/nvme0n1
unit: sectors
first-lba: 2048
last-lba: 16777182
sector-size: 512

/dev/nvme0n1p1 : start=        2048, size=      204800, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=AAAAAAAA-0000-4000-8000-000000000001, name="EFI system partition"
/dev/nvme0n1p3 : start=      208896, size=     8000000, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, uuid=9A8CFC7B-45DD-2C41-AB9D-F93DC7D00D8A, name="Basic, data", attrs="RequiredPartition GUID:63"
`;
  const table = parseDump(dump, '/dev/nvme0n1');
  expect(table).toMatchObject({ label: 'gpt', lastLba: 16_777_182 });
  expect(renderScript(table)).toBe(`label: gpt
label-id: D2D8860E-F8CA-B147-96F5-FCBEF85ED1F7

1 : start=2048, size=204800, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, uuid=AAAAAAAA-0000-4000-8000-000000000001, name="EFI system partition"
3 : start=208896, size=8000000, type=EBD0A0A2-B9E5-4433-87C0-68B6B72699C7, uuid=9A8CFC7B-45DD-2C41-AB9D-F93DC7D00D8A, name="Basic, data", attrs="RequiredPartition GUID:63"
`);
});
