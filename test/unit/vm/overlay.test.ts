import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { KioskError } from '../../../main/base/errors.ts';
import {
  checkBase,
  checkQcow2,
  createQcow2,
  emptyQcow2,
} from '../../../main/sessions/vm/overlay.ts';

const folder = mkdtempSync(join(tmpdir(), 'overlay-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string): string => join(folder, name);
const qemu = (...args: string[]): string => execFileSync('qemu-img', args, { encoding: 'utf8' });
const corrupt = expect.objectContaining({ code: 'MACHINE_IMAGE_CORRUPT' });

describe('the overlay', () => {
  it.each([1, 600, 3 * 1024 * 1024])('of %i MiB is what qemu-img understands', async (mib) => {
    const base = file(`base-${mib}.raw`);
    writeFileSync(base, '');
    truncateSync(base, mib * 1024 * 1024);
    const path = file(`overlay-${mib}.qcow2`);
    await createQcow2(path, mib * 1024 * 1024, { path: base, format: 'raw' });
    const info = JSON.parse(qemu('info', '--output=json', path));
    expect(info).toMatchObject({
      'virtual-size': mib * 1024 * 1024,
      'full-backing-filename': base,
      'backing-filename-format': 'raw',
    });
    expect(qemu('check', path)).toContain('No errors');
    expect(() => qemu('compare', '-f', 'qcow2', '-F', 'raw', path, base)).not.toThrow();
  });

  it('never replaces a file', async () => {
    writeFileSync(file('there'), 'x');
    await expect(createQcow2(file('there'), 512)).rejects.toThrow(/EEXIST/);
  });
});

describe('a base image', () => {
  it('is taken with its virtual size', async () => {
    qemu('create', '-q', '-f', 'qcow2', file('good.qcow2'), '10M');
    expect(await checkBase(file('good.qcow2'), 'qcow2')).toBe(10 * 1024 * 1024);
    writeFileSync(file('good.raw'), Buffer.alloc(1024));
    expect(await checkBase(file('good.raw'), 'raw')).toBe(1024);
  });

  it('is refused when it names another file', async () => {
    qemu('create', '-q', '-f', 'qcow2', '-b', file('good.raw'), '-F', 'raw', file('backed.qcow2'));
    await expect(checkBase(file('backed.qcow2'), 'qcow2')).rejects.toThrow(/backing/);
    qemu(
      'create',
      '-q',
      '-f',
      'qcow2',
      '-o',
      `data_file=${file('data')}`,
      file('data.qcow2'),
      '1M',
    );
    await expect(checkBase(file('data.qcow2'), 'qcow2')).rejects.toThrow(/data file/);
  });

  it('is refused when it is cut, of another format, or missing', async () => {
    qemu('create', '-q', '-f', 'qcow2', file('cut.qcow2'), '10M');
    truncateSync(file('cut.qcow2'), 100_000);
    await expect(checkBase(file('cut.qcow2'), 'qcow2')).rejects.toThrow(corrupt);
    await expect(checkBase(file('good.raw'), 'qcow2')).rejects.toThrow(corrupt);
    writeFileSync(file('odd.raw'), 'odd');
    await expect(checkBase(file('odd.raw'), 'raw')).rejects.toThrow(corrupt);
    await expect(checkBase(file('missing'), 'raw')).rejects.toThrow(
      expect.objectContaining({ code: 'MACHINE_IMAGE_MISSING' }),
    );
  });

  it('answers any header with a size or a code', () => {
    const good = emptyQcow2(1024 * 1024).subarray(0, 104);
    fc.assert(
      fc.property(fc.nat(103), fc.uint8Array({ maxLength: 16 }), (at, bytes) => {
        const header = Buffer.from(good);
        header.set(bytes.subarray(0, header.length - at), at);
        try {
          expect(checkQcow2(header, 1024 * 1024)).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(KioskError);
        }
      }),
    );
  });
});
