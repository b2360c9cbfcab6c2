/** Which disk a profile means: one and only one, and nothing that it did not allow. */
import { expect, test, vi } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import { InstallProfile } from '../../../main/base/system.ts';
import { installUnattended, requestFor } from '../../../main/install/unattended.ts';
import type { Disk, InstallOverview } from '../../../preload/contract/install.ts';
import { fakeOverview, fakePlan, refusedPlan } from '../../support/fake-disks.ts';

const GB = 1_000_000_000;
const [windows, inUse, medium] = fakeOverview.disks as [Disk, Disk, Disk];
const empty: Disk = {
  ...windows,
  path: '/dev/sdc',
  serial: 'EMPTY',
  size: 256 * GB,
  transport: 'sata',
  partitions: [],
  free: [],
};
const ours: Disk = {
  ...empty,
  partitions: windows.partitions,
  installation: { state: 'installed', step: null },
};
const broken: Disk = { ...ours, installation: { state: 'interrupted', step: 'writing' } };

const overview = (disks: readonly Disk[], tpm = true): InstallOverview => ({
  ...fakeOverview,
  disks: [...disks],
  boot: { ...fakeOverview.boot, tpm },
});
const profile = (change: Record<string, unknown> = {}) =>
  InstallProfile.parse({ id: 'room', ...change });
function reason(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    if (error instanceof KioskError) return error.details?.reason;
    throw error;
  }
  return 'accepted';
}

test('an empty disk is taken whole', () => {
  expect(requestFor(profile({ swapMiB: 1024 }), overview([empty, medium]), 'order')).toEqual({
    disk: '/dev/sdc',
    target: { mode: 'whole' },
    swapMiB: 1024,
    encrypt: false,
  });
});

test.each([
  ['no disk at all', {}, [], 'no-disk'],
  [
    'only the boot medium and a removable one',
    {},
    [medium, { ...empty, removable: true }],
    'no-disk',
  ],
  ['a disk on USB that says it is fixed', {}, [{ ...empty, transport: 'usb' }], 'no-disk'],
  ['a disk that is read-only', {}, [{ ...empty, readOnly: true }], 'no-disk'],
  ['two that fit', {}, [empty, { ...empty, path: '/dev/sdd' }], 'ambiguous'],
  [
    'two equal ones, the largest wanted',
    { disk: { prefer: 'largest' } },
    [empty, { ...empty, path: '/dev/sdd' }],
    'ambiguous',
  ],
  [
    'the largest of two',
    { disk: { prefer: 'largest' }, erase: true },
    [empty, windows],
    'accepted',
  ],
  ['too small', { disk: { minimumBytes: 300 * GB } }, [empty], 'no-disk'],
  ['too large', { disk: { maximumBytes: 200 * GB } }, [empty], 'no-disk'],
  ['another transport', { disk: { transports: ['nvme'] } }, [empty], 'no-disk'],
  ['another serial number', { disk: { serials: ['X'] } }, [empty], 'no-disk'],
  [
    'the serial number of one of two',
    { disk: { serials: ['EMPTY'] } },
    [empty, windows],
    'accepted',
  ],
  [
    'a part of the model',
    { disk: { model: '980 PRO' }, erase: true },
    [windows, inUse],
    'accepted',
  ],
  ['partitions that may not be erased', {}, [windows], 'not-empty'],
  ['partitions that may', { erase: true }, [windows], 'accepted'],
  ['installed already', { erase: true }, [ours], 'installed'],
  ['installed already, to be replaced', { replace: true }, [ours], 'accepted'],
  ['interrupted before', {}, [broken], 'accepted'],
  ['free space, where there is none', { target: 'free' }, [empty], 'no-free-space'],
] as const)('%s', (_title, change, disks, expected) => {
  expect(reason(() => requestFor(profile(change), overview(disks), 'order'))).toBe(expected);
});

test('a command line never installs twice, whatever the profile says', () => {
  const again = profile({ replace: true });
  expect(reason(() => requestFor(again, overview([ours]), 'command-line'))).toBe('installed');
});

test('the largest free space, beside what is there', () => {
  const free = [
    { start: 1, size: 10 * GB },
    { start: 2, size: 90 * GB },
  ];
  const request = requestFor(
    profile({ target: 'free' }),
    overview([{ ...windows, free }]),
    'order',
  );
  expect(request.target).toEqual({ mode: 'free', start: 2 });
});

test('encryption follows the TPM', () => {
  const encrypt = (wanted: string, tpm: boolean) =>
    requestFor(profile({ encrypt: wanted }), overview([empty], tpm), 'order').encrypt;
  expect(encrypt('if-possible', true)).toBe(true);
  expect(encrypt('if-possible', false)).toBe(false);
  expect(reason(() => encrypt('always', false))).toBe('no-tpm');
});

test('the plan has the last word, and is confirmed as it was read', async () => {
  const job = { id: 'j' } as never;
  const install = {
    overview: async () => overview([empty]),
    plan: vi.fn(async () => fakePlan),
    start: vi.fn(async () => job),
  };
  const ports = { install, profiles: () => [profile({ rooms: ['b204'] })], room: () => 'b204' };
  await expect(installUnattended(ports, 'room', 'order')).resolves.toMatchObject({ job });
  expect(install.start).toHaveBeenCalledWith(
    { planId: fakePlan.id, request: fakePlan.request, confirmation: 'nvme0n1' },
    'Install by profile room',
  );

  install.plan.mockResolvedValue(refusedPlan);
  await expect(installUnattended(ports, 'room', 'order')).rejects.toMatchObject({
    code: 'INSTALL_REFUSED',
    details: { findings: ['disk-too-small', 'partition-windows'] },
  });
  for (const wrong of [
    { ...ports, room: () => null },
    { ...ports, profiles: () => [] },
  ]) {
    await expect(installUnattended(wrong, 'room', 'order')).rejects.toMatchObject({
      code: 'INSTALL_REFUSED',
    });
  }
  expect(install.start).toHaveBeenCalledTimes(1);
});
