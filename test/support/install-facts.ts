/** Disks as data, for tests of guards and plans. */

import {
  freeRooms,
  GPT_TYPES,
  type PartitionTable,
  SECTOR,
} from '../../main/install/disk-table.ts';
import type {
  BootFacts,
  Disk,
  DiskPartition,
  InstallRequest,
} from '../../preload/contract/install.ts';

const MIB = 1024 * 1024;
export const SYSTEM = { version: '1.0', bytes: 600 * MIB };
export const BIOS: BootFacts = { firmware: 'bios', secureBoot: false, nvram: false, tpm: false };
export const UEFI: BootFacts = { firmware: 'uefi', secureBoot: false, nvram: true, tpm: true };

export function partition(
  number: number,
  startMib: number,
  sizeMib: number,
  change: Partial<DiskPartition> = {},
): DiskPartition {
  return {
    number,
    path: `/dev/sda${number}`,
    start: startMib * MIB,
    size: sizeMib * MIB,
    type: GPT_TYPES.linux,
    name: '',
    uuid: `00000000-0000-4000-8000-00000000000${number}`,
    fileSystem: null,
    mounts: [],
    holders: [],
    systems: [],
    ...change,
  };
}

export function disk(partitions: readonly DiskPartition[] = [], change: Partial<Disk> = {}): Disk {
  const size = change.size ?? 64 * 1024 * MIB;
  return {
    path: '/dev/sda',
    model: 'Test',
    serial: 'S1',
    size,
    sectorSize: 512,
    transport: 'sata',
    removable: false,
    readOnly: false,
    rotational: false,
    table: partitions.length > 0 ? 'gpt' : 'none',
    fingerprint: 'f'.repeat(64),
    partitions: [...partitions],
    free: freeRooms(size, partitions),
    bootMedium: false,
    mounts: [],
    holders: [],
    installation: null,
    ...change,
  };
}

/** The table as sfdisk would have printed it. */
export function tableOf(given: Disk): PartitionTable | undefined {
  if (given.table !== 'gpt') return undefined;
  return {
    label: 'gpt',
    id: '11111111-2222-4333-8444-555555555555',
    firstLba: 2048,
    lastLba: given.size / SECTOR - 34,
    entries: given.partitions.map(({ number, start, size, type, uuid, name }) => ({
      number,
      start: start / SECTOR,
      size: size / SECTOR,
      type,
      uuid,
      name,
      attrs: '',
    })),
  };
}

export function request(
  target: InstallRequest['target'] = { mode: 'whole' },
  change: Partial<InstallRequest> = {},
): InstallRequest {
  return { disk: '/dev/sda', target, swapMiB: 0, encrypt: false, ...change };
}

/** A disk as Windows leaves it, with a partition for files and room at the end. */
export function windowsDisk(change: Partial<Disk> = {}): Disk {
  return disk(
    [
      partition(1, 1, 100, { type: GPT_TYPES.efi, name: 'EFI system partition' }),
      partition(2, 101, 16, { type: 'E3C9E316-0B5C-4DB8-817D-F92DF00215AE' }),
      partition(3, 117, 20_000, {
        fileSystem: { type: 'ntfs', label: 'Windows', uuid: 'A' },
        systems: [{ kind: 'windows', name: 'Windows' }],
      }),
      partition(5, 20_117, 20_000, { fileSystem: { type: 'ntfs', label: 'Data', uuid: 'B' } }),
    ],
    change,
  );
}
