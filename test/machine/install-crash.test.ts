/** The power fails during an installation and during an update: what the disk then says is true. */
import { execFileSync } from 'node:child_process';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readAt } from '../../main/install/block-device.ts';
import { MBR_CODE } from '../../main/install/boot-code.ts';
import { Esp } from '../../main/install/esp.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { Launcher } from '../../main/process/launcher.ts';
import type { InstallRequest } from '../../preload/contract/install.ts';
import { blockLogMissing, type LogEntry, LoggedDisk, Replay } from '../support/block-log.ts';
import { scratchFolder } from '../support/images.ts';
import { FileDisk, GIB, installMissing, Keys, type TestSystem } from '../support/install-disk.ts';
import { type LocalInstaller, localInstaller } from '../support/install-order.ts';

const SIZE = 4 * GIB;
/** Of each recording, spread over its whole length. */
const CUTS = 60;
/** Every so many cuts the order is given again and must complete. */
const RESUME_EVERY = 12;

const missing = blockLogMissing() ?? installMissing();
if (missing) console.log(`install-crash: skipped, ${missing}`);

/** The same numbers on each run (Park and Miller, 1988). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

describe.skipIf(missing)('power cuts', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  let states: string;
  let keys: Keys;
  let first: TestSystem;
  let second: TestSystem;
  let local: LocalInstaller;
  /** The disk that is looked at. */
  let device: string;
  const launcher = new Launcher(silentLogger);

  beforeAll(async () => {
    scratch = await scratchFolder();
    states = join(scratch.path, 'states');
    await mkdir(states);
    const image = join(scratch.path, 'states.img');
    await writeFile(image, '');
    await truncate(image, 4 * GIB);
    execFileSync('mkfs.btrfs', ['-q', image], { stdio: 'ignore' });
    execFileSync('mount', ['-o', 'loop', image, states]);
    keys = new Keys();
    first = await keys.system(join(scratch.path, 'first'), '1.0');
    second = await keys.system(join(scratch.path, 'second'), '2.0');
    await keys.publish(scratch.path);
    local = localInstaller(scratch.path, first.folder, () => device);
    await mkdir(join(scratch.path, 'helper'), { recursive: true });
  });
  afterAll(async () => {
    await local[Symbol.asyncDispose]();
    await launcher.stopAll();
    execFileSync('umount', [states]);
    await scratch[Symbol.asyncDispose]();
  });

  const whole = (disk: string): InstallRequest => ({
    disk,
    target: { mode: 'whole' },
    swapMiB: 0,
    encrypt: false,
  });

  /** Calls `check` with the disk as each of many cuts leaves it. */
  async function eachCut(
    entries: LogEntry[],
    from: number,
    check: (disk: FileDisk, last: boolean) => Promise<void>,
  ): Promise<number> {
    const durable = join(states, 'durable.img');
    await writeFile(durable, '');
    await truncate(durable, SIZE);
    const replay = new Replay(durable, entries);
    const random = seeded(20_261_121);
    const begin = entries.findIndex(({ logEnd }) => logEnd > from);
    const cuts = Array.from(
      { length: CUTS },
      () => begin + Math.floor(random() * (entries.length - begin + 1)),
    );
    cuts.push(entries.length);
    cuts.sort((a, b) => a - b);
    const seen = new Set<string>();
    for (const [number, cut] of cuts.entries()) {
      const state = replay.random(cut, random);
      const { key } = state;
      if (seen.has(key)) continue;
      seen.add(key);
      const file = join(states, 'cut.img');
      await rm(file, { force: true });
      replay.write(state, file);
      const disk = FileDisk.attach(file);
      device = disk.path;
      try {
        await check(disk, number % RESUME_EVERY === 0);
      } catch (cause) {
        throw new Error(`cut ${cut} of ${entries.length}, ${key.slice(0, 200)}`, { cause });
      } finally {
        disk.detach();
      }
    }
    await rm(durable);
    return seen.size;
  }

  async function ofDisk(disk: FileDisk) {
    const all = await local.installer.disks(false);
    return all.find((one) => one.disk.path === disk.path)?.disk;
  }

  test('an installation is whole, or said to be interrupted, and completes', async () => {
    const logged = await LoggedDisk.create(join(scratch.path, 'logged'), SIZE);
    device = logged.device;
    await local.install(whole(logged.device));
    execFileSync('partx', ['--delete', '--nr', '1:128', logged.device]);
    const entries = await logged.finish();
    const table: Record<string, number> = {};
    const distinct = await eachCut(entries, 0, async (disk, resume) => {
      const found = await ofDisk(disk);
      const state = found?.installation?.state ?? 'nothing';
      table[state] = (table[state] ?? 0) + 1;
      const code = await readAt(disk.path, 0, MBR_CODE);
      const efi = found?.partitions.find(({ name }) => name === 'KIOSK-ESP');
      const starts =
        code.some((byte) => byte !== 0) ||
        (efi !== undefined &&
          (await new Esp(launcher, efi.path).exists('EFI/BOOT/BOOTX64.EFI').catch(() => false)));
      // Firmware is told last: what it would start finds a whole system.
      if (state === 'installed' || starts) {
        const system = await local.installed.read();
        expect(system?.slots).toMatchObject([{ name: 'A', version: '1.0', verified: true }]);
        expect(found?.partitions.at(-1)?.fileSystem?.label).toBe('KIOSK');
      }
      if (state === 'installed') {
        expect(await local.installed.read()).toMatchObject({ good: 'A', bootProblem: null });
        await local.installed.verify('A', quiet());
      }
      if (resume && state !== 'installed') {
        await local.install(whole(disk.path));
        expect(await local.installed.read()).toMatchObject({
          slots: [{ name: 'A', version: '1.0', verified: true }],
          bootProblem: null,
        });
      }
    });
    console.log(`installation: ${distinct} distinct states of ${entries.length} writes`, table);
    expect(table.interrupted).toBeGreaterThan(0);
    expect(table.installed).toBeGreaterThan(0);
  }, 900_000);

  test('an update leaves the good slot alone, and a trial is whole', async () => {
    const logged = await LoggedDisk.create(join(scratch.path, 'updated'), SIZE);
    device = logged.device;
    await local.install(whole(logged.device));
    const from = await logged.mark();
    const { slot } = await local.installed.write(second.folder, quiet());
    await local.installed.try(slot, 2);
    execFileSync('partx', ['--delete', '--nr', '1:128', logged.device]);
    const entries = await logged.finish();
    const table: Record<string, number> = {};
    const distinct = await eachCut(entries, from, async () => {
      const system = await local.installed.read();
      expect(system).toMatchObject({ good: 'A', failed: null, bootProblem: null });
      expect(system?.slots[0]).toMatchObject({ name: 'A', version: '1.0', verified: true });
      await local.installed.verify('A', quiet());
      const state = system?.trial ? 'trial' : system?.slots[1] ? 'written' : 'before';
      table[state] = (table[state] ?? 0) + 1;
      if (system?.slots[1])
        expect(system.slots[1]).toMatchObject({ version: '2.0', verified: true });
      if (system?.trial) {
        expect(system.trial).toEqual({ slot: 'B', tries: 2 });
        await local.installed.verify('B', quiet());
      }
    });
    console.log(`update: ${distinct} distinct states of ${entries.length} writes`, table);
    expect(table.before).toBeGreaterThan(0);
    expect(table.trial).toBeGreaterThan(0);
  }, 900_000);
});

function quiet() {
  return { signal: new AbortController().signal, progress: () => {} };
}
