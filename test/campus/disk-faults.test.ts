/** The kiosk's own disk fails: full, read-only, corrupt. The campus goes on being used. */
import { execFileSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import type { LogFields, Logger } from '../../main/log/logger.ts';
import { silentLogger } from '../../main/log/logger.ts';
import { testDisk } from '../support/loop-disk.ts';
import { codeOf } from '../unit/campus/support.ts';
import { Cleanup, testCampus, testKiosk, until } from './support.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

const root = process.getuid?.() === 0;
if (!root) console.log('skipped: full and read-only disks (mounting a tmpfs needs root)');

function recordingLog(): Logger & { readonly codes: string[] } {
  const codes: string[] = [];
  const log = {
    ...silentLogger,
    codes,
    error(_message: string, fields?: LogFields) {
      codes.push(fields?.code ?? '');
    },
    scope: () => log,
  };
  return log;
}

async function smallDisk(bytes: number) {
  const disk = await testDisk(join(await cleanup.folder(), 'disk'), 'tmpfs', bytes);
  cleanup.add(async () => disk.unmount());
  return disk;
}

test.runIf(root)('read-only: the kiosk starts and reaches its campus from memory', async () => {
  const disk = await smallDisk(8 << 20);
  execFileSync('mount', ['-o', 'remount,ro', disk.path]);
  const campus = await testCampus(cleanup);
  await campus.publish({ endpoints: { reports: 'api/reports' } });
  const log = recordingLog();
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }], {
    dataFolder: disk.path,
    log,
  });
  expect(log.codes).toEqual(['DISK_READ_ONLY', 'DISK_READ_ONLY']);
  kiosk.start();
  kiosk.report({ kind: 'kiosk.started' });
  await until(() => campus.server.reports.size === 1);
  expect(kiosk.manifest?.manifest.version).toBe(7);
});

test.runIf(root)('full: a new manifest is used all the same, and an older one is not', async () => {
  const disk = await smallDisk(4 << 20);
  const campus = await testCampus(cleanup);
  await campus.publish();
  const log = recordingLog();
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }], {
    dataFolder: disk.path,
    log,
  });
  await kiosk.refresh();
  // Larger than what is left.
  const catalogue = Array.from({ length: 2_000 }, (_, i) => ({
    id: `entry-${i}`,
    kind: 'web',
    title: 't'.repeat(400),
    url: `https://example.org/${'x'.repeat(1_600)}`,
  }));
  await campus.publish({ version: 8, catalogue });
  await kiosk.refresh();
  expect(kiosk.manifest?.manifest.version).toBe(8);
  expect(log.codes).toContain('DISK_FULL');
  await campus.publish({ version: 7 });
  expect(await codeOf(() => kiosk.refresh())).toBe('MANIFEST_OLDER');
  for (let i = 0; i < 50; i++) kiosk.report({ kind: 'x', body: { text: 'x'.repeat(15_000) } });
});

test('corrupt databases are set aside, reported, and made anew', async () => {
  const campus = await testCampus(cleanup);
  await campus.publish({ endpoints: { reports: 'api/reports' } });
  const dataFolder = await cleanup.folder();
  for (const name of ['campus.db', 'outbox.db'])
    await writeFile(join(dataFolder, name), 'this is not a database '.repeat(1_000));
  const kiosk = await testKiosk(cleanup, [{ url: campus.server.url }], { dataFolder });
  kiosk.start();
  await until(() => campus.server.reports.size === 2);
  const files = [...campus.server.reports.values()].map(({ kind, body }) => [kind, body.file]);
  expect(files.sort()).toEqual([
    ['database.rebuilt', 'campus.db'],
    ['database.rebuilt', 'outbox.db'],
  ]);
  expect(kiosk.manifest?.manifest.version).toBe(7);
  expect((await readdir(dataFolder)).filter((name) => name.includes('.corrupt-'))).toHaveLength(2);
});
