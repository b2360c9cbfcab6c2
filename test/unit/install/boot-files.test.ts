/** What is placed on a disk without a file system's help: GRUB's boot code, and a sector of FAT. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { embeddedCore, MBR_CODE, mbrCode } from '../../../main/install/boot-code.ts';
import { locate, type ReadAt } from '../../../main/install/fat.ts';

describe('boot code', () => {
  const image = Buffer.alloc(512);
  image.writeUInt16LE(0xaa55, 510);

  test('points to core.img, and leaves the rest of sector 0 to the disk', () => {
    const code = mbrCode(image, 2048);
    expect(code.length).toBe(MBR_CODE);
    expect(code.readBigUInt64LE(0x5c)).toBe(2048n);
  });
  test('core.img names the place of its own rest', () => {
    const core = Buffer.alloc(3 * 512 + 10, 1);
    const placed = embeddedCore(core, 2048, 1024 * 1024);
    expect(placed.length).toBe(4 * 512);
    expect(placed.readBigUInt64LE(500)).toBe(2049n);
    expect(placed.readUInt16LE(508)).toBe(3);
  });
  test('what is not GRUB, or does not fit, is refused', () => {
    expect(() => mbrCode(Buffer.alloc(512), 1)).toThrow();
    expect(() => embeddedCore(Buffer.alloc(4096), 1, 2048)).toThrow();
    expect(() => embeddedCore(Buffer.alloc(100), 1, 2048)).toThrow();
  });
});

describe('FAT', () => {
  let folder: string;
  let bytes: Buffer;
  const content = Buffer.from(`${'x'.repeat(700)}y`);
  const read: ReadAt = async (at, length) => bytes.subarray(at, at + length);

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'vestibule-fat-'));
    const file = join(folder, 'esp');
    execFileSync('truncate', ['-s', '64M', file]);
    execFileSync('mkfs.vfat', ['-F', '32', file], { stdio: 'ignore' });
    writeFileSync(join(folder, 'grubenv'), content);
    const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' };
    execFileSync('mmd', ['-i', file, '::/a folder with a long name', '::/vestibule'], { env });
    for (const path of ['::/vestibule/grubenv', '::/a folder with a long name/Grub.Env']) {
      execFileSync('mcopy', ['-i', file, join(folder, 'grubenv'), path], { env });
    }
    bytes = readFileSync(file);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  for (const path of [
    ['vestibule', 'grubenv'],
    ['A Folder With A Long Name', 'grub.env'],
  ]) {
    test(`finds ${path.join('/')}`, async () => {
      const { size, cluster, positions } = await locate(read, path);
      expect(size).toBe(content.length);
      const found = positions.map((at) => bytes.subarray(at, at + cluster));
      expect(Buffer.concat(found).subarray(0, size).equals(content)).toBe(true);
    });
  }
  test('what is not there is said', async () => {
    await expect(locate(read, ['vestibule', 'other'])).rejects.toMatchObject({
      code: 'BOOT_LOADER_FAILED',
    });
    await expect(locate(read, ['vestibule'])).rejects.toMatchObject({ code: 'BOOT_LOADER_FAILED' });
  });
  test('a damaged file system ends in a refusal, never in a loop or a crash', async () => {
    const clean = Buffer.from(bytes);
    let state = 7;
    const random = (): number => {
      state = (state * 48_271) % 2_147_483_647;
      return state;
    };
    for (let round = 0; round < 300; round++) {
      clean.copy(bytes);
      for (let hit = 0; hit < 8; hit++) bytes.writeUInt8(random() % 256, random() % 600_000);
      for (let hit = 0; hit < 8; hit++) bytes.writeUInt8(random() % 256, random() % 512);
      await locate(read, ['vestibule', 'grubenv']).catch((error: unknown) =>
        expect(error).toMatchObject({ code: 'BOOT_LOADER_FAILED' }),
      );
    }
    clean.copy(bytes);
    // Three hundred rounds; the default limit is for one.
  }, 120_000);
});
