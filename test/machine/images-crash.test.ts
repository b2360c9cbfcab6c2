/**
 * The power fails while an update is received and published. For each step of the protocol at
 * least 200 different disks are looked at, or every one that a cut can leave where there are fewer:
 * between two flushes a step that writes n blocks leaves at most the subsets of these, and the
 * last one torn.
 */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  blockLogMissing,
  type DiskState,
  type LogEntry,
  LoggedDisk,
  Replay,
} from '../support/block-log.ts';
import { type ChildOrder, receiveInto } from '../support/image-child.ts';
import { inspectStore } from '../support/image-store.ts';
import { imageBytes, packBytes, scratchFolder } from '../support/images.ts';

const CHILD = fileURLToPath(new URL('../support/image-child.ts', import.meta.url));
const CUTS = 200;
const DISK = 192 * 1024 * 1024;

const missing = blockLogMissing();
if (missing) console.log(`images-crash: skipped, ${missing}`);

interface Recording {
  readonly entries: LogEntry[];
  /** Marks in the log: where each step began. */
  readonly steps: Array<{ name: string; mark: number }>;
  readonly order: ChildOrder;
}

function mount(source: string, target: string, ...options: string[]): void {
  execFileSync('mount', [...options, source, target], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Receives v1, then v2 over it, on a disk that remembers; the child waits at each step. */
async function record(folder: string, fileSystem: 'btrfs' | 'ext4'): Promise<Recording> {
  const v1 = await packBytes(folder, imageBytes(24, 5), { id: 'win', version: '1' });
  const v2 = await packBytes(folder, imageBytes(30, 0, { 4: 'x', 11: 'y' }), {
    id: 'win',
    version: '2',
  });
  const disk = await LoggedDisk.create(join(folder, 'logged'), DISK);
  const mnt = join(folder, 'mnt');
  await mkdir(mnt);
  execFileSync(`mkfs.${fileSystem}`, ['-q', disk.device], { stdio: 'ignore' });
  mount(disk.device, mnt);
  const store = join(mnt, 'images');
  const steps: Recording['steps'] = [];
  const order = { folder: store, chunks: v2.chunksPath, manifest: v2.manifestPath };
  try {
    await mkdir(store);
    await receiveInto({ folder: store, chunks: v1.chunksPath, manifest: v1.manifestPath });
    execFileSync('sync', ['-f', mnt]);
    const child = spawn(process.execPath, [CHILD, JSON.stringify({ ...order, ask: true })], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const closed = once(child, 'close');
    for await (const name of createInterface(child.stdout)) {
      steps.push({ name, mark: await disk.mark() });
      child.stdin.write('.');
    }
    expect(await closed).toEqual([0, null]);
  } finally {
    execFileSync('umount', [mnt]);
  }
  return { entries: await disk.finish(), steps, order };
}

/** The same numbers on each run (Park and Miller, 1988). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** {@link CUTS} different states; fewer where chance does not find them in fifty times as many tries. */
function sample(
  replay: Replay,
  { first, last }: { readonly first: number; readonly last: number },
  random: () => number,
): DiskState[] {
  const states = new Map<string, DiskState>();
  for (let tries = 0; states.size < CUTS && tries < 50 * CUTS; tries++) {
    const state = replay.random(first + Math.floor(random() * (last - first + 1)), random);
    states.set(state.key, state);
  }
  return [...states.values()];
}

describe.skipIf(missing)('power cuts', () => {
  let scratch: Awaited<ReturnType<typeof scratchFolder>>;
  /** A file system with reflinks, for thousands of states of one disk. */
  let states: string;

  beforeAll(async () => {
    scratch = await scratchFolder();
    states = join(scratch.path, 'states');
    await mkdir(states);
    await writeFile(join(scratch.path, 'states.img'), '');
    await truncate(join(scratch.path, 'states.img'), 2 * 1024 ** 3);
    execFileSync('mkfs.btrfs', ['-q', join(scratch.path, 'states.img')], { stdio: 'ignore' });
    mount(join(scratch.path, 'states.img'), states, '-o', 'loop');
  });
  afterAll(async () => {
    execFileSync('umount', [states]);
    await scratch[Symbol.asyncDispose]();
  });

  for (const fileSystem of ['btrfs', 'ext4'] as const) {
    test(`${fileSystem}: the old version is whole, the new one whole or invisible`, async () => {
      const folder = join(scratch.path, fileSystem);
      await mkdir(folder);
      const { entries, steps, order } = await record(folder, fileSystem);
      const durable = join(states, `${fileSystem}.img`);
      await writeFile(durable, '');
      await truncate(durable, DISK);
      const replay = new Replay(durable, entries);
      const random = seeded(20_261_120);
      const mnt = join(folder, 'mnt');
      const seen = new Set<string>();
      const table: Record<string, number | string> = {};
      for (const [number, { name, mark }] of steps.entries()) {
        const first = entries.findIndex(({ logEnd }) => logEnd > mark);
        const nextMark = steps[number + 1]?.mark ?? Number.POSITIVE_INFINITY;
        const last = entries.findLastIndex(({ logEnd }) => logEnd <= nextMark);
        const every = replay.all(first, last + 1, CUTS);
        const chosen = every ?? sample(replay, { first, last: last + 1 }, random);
        table[name] = every ? `all ${every.length}` : chosen.length;
        if (!every) expect(chosen.length).toBeGreaterThanOrEqual(CUTS);
        for (const one of chosen.sort((a, b) => a.cut - b.cut)) {
          const { cut, key } = one;
          // The last step demands more of a state than the steps before.
          if (seen.has(key) && name !== 'published') continue;
          seen.add(key);
          const state = join(states, 'cut.img');
          await rm(state, { force: true });
          replay.write(one, state);
          mount(state, mnt, '-o', 'loop');
          try {
            const { versions, current } = await inspectStore(join(mnt, 'images'), 'win');
            expect([['1'], ['2', '1']]).toContainEqual(versions);
            expect(versions).toContain(current);
            if (name === 'published') expect(current).toBe('2');
            if (seen.size % 50 === 0) {
              await receiveInto(order);
              expect(await inspectStore(join(mnt, 'images'), 'win')).toMatchObject({
                versions: ['2', '1'],
              });
            }
          } catch (cause) {
            throw new Error(`${fileSystem}, ${name}, cut ${cut}, ${key}`, { cause });
          } finally {
            execFileSync('umount', [mnt]);
          }
        }
      }
      console.log(`${fileSystem}: ${seen.size} distinct states of`, table);
    }, 900_000);
  }
});
