/**
 * What electron-builder makes of electron-builder.yml, without Electron's program: a file with
 * Electron's fuse wire (@electron/fuses, "sentinel") stands for it. The .deb is not made here: its
 * packer is a download.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '../../..');
const SENTINEL = 'dL7pKGdnNz796PbbjQWNKmHXBZaB9tsX';
/** Version 1, nine fuses, all of them the other way round than we want them. */
const WIRE = Buffer.from([1, 9, ...Buffer.from('101100110')]);

const Entry: z.ZodType<Entry> = z.lazy(() =>
  z.object({
    files: z.record(z.string(), Entry).optional(),
    unpacked: z.boolean().optional(),
    integrity: z.object({ algorithm: z.string(), hash: z.string() }).optional(),
  }),
);
interface Entry {
  files?: Record<string, Entry> | undefined;
  unpacked?: boolean | undefined;
  integrity?: { algorithm: string; hash: string } | undefined;
}

let folder: string;
let files: Map<string, Entry>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-package-'));
  const electron = join(folder, 'electron-dist');
  await mkdir(join(electron, 'resources'), { recursive: true });
  await writeFile(join(electron, 'electron'), Buffer.concat([Buffer.from(SENTINEL), WIRE]), {
    mode: 0o755,
  });
  for (const name of ['LICENSE', 'LICENSES.chromium.html', 'version']) {
    await writeFile(join(electron, name), name);
  }
  await promisify(execFile)(
    join(root, 'node_modules/.bin/electron-builder'),
    [
      ...['--linux', 'dir', '--publish', 'never'],
      `-c.electronDist=${electron}`,
      `-c.directories.output=${join(folder, 'out')}`,
    ],
    { cwd: root },
  );
  files = await listArchive(join(folder, 'out/linux-unpacked/resources/app.asar'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('the archive holds the built product and no module that is bundled', () => {
  const names = [...files.keys()];
  for (const needed of ['main/electron.js', 'preload/electron.cjs', 'renderer/index.html']) {
    expect(names).toContain(`dist/${needed}`);
  }
  const modules = names
    .filter((name) => name.startsWith('node_modules/'))
    .map((name) => name.split('/')[1]);
  expect([...new Set(modules)]).toEqual(['better-sqlite3']);
  expect(names.filter((name) => /\.(?:map|ts)$/.test(name))).toEqual([]);
});

test('native code lies outside, everything inside has its hash', () => {
  for (const [name, entry] of files) {
    if (name.endsWith('.node')) expect([name, entry.unpacked]).toEqual([name, true]);
    if (!entry.unpacked) expect(entry.integrity?.algorithm, name).toBe('SHA256');
  }
  expect([...files.keys()].some((name) => name.endsWith('.node'))).toBe(true);
});

test('the fuses are blown as the configuration says', async () => {
  const program = await readFile(join(folder, 'out/linux-unpacked/vestibule'));
  const wire = program.subarray(program.indexOf(SENTINEL) + SENTINEL.length + 2);
  // runAsNode, cookies, NODE_OPTIONS, --inspect, asar integrity, only asar, snapshot, file protocol
  expect(wire.toString('latin1').slice(0, 8)).toBe('01001100');
});

/** Files of an asar archive: a JSON header behind four 32-bit numbers, the last one its length. */
async function listArchive(path: string): Promise<Map<string, Entry>> {
  const handle = await open(path);
  try {
    const sizes = (await handle.read(Buffer.alloc(16), 0, 16, 0)).buffer;
    const length = sizes.readUInt32LE(12);
    const json = (await handle.read(Buffer.alloc(length), 0, length, 16)).buffer.toString();
    const found = new Map<string, Entry>();
    const visit = (entry: Entry, name: string): void => {
      if (!entry.files) found.set(name, entry);
      for (const [part, child] of Object.entries(entry.files ?? {})) {
        visit(child, name === '' ? part : `${name}/${part}`);
      }
    };
    visit(Entry.parse(JSON.parse(json)), '');
    return found;
  } finally {
    await handle.close();
  }
}
