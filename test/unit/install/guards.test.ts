import { describe, expect, test } from 'vitest';
import { GPT_TYPES, WINDOWS_SERVICE_TYPES } from '../../../main/install/disk-table.ts';
import { type GuardInput, guard } from '../../../main/install/guards.ts';
import { NAMES, requiredBytes } from '../../../main/install/layout.ts';
import type { Disk, Finding } from '../../../preload/contract/install.ts';
import {
  BIOS,
  disk,
  partition,
  request,
  SYSTEM,
  UEFI,
  windowsDisk,
} from '../../support/install-facts.ts';

function codes(input: Partial<GuardInput>, severity: Finding['severity']): string[] {
  const given: GuardInput = {
    request: request(),
    disk: disk(),
    boot: BIOS,
    source: SYSTEM,
    tableRenders: true,
    ...input,
  };
  return guard(given)
    .filter((one) => one.severity === severity)
    .map(({ code }) => code);
}
const refusals = (input: Partial<GuardInput>): string[] => codes(input, 'refuse');
const warnings = (input: Partial<GuardInput>): string[] => codes(input, 'warn');
const free = (start: number) => request({ mode: 'free', start });
const into = (number: number) => request({ mode: 'partition', number });

describe('an empty disk', () => {
  test('passes without a word', () => {
    expect(refusals({})).toEqual([]);
    expect(warnings({})).toEqual([]);
  });
});

describe('the disk itself, whatever the plan', () => {
  const faults: ReadonlyArray<[string, Partial<Disk>]> = [
    ['disk-boot-medium', { bootMedium: true }],
    ['disk-read-only', { readOnly: true }],
    ['disk-sector-size', { sectorSize: 4096 }],
    ['disk-mounted', { mounts: ['/mnt'] }],
    ['disk-held', { holders: ['dm'] }],
  ];
  for (const [code, change] of faults) {
    for (const [mode, ask] of [
      ['whole', request()],
      ['free', free(40_117 * 1024 * 1024)],
      ['partition', into(5)],
    ] as const) {
      test(`${code} refuses ${mode}`, () => {
        expect(refusals({ disk: windowsDisk(change), request: ask })).toEqual([code]);
      });
    }
  }

  const uses: ReadonlyArray<[string, Partial<Disk>]> = [
    ['disk-mounted', { mounts: ['/'] }],
    ['disk-held', { holders: ['swap'] }],
    ['disk-held', { holders: ['btrfs'] }],
    ['disk-held', { holders: ['md'] }],
  ];
  for (const [code, { mounts = [], holders = [] }] of uses) {
    test(`a partition that is in use (${code}) refuses, even where it would stay`, () => {
      const used = disk([partition(1, 1, 100, { mounts, holders }), partition(2, 200, 20_000)]);
      expect(refusals({ disk: used })).toEqual([code]);
      expect(refusals({ disk: used, request: into(2) })).toEqual([code]);
    });
  }
});

describe('room', () => {
  const layout = { systemBytes: SYSTEM.bytes, swapMiB: 0, encrypt: false };
  const MIB = 1024 * 1024;
  // The table and alignment take 1 MiB in front and up to 1 MiB behind.
  const least = Math.ceil(requiredBytes(layout) / MIB) * MIB + 2 * MIB;

  test('the least that fits passes, 1 MiB less does not', () => {
    expect(refusals({ disk: disk([], { size: least }) })).toEqual([]);
    expect(refusals({ disk: disk([], { size: least - MIB }) })).toEqual(['disk-too-small']);
  });
  test('swap counts', () => {
    const withSwap = request({ mode: 'whole' }, { swapMiB: 1024 });
    expect(refusals({ disk: disk([], { size: least }), request: withSwap })).toEqual([
      'disk-too-small',
    ]);
  });
  test('a partition or a gap that is too small refuses', () => {
    const small = disk([partition(1, 1, 500), partition(2, 700, 62_000)]);
    expect(refusals({ disk: small, request: into(1) })).toEqual(['disk-too-small']);
    expect(refusals({ disk: small, request: free(501 * MIB) })).toEqual(['disk-too-small']);
  });
  test('a gap or partition that is not there refuses', () => {
    expect(refusals({ disk: windowsDisk(), request: free(5) })).toEqual(['free-unknown']);
    expect(refusals({ disk: windowsDisk(), request: into(4) })).toEqual(['partition-unknown']);
  });
});

describe('tables', () => {
  test('anything may be replaced whole', () => {
    for (const table of ['gpt', 'dos', 'none', 'other'] as const) {
      expect(refusals({ disk: disk([], { table }) })).toEqual([]);
    }
  });
  test('beside others only a GPT that can be written again', () => {
    const ask = into(5);
    for (const [table, code] of [
      ['dos', 'table-not-gpt'],
      ['none', 'table-not-gpt'],
      ['other', 'table-unreadable'],
    ] as const) {
      expect(refusals({ disk: windowsDisk({ table }), request: ask })).toEqual([code]);
    }
    expect(refusals({ disk: windowsDisk(), request: ask, tableRenders: false })).toEqual([
      'table-unreadable',
    ]);
  });
  test('a table without room for our entries refuses', () => {
    const many = Array.from({ length: 124 }, (_, at) => partition(at + 1, 10 + at, 1));
    const full = disk(many);
    const room = full.free.at(-1)?.start ?? 0;
    expect(refusals({ disk: full, request: free(room) })).toEqual(['table-full']);
  });
});

describe('what others need', () => {
  test('Windows itself is never replaced as a partition', () => {
    expect(refusals({ disk: windowsDisk(), request: into(3) })).toEqual(['partition-windows']);
  });
  for (const type of [GPT_TYPES.efi, GPT_TYPES['bios-boot'], ...WINDOWS_SERVICE_TYPES]) {
    test(`nor is a partition of type ${type}`, () => {
      const given = disk([partition(1, 1, 20_000, { type })]);
      expect(refusals({ disk: given, request: into(1) })).toEqual(['partition-boot']);
    });
  }
  for (const name of Object.values(NAMES)) {
    test(`nor one of ours (${name})`, () => {
      const given = disk([partition(1, 1, 20_000, { name })]);
      expect(refusals({ disk: given, request: into(1) })).toEqual(['partition-boot']);
    });
  }
});

describe('source and TPM', () => {
  test('nothing to install refuses', () => {
    expect(refusals({ source: null })).toEqual(['source-missing']);
  });
  test('encryption needs a TPM', () => {
    const encrypt = request({ mode: 'whole' }, { encrypt: true });
    expect(refusals({ request: encrypt })).toEqual(['tpm-missing']);
    expect(refusals({ request: encrypt, boot: UEFI })).toEqual([]);
  });
});

describe('warnings', () => {
  test('what goes is named: systems, else file systems', () => {
    expect(warnings({ disk: windowsDisk() })).toEqual(['erases-systems', 'erases-data']);
    expect(warnings({ disk: windowsDisk(), request: into(5), boot: UEFI })).toEqual([
      'erases-data',
    ]);
  });
  for (const [code, change] of [
    ['disk-removable', { removable: true }],
    ['disk-rotational', { rotational: true }],
    ['disk-without-serial', { serial: '' }],
  ] as const) {
    test(code, () => {
      expect(warnings({ disk: disk([], change) })).toEqual([code]);
    });
  }
  test('an installation of ours that is replaced, but not one that was cut off', () => {
    const state = (installed: 'installed' | 'interrupted') =>
      disk([], { installation: { state: installed, step: null } });
    expect(warnings({ disk: state('installed') })).toEqual(['replaces-installation']);
    expect(warnings({ disk: state('interrupted') })).toEqual([]);
  });
  test('firmware that cannot be told, beside another loader', () => {
    const boot = { ...UEFI, nvram: false };
    expect(warnings({ disk: windowsDisk(), request: into(5), boot })).toContain('nvram-missing');
    expect(warnings({ disk: disk(), boot })).toEqual([]);
    expect(warnings({ disk: windowsDisk(), request: into(5), boot: BIOS })).not.toContain(
      'nvram-missing',
    );
  });
});

test('refusals come first', () => {
  const findings = guard({
    request: request(),
    disk: windowsDisk({ readOnly: true, removable: true }),
    boot: BIOS,
    source: null,
    tableRenders: true,
  });
  const severities = findings.map(({ severity }) => severity);
  expect(severities).toEqual([...severities].sort());
});
