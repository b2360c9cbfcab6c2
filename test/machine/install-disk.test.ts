/** The installation on real disks (loop devices) by a real root helper that may be killed. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BootFacts, InstallRequest } from '../../preload/contract/install.ts';
import { scratchFolder } from '../support/images.ts';
import {
  FileDisk,
  GIB,
  HelperProcess,
  installMissing,
  Keys,
  type TestSystem,
  unmountBelow,
} from '../support/install-disk.ts';

const missing = installMissing();
if (missing) console.log(`install-disk: skipped, ${missing}`);

const EFI = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const RESERVED = 'E3C9E316-0B5C-4DB8-817D-F92DF00215AE';
const BASIC = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7';
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';
const UEFI: BootFacts = { firmware: 'uefi', secureBoot: false, nvram: false, tpm: false };

describe.skipIf(missing)('installing on a disk', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let keys: Keys;
  let system: TestSystem;
  let disk: FileDisk;
  const helpers: HelperProcess[] = [];
  /** More disks than the one. */
  const others: string[] = [];

  async function helper(boot?: BootFacts, facts?: string): Promise<HelperProcess> {
    const started = await HelperProcess.start(scratch.path, system.folder, keys, boot, facts, [
      disk.path,
      ...others,
    ]);
    helpers.push(started);
    return started;
  }
  const whole = (): InstallRequest => ({
    disk: disk.path,
    target: { mode: 'whole' },
    swapMiB: 0,
    encrypt: false,
  });

  beforeEach(async () => {
    scratch = await scratchFolder();
    keys = new Keys();
    system = await keys.system(join(scratch.path, 'image'), '1.0');
    disk = await FileDisk.create(join(scratch.path, 'disk.img'), 8 * GIB);
  });
  afterEach(async () => {
    for (const one of helpers.splice(0)) await one.kill();
    others.length = 0;
    await unmountBelow(scratch.path);
    disk.detach();
    await scratch[Symbol.asyncDispose]();
  });

  /** A disk as Windows leaves it, with room behind it. */
  function besideWindows(): void {
    disk.partition(
      [
        'label: gpt',
        `1 : start=2048, size=204800, type=${EFI}, name="EFI system partition"`,
        `2 : start=206848, size=32768, type=${RESERVED}, name="Microsoft reserved partition"`,
        `3 : start=239616, size=4194304, type=${BASIC}, name="Basic data partition"`,
        `5 : start=4433920, size=8388608, type=${LINUX}, name="files"`,
        '',
      ].join('\n'),
    );
    execFileSync('mkfs.vfat', ['-F', '32', disk.part(1)], { stdio: 'ignore' });
    const loader = join(scratch.path, 'bootmgfw.efi');
    execFileSync('sh', ['-c', `printf loader > ${loader}`]);
    const mtools = { env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } };
    for (const folder of ['EFI', 'EFI/Microsoft', 'EFI/Microsoft/Boot']) {
      execFileSync('mmd', ['-i', disk.part(1), `::/${folder}`], mtools);
    }
    execFileSync('mcopy', ['-i', disk.part(1), loader, '::/EFI/Microsoft/Boot/'], mtools);
    execFileSync('mkfs.ext4', ['-q', '-F', disk.part(5)], { stdio: 'ignore' });
  }

  test('a whole disk: shown as it is, planned, installed, read back, and not without the name', async () => {
    const root = await helper();
    const overview = await root.client.call('install.overview', {});
    expect(overview.disks.find(({ path }) => path === disk.path)).toMatchObject({
      size: 8 * GIB,
      table: 'none',
      installation: null,
    });
    const plan = await root.client.call('install.plan', { request: whole() });
    const order = { planId: plan.id, request: whole(), folder: null };
    await expect(
      root.client.call('install.run', { ...order, confirmation: 'sda' }),
    ).rejects.toMatchObject({ code: 'INSTALL_NOT_CONFIRMED' });
    const steps: string[] = [];
    await root.client.call(
      'install.run',
      { ...order, confirmation: plan.confirmWord },
      { onProgress: ({ step }) => step !== null && steps.at(-1) !== step && steps.push(step) },
    );
    expect(steps).toEqual([
      'partitioning',
      'formatting',
      'writing',
      'verifying',
      'bootloader',
      'activating',
    ]);
    expect(await root.client.call('system.read', {})).toMatchObject({
      disk: disk.path,
      running: null,
      slots: [{ name: 'A', version: '1.0', verified: true }],
      good: 'A',
      trial: null,
      failed: null,
      bootProblem: null,
    });
    const [after] = (await root.client.call('install.overview', {})).disks.filter(
      ({ path }) => path === disk.path,
    );
    expect(after?.installation).toEqual({ state: 'installed', step: null });
  });

  test('a disk that changed since the plan is not touched', async () => {
    const root = await helper();
    const plan = await root.client.call('install.plan', { request: whole() });
    besideWindows();
    await expect(
      root.client.call('install.run', {
        planId: plan.id,
        request: whole(),
        confirmation: plan.confirmWord,
        folder: null,
      }),
    ).rejects.toMatchObject({ code: 'DISK_CHANGED' });
    expect(execFileSync('sfdisk', ['--dump', disk.path]).toString()).toContain('files');
  });

  test('a disk in use, or too small, is refused', async () => {
    besideWindows();
    const root = await helper();
    const mount = join(scratch.path, 'mnt');
    execFileSync('sh', ['-c', `mkdir ${mount} && mount ${disk.part(5)} ${mount}`]);
    try {
      const plan = await root.client.call('install.plan', { request: whole() });
      expect(plan.findings).toContainEqual(
        expect.objectContaining({ code: 'disk-mounted', severity: 'refuse' }),
      );
      expect(plan.steps).toEqual([]);
      await expect(
        root.client.call('install.run', {
          planId: plan.id,
          request: whole(),
          confirmation: plan.confirmWord,
          folder: null,
        }),
      ).rejects.toMatchObject({ code: 'INSTALL_REFUSED' });
    } finally {
      execFileSync('umount', [mount]);
    }
    const small = await FileDisk.create(join(scratch.path, 'small.img'), GIB);
    try {
      others.push(small.path);
      const second = await helper();
      const plan = await second.client.call('install.plan', {
        request: { ...whole(), disk: small.path },
      });
      expect(plan.findings[0]).toMatchObject({ code: 'disk-too-small', severity: 'refuse' });
    } finally {
      small.detach();
    }
  });

  test('beside Windows: every other partition stays to the byte, and the menu offers it', async () => {
    besideWindows();
    const dump = (): string[] =>
      execFileSync('sfdisk', ['--dump', disk.path]).toString().split('\n');
    const hash = (part: number): string =>
      execFileSync('sha256sum', [disk.part(part)])
        .toString()
        .slice(0, 64);
    const before = {
      lines: dump().filter((line) => /p[123] :/.test(line)),
      hash: [1, 2].map(hash),
    };
    const root = await helper(UEFI);
    // Windows itself and what it needs are not for replacing; the file partition is.
    for (const number of [1, 2]) {
      const target = { mode: 'partition', number } as const;
      const refused = await root.client.call('install.plan', { request: { ...whole(), target } });
      expect(refused.findings[0]).toMatchObject({ severity: 'refuse' });
    }
    const plan = await root.install({ ...whole(), target: { mode: 'partition', number: 5 } });
    expect(plan.findings.map(({ code }) => code)).toContain('erases-data');
    expect(dump().filter((line) => /p[123] :/.test(line))).toEqual(before.lines);
    expect([1, 2].map(hash)).toEqual(before.hash);
    expect(await root.client.call('system.read', {})).toMatchObject({ bootProblem: null });
    const other = execFileSync('mtype', ['-i', disk.part(5), '::/vestibule/grubenv'], {
      env: { ...process.env, MTOOLS_SKIP_CHECK: '1' },
    }).toString();
    expect(other).toContain('other=/EFI/Microsoft/Boot/bootmgfw.efi\n');
    // And away again: what was there before is there, ours is free room.
    await root.client.call('install.remove', {
      disk: disk.path,
      confirmation: disk.path.slice('/dev/'.length),
    });
    expect(dump().filter((line) => / : start/.test(line))).toEqual(before.lines);
    expect([1, 2].map(hash)).toEqual(before.hash);
    expect(await root.client.call('system.read', {})).toBeNull();
  });

  test('an update goes to the spare slot, is tried, and returns or stays', async () => {
    const first = await helper();
    await first.install(whole());
    const second = await keys.system(join(scratch.path, 'update'), '2.0');
    expect(await first.client.call('slot.write', { folder: second.folder })).toEqual({ slot: 'B' });
    expect(await first.client.call('slot.try', { slot: 'B', tries: 2 })).toMatchObject({
      good: 'A',
      trial: { slot: 'B', tries: 2 },
      slots: [{ version: '1.0' }, { version: '2.0', verified: true }],
    });
    await first.kill();
    // The trial runs and shows the kiosk.
    const inB = await helper(undefined, 'source=slot-b\n');
    expect(await inB.client.call('slot.good', {})).toMatchObject({
      running: 'B',
      good: 'B',
      trial: null,
    });
    // The next one goes to A, and a slot that runs is never written to.
    const third = await keys.system(join(scratch.path, 'third'), '3.0');
    expect(await inB.client.call('slot.write', { folder: third.folder })).toEqual({ slot: 'A' });
    expect(await inB.client.call('slot.choose', { slot: 'A' })).toMatchObject({ good: 'A' });
    await expect(inB.client.call('slot.write', { folder: second.folder })).rejects.toMatchObject({
      code: 'IMAGE_IN_USE',
    });
  });

  test('a system that nobody signed, or that lost a byte, never reaches a slot', async () => {
    const root = await helper();
    await root.install(whole());
    const foreign = await new Keys().system(join(scratch.path, 'foreign'), '6.6.6');
    await expect(root.client.call('slot.write', { folder: foreign.folder })).rejects.toMatchObject({
      code: 'MANIFEST_SIGNATURE_WRONG',
    });
    const damaged = await keys.system(join(scratch.path, 'damaged'), '2.0');
    const file = join(damaged.folder, 'initrd.img');
    const bytes = await readFile(file);
    bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5);
    await writeFile(file, bytes);
    await expect(root.client.call('slot.write', { folder: damaged.folder })).rejects.toMatchObject({
      code: 'SYSTEM_CORRUPT',
    });
    expect(await root.client.call('system.read', {})).toMatchObject({
      slots: [{ name: 'A', version: '1.0' }],
    });
  });

  test('a slot that rots on the disk is found by reading it back', async () => {
    const root = await helper();
    await root.install(whole());
    await root.client.call('slot.verify', { slot: 'A' });
    await root.kill();
    // The bytes of a folder's file, wherever BTRFS put them; sparse regions are skipped quickly.
    const sample = (await readFile(join(system.folder, 'root.sqfs'))).subarray(8192, 8192 + 64);
    const file = await open(disk.file, 'r+');
    let copies = 0;
    const window = Buffer.alloc(64 * 1024 * 1024);
    for (let start = 0; start < 2 * GIB; start += window.length - 64) {
      const { bytesRead } = await file.read(window, 0, window.length, start);
      const part = window.subarray(0, bytesRead);
      for (let at = part.indexOf(sample); at >= 0; at = part.indexOf(sample, at + 1)) {
        await file.write(Buffer.alloc(16), 0, 16, start + at);
        copies++;
      }
    }
    await file.close();
    expect(copies).toBeGreaterThan(0);
    execFileSync('blockdev', ['--flushbufs', disk.path]);
    const again = await helper();
    await expect(again.client.call('slot.verify', { slot: 'A' })).rejects.toMatchObject({
      code: 'SYSTEM_CORRUPT',
    });
    expect(await again.client.call('system.read', {})).toMatchObject({
      slots: [{ name: 'A', verified: false }],
    });
  });

  test('it is removed also where the running kiosk keeps its state on it', async () => {
    const root = await helper();
    await root.install(whole());
    const mount = join(scratch.path, 'state');
    execFileSync('sh', ['-c', `mkdir ${mount} && mount -o subvol=data ${disk.part(3)} ${mount}`]);
    try {
      await writeFile(join(mount, 'kept'), 'until the restart');
      const confirmation = disk.path.slice('/dev/'.length);
      await root.client.call('install.remove', { disk: disk.path, confirmation });
      await writeFile(join(mount, 'more'), 'still');
    } finally {
      execFileSync('umount', [mount]);
    }
    disk.rescan();
    expect(execFileSync('sfdisk', ['--dump', disk.path]).toString()).not.toContain('KIOSK');
    expect(await root.client.call('system.read', {})).toBeNull();
    // And installed again in the same place, nothing of before is in the way.
    await root.install(whole());
    expect(await root.client.call('system.read', {})).toMatchObject({ bootProblem: null });
  });

  test('a lost loader and a lost choice of slots are repaired', async () => {
    const root = await helper();
    await root.install(whole());
    const mtools = { env: { ...process.env, MTOOLS_SKIP_CHECK: '1' } };
    execFileSync('mdeltree', ['-i', disk.part(2), '::/EFI', '::/vestibule'], mtools);
    const sector = await open(disk.path, 'r+');
    await sector.write(Buffer.alloc(440), 0, 440, 0);
    await sector.close();
    expect((await root.client.call('system.read', {}))?.bootProblem).toContain('missing');
    await root.client.call('boot.repair', { disk: disk.path });
    expect(await root.client.call('system.read', {})).toMatchObject({
      good: 'A',
      bootProblem: null,
    });
  });

  test('killed at each step, it is never taken for installed, and the same order completes it', async () => {
    for (const step of [
      'partitioning',
      'formatting',
      'writing',
      'verifying',
      'bootloader',
      'activating',
    ]) {
      execFileSync('wipefs', ['--all', '--quiet', disk.path]);
      disk.rescan();
      const cut = await helper();
      const dying = cut.install(whole(), async (now) => {
        if (now === step) await cut.kill();
      });
      await expect(dying, step).rejects.toMatchObject({ code: 'HELPER_REFUSED' });
      await unmountBelow(scratch.path);
      const root = await helper();
      const [found] = (await root.client.call('install.overview', {})).disks.filter(
        ({ path }) => path === disk.path,
      );
      expect(found?.installation?.state, step).not.toBe('installed');
      const steps = new Set<string>();
      await root.install(whole(), (now) => steps.add(now));
      // What was written before the cut is not written again.
      expect(steps.has('partitioning'), step).toBe(['partitioning', 'formatting'].includes(step));
      expect(await root.client.call('system.read', {}), step).toMatchObject({
        slots: [{ name: 'A', version: '1.0', verified: true }],
        bootProblem: null,
      });
      await root.kill();
    }
  });

  test('what a cut left beside Windows is room for the next attempt', async () => {
    besideWindows();
    const cut = await helper(UEFI);
    const request: InstallRequest = { ...whole(), target: { mode: 'partition', number: 5 } };
    await expect(
      cut.install(request, async (now) => {
        if (now === 'writing') await cut.kill();
      }),
    ).rejects.toMatchObject({ code: 'HELPER_REFUSED' });
    await unmountBelow(scratch.path);
    const root = await helper(UEFI);
    const [found] = (await root.client.call('install.overview', {})).disks.filter(
      ({ path }) => path === disk.path,
    );
    expect(found?.installation).toMatchObject({ state: 'interrupted' });
    const room = found?.free.find(({ size }) => size >= 4 * GIB);
    expect(room).toBeDefined();
    await root.install({ ...request, target: { mode: 'free', start: room?.start ?? 0 } });
    expect(await root.client.call('system.read', {})).toMatchObject({ bootProblem: null });
    expect(execFileSync('sfdisk', ['--dump', disk.path]).toString()).toContain('Basic data');
  });

  test('the helper leaves nothing mounted and nothing behind', async () => {
    const root = await helper();
    await root.install(whole());
    const mounts = await readFile('/proc/self/mounts', 'utf8');
    expect(mounts).not.toContain(scratch.path);
    await rm(join(scratch.path, 'helper', 'core.img'), { force: true });
    expect(existsSync(join(scratch.path, 'helper', 'enrolment'))).toBe(false);
  });
});
