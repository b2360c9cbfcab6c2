/**
 * The power fails while a computer installs itself or is updated, at points that a seed chooses. What
 * is on the disk at that moment is looked at, and started where firmware would find something.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readAt } from '../../main/install/block-device.ts';
import { MBR_CODE } from '../../main/install/boot-code.ts';
import type { Machine } from '../../squashfs/machine.ts';
import { GIB } from '../support/install-disk.ts';
import { expect } from './expect.ts';
import {
  diskAt,
  diskObstacle,
  type InstalledDisk,
  installedDisk,
  smallSystem,
} from './installed-disk.ts';
import { type InstallerGuest, installerGuest } from './installer-guest.ts';
import type { Bench, Scenario } from './scenario.ts';

const run = promisify(execFile);

const PATIENCE = 600_000;
const SIZE = 4 * GIB;
const UP = /small root up: (\S+ source=[\w-]+)\s/;

export interface CutOptions {
  readonly seed: number;
  /** Of each of both. */
  readonly cuts: number;
}

interface Point {
  readonly step: string;
  /** After the step was said, milliseconds. */
  readonly delay: number;
}

/** Numbers from 0 to 1, the same for the same seed (Park and Miller, 1988). */
function numbers(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Spread over the steps, in their order. */
function pointsOf(steps: readonly string[], count: number, random: () => number): Point[] {
  return Array.from({ length: count }, (_, index) => index % steps.length)
    .sort((a, b) => a - b)
    .map((index) => ({ step: steps[index] ?? '', delay: Math.floor(random() ** 2 * 4_000) }));
}

/** Waits until the guest is there, or has ended its work. */
async function reach(guest: Machine, { step, delay }: Point): Promise<void> {
  await guest.said(new RegExp(`installer: (at ${step}|done|refused)`), PATIENCE);
  await sleep(delay);
}

/** The disk as it is at each point; then the power fails at the last one. */
async function cutAt(
  bench: Bench,
  guest: Machine,
  disk: string,
  points: readonly Point[],
): Promise<string[]> {
  const files: string[] = [];
  for (const [index, point] of points.entries()) {
    await reach(guest, point);
    const file = join(bench.folder, `cut-${index}.img`);
    const copy = () => run('cp', ['--sparse=always', disk, file]);
    if (guest.running) await guest.paused(copy);
    else await copy();
    files.push(file);
  }
  await guest.stop();
  return files;
}

async function finish(guest: Machine): Promise<void> {
  const [, how] = await guest.said(/installer: (done|refused [^\n]*)\r?\n/, PATIENCE);
  expect(how?.trim() ?? '', 'done');
  await guest.ended;
}

/** From power to the small root, without a network. */
async function boot(bench: Bench, file: string): Promise<string> {
  const computer = await bench.start({
    ...{ firmware: 'bios', memoryMib: 768, cards: [], disks: [file] },
  });
  const [, said = ''] = await computer.said(UP, PATIENCE);
  await computer.stop();
  return said;
}

/** What the disk says of itself, and whether firmware would find something to start. */
async function look(disk: InstalledDisk) {
  return disk.with(async ({ installer, installed }, { path }) => {
    const [found] = await installer.disks(false);
    const code = await readAt(path, 0, MBR_CODE);
    return {
      state: found?.disk.installation?.state ?? 'nothing',
      starts: code.some((byte) => byte !== 0),
      system: await installed.read().catch(() => null),
    };
  });
}

async function hash(file: string): Promise<string> {
  const sha256 = createHash('sha256');
  await pipeline(createReadStream(file), sha256);
  return sha256.digest('hex');
}

async function emptyDisk(bench: Bench, name: string, size: number): Promise<string> {
  const file = join(bench.folder, name);
  await writeFile(file, '');
  await truncate(file, size);
  return file;
}

async function systems(bench: Bench): Promise<{ guest: InstallerGuest; first: string }> {
  const first = (await smallSystem(bench, '1')).folder;
  const second = (await smallSystem(bench, '2')).folder;
  return { first, guest: await installerGuest(bench, first, second) };
}

const tell = (bench: Bench, points: readonly Point[]): void =>
  bench.note(`cuts ${points.map(({ step, delay }) => `${step}+${delay} ms`).join(', ')}`);

export function powerCuts({ seed, cuts }: CutOptions): readonly Scenario[] {
  return [
    {
      name: `power cuts while it is installed (seed ${seed}): whole or not started, and completes`,
      obstacle: diskObstacle,
      async run(bench) {
        const { guest, first } = await systems(bench);
        const disk = await emptyDisk(bench, 'target.img', SIZE);
        const random = numbers(seed);
        const early = pointsOf(
          ['partitioning', 'formatting', 'writing', 'verifying'],
          cuts,
          random,
        );
        const late = pointsOf(['bootloader', 'activating'], cuts, random);
        tell(bench, [...early, ...late]);
        // What the first cut leaves is what the same order is given for again.
        const files = await cutAt(bench, await guest.start('install', disk), disk, early);
        files.push(disk);
        const again = await guest.start('install', disk);
        const states: string[] = [];
        const check = async (file: string): Promise<void> => {
          const { state, starts, system } = await look(diskAt(bench, file, first));
          states.push(starts ? `${state}, starts` : state);
          if (state === 'installed') {
            expect(String(starts), 'true');
            expect(`${system?.good} ${system?.bootProblem}`, 'A null');
          }
          if (starts) expect(await boot(bench, file), '1 source=slot-a');
        };
        const later = await lateCuts(bench, again, disk, late);
        for (const file of [...files.slice(0, -1), ...later, disk]) {
          await check(file);
          if (file !== disk) await rm(file);
        }
        bench.note(`then ${states.join('; ')}`);
        expect(states.at(-1) ?? '', 'installed, starts');
        expect(String(states.some((state) => !state.endsWith('starts'))), 'true');
      },
    },
    {
      name: `power cuts while it is updated (seed ${seed}): one of both systems starts, whole`,
      obstacle: diskObstacle,
      async run(bench) {
        const { guest, first } = await systems(bench);
        const installed = await installedDisk(bench, { image: first, size: SIZE });
        const disk = installed.file;
        const points = pointsOf(['writing', 'verifying'], cuts, numbers(seed + 1));
        tell(bench, points);
        const files = await cutAt(bench, await guest.start('update', disk), disk, points);
        const states: string[] = [];
        for (const file of files) {
          const { state, system } = await look(diskAt(bench, file, first));
          expect(`${state} ${system?.good} ${system?.bootProblem}`, 'installed A null');
          const on = await boot(bench, file);
          states.push(on);
          const wanted = system?.trial ? '2 source=slot-b' : '1 source=slot-a';
          expect(on, wanted);
          await rm(file);
        }
        // The computer that lost its power is updated after all.
        await finish(await guest.start('update', disk));
        states.push(await boot(bench, disk));
        bench.note(`then ${states.join('; ')}`);
        expect(states.at(-1) ?? '', '2 source=slot-b');
      },
    },
    {
      name: 'refused: a disk that is too small, and one that is in use; nobody writes to them',
      obstacle: diskObstacle,
      async run(bench) {
        const { guest, first } = await systems(bench);
        const small = await emptyDisk(bench, 'small.img', GIB / 2);
        const used = (await installedDisk(bench, { image: first, size: SIZE })).file;
        for (const [file, busy, reason] of [
          [small, false, 'too-small'],
          [used, true, 'disk-mounted'],
        ] as const) {
          const before = await hash(file);
          const computer = await guest.start('install', file, busy);
          const [, said = ''] = await computer.said(
            /installer: (done|refused [^\n]*)\r?\n/,
            PATIENCE,
          );
          await computer.ended;
          if (!said.includes('INSTALL_REFUSED') || !said.includes(reason))
            throw new Error(`"${said}" where INSTALL_REFUSED, ${reason} was expected`);
          expect(await hash(file), before);
        }
      },
    },
  ];
}

/** The disk at each of these points; the guest then completes what it does. */
async function lateCuts(
  bench: Bench,
  guest: Machine,
  disk: string,
  points: readonly Point[],
): Promise<string[]> {
  const files: string[] = [];
  for (const [index, point] of points.entries()) {
    await reach(guest, point);
    if (!guest.running) break;
    const file = join(bench.folder, `late-${index}.img`);
    await guest.paused(() => run('cp', ['--sparse=always', disk, file]));
    files.push(file);
  }
  await finish(guest);
  return files;
}
