/** `vestibule image pack` as an administrator runs it, on raw and qcow2 disks. */
import { execFile, execFileSync } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { packImage } from '../../../main/images/pack.ts';
import { imageBytes, scratchFolder } from '../../support/images.ts';

const run = promisify(execFile);

function qemuImgMissing(): boolean {
  try {
    execFileSync('qemu-img', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    console.log('packing qcow2: skipped, needs qemu-img');
    return true;
  }
}
const noQemuImg = qemuImgMissing();

async function pack(source: string, out: string, version: string, ...more: string[]) {
  const args = [
    ...['main/cli.ts', 'image', 'pack', source, '--id', 'lab', '--version', version],
    ...['--out', out, ...more],
  ];
  const { stdout } = await run(process.execPath, args);
  return JSON.parse(stdout) as { root: string; manifestPath: string; manifestSha256: string };
}

async function contents(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of (await readdir(folder)).sort()) {
    files[name] = (await readFile(join(folder, name))).toString('base64');
  }
  return files;
}

test('a raw disk, packed twice: the same bytes, deltas too', async () => {
  await using scratch = await scratchFolder();
  const old = join(scratch.path, 'old.img');
  const now = join(scratch.path, 'now.img');
  await writeFile(old, imageBytes(150, 321));
  await writeFile(now, imageBytes(150, 321, { 7: 'new', 90: 'new' }));
  const folders = [join(scratch.path, 'a'), join(scratch.path, 'b')];
  for (const folder of folders) {
    const { manifestPath } = await pack(old, folder, '1');
    await pack(now, folder, '2', '--parent', manifestPath);
  }
  const [first, second] = await Promise.all(folders.map(contents));
  expect(Object.keys(first ?? {})).toEqual([
    'lab-1.chunks',
    'lab-1.manifest',
    'lab-2-from-1.delta',
    'lab-2-from-1.delta-index',
    'lab-2.chunks',
    'lab-2.manifest',
  ]);
  expect(second).toEqual(first);
});

test('progress goes from nothing to all, and never back', async () => {
  await using scratch = await scratchFolder();
  const source = join(scratch.path, 'disk.img');
  await writeFile(source, imageBytes(400, 0));
  const seen: number[] = [];
  const { manifest } = await packImage({
    ...{ source, id: 'lab', version: '1', outputFolder: scratch.path },
    progress: (fraction) => seen.push(fraction),
  });
  expect(manifest.chunks).toBe(400);
  expect(seen.length).toBeGreaterThan(2);
  expect([...seen].sort((a, b) => a - b)).toEqual(seen);
  expect(seen[0]).toBeLessThan(1);
  expect(seen.at(-1)).toBe(1);
});

test.skipIf(noQemuImg)(
  'a qcow2 disk is packed as it is; one that needs another file is refused',
  async () => {
    await using scratch = await scratchFolder();
    const raw = join(scratch.path, 'disk.img');
    const base = join(scratch.path, 'disk.qcow2');
    const overlay = join(scratch.path, 'overlay.qcow2');
    await writeFile(raw, imageBytes(60, 0));
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, base]);
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', base, overlay]);
    const outputFolder = join(scratch.path, 'out');
    const { manifest } = await packImage({ source: base, id: 'lab', version: '1', outputFolder });
    expect(manifest).toMatchObject({ format: 'qcow2', size: (await readFile(base)).length });
    await expect(
      packImage({ source: overlay, id: 'lab', version: '2', outputFolder }),
    ).rejects.toMatchObject({ code: 'IMAGE_SOURCE_UNSUPPORTED' });
    await expect(pack(overlay, outputFolder, '2')).rejects.toMatchObject({ code: 1 });
  },
);
