/** What a person who works does not notice: image work at the lowest processor and disk priority. */
import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  imageBytes,
  imageRig,
  packBytes,
  rangeServer,
  refOf,
  scratchFolder,
} from '../../support/images.ts';

/** Threads of this process at nice 19 (proc(5): field 19 of stat). */
async function lowThreads(): Promise<string[]> {
  const low: string[] = [];
  for (const tid of await readdir('/proc/self/task')) {
    const stat = await readFile(join('/proc/self/task', tid, 'stat'), 'utf8').catch(() => '');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[16] === '19') low.push(tid);
  }
  return low;
}

function diskClass(tid: string): string {
  return execFileSync('ionice', ['-p', tid], { encoding: 'utf8' }).trim();
}

async function campus() {
  const scratch = await scratchFolder();
  const packed = await packBytes(scratch.path, imageBytes(160, 0), { id: 'lab', version: '1' });
  const server = await rangeServer({
    chunks: await readFile(packed.chunksPath),
    manifest: await readFile(packed.manifestPath),
  });
  return {
    folder: scratch.path,
    ref: refOf(packed, [`${server.url}/chunks`], `${server.url}/manifest`),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

test('while a session runs, chunks are hashed and written at nice 19 and in the idle disk class', async () => {
  await using source = await campus();
  await using rig = await imageRig(source.folder);
  // Slow enough to be looked at: more than half a minute.
  rig.images.setPace({ bytesPerSecond: 200 * 1024, busy: true });
  await rig.images.apply([source.ref]);
  await expect
    .poll(async () => (await lowThreads()).map(diskClass), { timeout: 60_000 })
    .toEqual(['idle']);
  rig.images.setPace({ bytesPerSecond: null, busy: true });
  await rig.idle();
  expect(rig.images.status('lab').current).toBe('1');
});

test('nobody works: at normal priority; a version is verified at the lowest all the same', async () => {
  await using source = await campus();
  await using rig = await imageRig(source.folder);
  await rig.images.apply([source.ref]);
  await rig.idle();
  expect(await lowThreads()).toEqual([]);
  rig.images.verify('lab', 0.5);
  await rig.idle();
  // The thread waits for more to do before it ends.
  expect(await lowThreads()).toHaveLength(1);
});
