import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  type BootChoice,
  formatGrubenv,
  markGood,
  parseGrubenv,
  tryNext,
} from '../../../main/install/grubenv.ts';

const base: BootChoice = { good: 'a', trial: null, tries: 0, booting: null, other: '' };

test('all that it says is in the first sector, and it is read as written', () => {
  const choice: BootChoice = {
    good: 'b',
    trial: 'a',
    tries: 2,
    booting: 'a',
    other: '/EFI/Microsoft/Boot/bootmgfw.efi',
  };
  const block = formatGrubenv(choice);
  expect(block.length).toBe(1024);
  expect(block.subarray(512).every((byte) => byte === 0x23)).toBe(true);
  expect(parseGrubenv(block)).toEqual(choice);
});

test("GRUB's own editor agrees, and what it writes is understood", () => {
  const folder = mkdtempSync(join(tmpdir(), 'vestibule-grubenv-'));
  try {
    const file = join(folder, 'grubenv');
    writeFileSync(file, formatGrubenv({ ...base, trial: 'b', tries: 3 }));
    const list = execFileSync('grub-editenv', [file, 'list']).toString();
    expect(list).toContain('good=a\n');
    expect(list).toContain('tries=3\n');
    execFileSync('grub-editenv', [file, 'set', 'tries=1', 'booting=b']);
    expect(parseGrubenv(Buffer.from(execFileSync('cat', [file])))).toEqual({
      ...base,
      trial: 'b',
      tries: 1,
      booting: 'b',
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('what is no block, or does not fit, is refused', () => {
  expect(() => parseGrubenv(Buffer.alloc(1024))).toThrow();
  expect(() => parseGrubenv(formatGrubenv(base).subarray(0, 512))).toThrow();
  expect(() => formatGrubenv({ ...base, other: 'x'.repeat(600) })).toThrow();
  expect(() => formatGrubenv({ ...base, other: '/a\ngood=b\u0000' })).toThrow();
});

describe('choices', () => {
  test('a slot that has shown the kiosk is good; its trial has passed', () => {
    expect(markGood({ ...base, trial: 'b', tries: 1 }, 'b')).toMatchObject({
      good: 'b',
      trial: null,
      tries: 0,
    });
  });
  test('the good one that runs does not take a waiting trial away', () => {
    expect(markGood({ ...base, trial: 'b', tries: 2 }, 'a')).toMatchObject({
      trial: 'b',
      tries: 2,
    });
  });
  test('a trial that was given up is forgotten once the good one has shown the kiosk', () => {
    expect(markGood({ ...base, trial: 'b', tries: 0 }, 'a')).toMatchObject({ trial: null });
  });
  test('trying the good one is no trial', () => {
    expect(tryNext(base, 'a', 2)).toEqual(base);
    expect(tryNext(base, 'b', 2)).toMatchObject({ good: 'a', trial: 'b', tries: 2 });
  });
});
