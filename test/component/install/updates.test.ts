/** Updates in the background, with the campus's real client against a real server that breaks off. */
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SystemRelease } from '../../../main/base/system.ts';
import type { Campus } from '../../../main/campus/api.ts';
import { createCampus } from '../../../main/campus/campus.ts';
import { createUpdates, reasonToWait, type Updates } from '../../../main/install/updates.ts';
import { createJobs, type Jobs } from '../../../main/jobs/jobs.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import type { InstalledSystem, SlotName } from '../../../preload/contract/install.ts';
import type { Job } from '../../../preload/contract/model.ts';

const NAMES = ['vmlinuz', 'initrd.img', 'root.sqfs', 'root.cfg', 'root.cfg.sig'] as const;
const contents = new Map(
  NAMES.map((name, index) => [name as string, Buffer.alloc(3000 + index * 400_000, name)]),
);

let folder: string;
let server: Server;
let base: string;
let campus: Campus;
let jobs: Jobs;
let updates: Updates;
let system: InstalledSystem | null;
let cutAfter: number | undefined;
const ranges: string[] = [];
const written: string[][] = [];
const failed: string[] = [];

const slot = (name: SlotName, version: string) => ({
  name,
  version,
  bytes: 1,
  rootHash: '',
  writtenAt: null,
  verified: true,
});
const release = (version: string, change: Record<string, unknown> = {}): SystemRelease =>
  SystemRelease.parse({
    version,
    base,
    files: [...contents].map(([name, bytes]) => ({
      name,
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })),
    ...change,
  });

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-updates-'));
  for (const list of [ranges, written, failed]) list.length = 0;
  cutAfter = undefined;
  server = createServer((request, response) => {
    const bytes = contents.get((request.url ?? '').replace('/system/', ''));
    if (!bytes) return void response.writeHead(404).end();
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
    if (from > 0) ranges.push(`${request.url} ${from}`);
    response.writeHead(from > 0 ? 206 : 200, {
      'content-length': bytes.length - from,
      etag: '"x"',
      ...(from > 0 ? { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` } : {}),
    });
    if (cutAfter === undefined || bytes.length - from < cutAfter)
      return void response.end(bytes.subarray(from));
    response.write(bytes.subarray(from, from + cutAfter), () => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  base = `http://127.0.0.1:${port}/system/`;
  campus = createCampus({
    servers: [{ url: `http://127.0.0.1:${port}/` }],
    trustedKeys: [],
    kioskId: 'k',
    facts: () => ({ hostname: 'h', macs: [], addresses: [] }),
    version: '0',
    dataFolder: folder,
    log: silentLogger,
  });
  jobs = createJobs({ path: join(folder, 'jobs.db'), log: silentLogger });
  system = {
    disk: '/dev/sda',
    running: 'A',
    slots: [slot('A', '1')],
    good: 'A',
    trial: null,
    failed: null,
    bootProblem: null,
  };
  updates = createUpdates({
    jobs,
    http: campus.http,
    folder: join(folder, 'system'),
    room: () => 'b204',
    onFailed: (version) => failed.push(version),
    log: silentLogger,
    install: {
      system: async () => system,
      // What the root helper does with the folder, without a disk.
      async update(from, _signal, progress) {
        progress?.({ step: 'writing', fraction: 0.5 });
        for (const name of await readdir(from)) {
          expect(await readFile(join(from, name))).toEqual(contents.get(name));
        }
        written.push((await readdir(from)).sort());
        if (system) {
          system = {
            ...system,
            slots: [slot('A', '1'), slot('B', '2')],
            trial: { slot: 'B', tries: 2 },
          };
        }
        return 'B';
      },
      async rollback(name) {
        if (!system) throw new Error('none');
        system = { ...system, good: name, trial: null };
        return system;
      },
    },
  });
  jobs.start();
});
afterEach(async () => {
  await jobs.close();
  await campus.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true, force: true });
});

async function applied(wanted: SystemRelease): Promise<Job | undefined> {
  await updates.apply(wanted);
  const [job] = jobs.list();
  return job && jobs.finished(job.id);
}

test('a version is fetched over a link that breaks off, and handed over whole', async () => {
  cutAfter = 700_000;
  expect(await applied(release('2'))).toMatchObject({ kind: 'system-update', state: 'succeeded' });
  expect(ranges.length).toBeGreaterThan(0);
  expect(written).toEqual([[...NAMES].sort()]);
  expect(await readdir(join(folder, 'system'))).toEqual([]);
  // On trial: it is not fetched again.
  await updates.apply(release('2'));
  expect(jobs.list()).toHaveLength(1);
});

test('a file that is not what the campus signed is never handed over', async () => {
  const wrong = release('2');
  const files = wrong.files.map((file) => ({ ...file, sha256: '0'.repeat(64) }));
  expect(await applied({ ...wrong, files })).toMatchObject({ state: 'failed' });
  expect(written).toEqual([]);
});

test('a version that did not reach the screen is said once and not tried again', async () => {
  system = system && { ...system, slots: [slot('A', '1'), slot('B', '2')], failed: 'B' };
  await updates.apply(release('2'));
  await updates.apply(release('2'));
  expect(failed).toEqual(['2']);
  expect(jobs.list()).toEqual([]);
  expect(await applied(release('3'))).toMatchObject({ state: 'succeeded' });
});

test('a version that was gone back from does not come again', async () => {
  await applied(release('2'));
  system = system && { ...system, running: 'B', good: 'B', trial: null };
  expect(await updates.rollback()).toMatchObject({ good: 'A' });
  await updates.apply(release('2'));
  expect(jobs.list()).toHaveLength(1);
});

test('a computer without a system on its disk has nothing to go back to', async () => {
  system = null;
  await updates.apply(release('2'));
  expect(jobs.list()).toEqual([]);
  await expect(updates.rollback()).rejects.toMatchObject({ code: 'SYSTEM_NOT_INSTALLED' });
});

test('other rooms wait', () => {
  if (!system) throw new Error('none');
  const elsewhere = release('2', { rooms: ['a101'] });
  expect(reasonToWait(elsewhere, system, [], 'b204')).toBe('other-room');
  expect(reasonToWait(elsewhere, system, [], null)).toBe('other-room');
  expect(reasonToWait(elsewhere, system, [], 'a101')).toBeNull();
  expect(reasonToWait(release('1'), system, [], null)).toBe('current');
});
