import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { type BundleServer, startBundleServer, versionOf } from '../../support/ui-bundle.ts';
import { type Bench, openUiCache, temporaryFolder, text } from '../../support/uicache.ts';

let server: BundleServer;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let open: Bench[] = [];

beforeEach(async () => {
  server = await startBundleServer();
  folder = await temporaryFolder();
});
afterEach(async () => {
  await Promise.all(open.map((bench) => bench.close()));
  open = [];
  await server.close();
  await folder.remove();
});

async function start(
  url: string | null = server.url,
  options: Parameters<typeof openUiCache>[2] = {},
  path = folder.path,
): Promise<Bench> {
  const bench = await openUiCache(path, url, options);
  open.push(bench);
  return bench;
}

async function stop(bench: Bench): Promise<void> {
  open = open.filter((one) => one !== bench);
  await bench.close();
}

async function activate(bench: Bench, number: number, count = 4): Promise<void> {
  await bench.cache.apply(server.publish(String(number), versionOf(number, count)));
  await bench.load();
  bench.cache.rendered();
}

/** The version that the page is loaded from, after every one of its files was compared. */
async function wholeVersion(bench: Bench, count: number): Promise<number> {
  const number = Number(/^version (\d+)$/.exec(await bench.load())?.[1]);
  for (const [path, content] of Object.entries(versionOf(number, count))) {
    if (path !== 'index.html') expect(text(await bench.get(`/${path}`))).toBe(content);
  }
  return number;
}

function segments(): string[] {
  const blobs = join(folder.path, 'cache', 'blobs');
  return readdirSync(blobs).map((name) => join(blobs, name));
}

describe('ended by force at any moment', () => {
  const COUNT = 60;
  const ROUNDS = 12;

  test('what was acknowledged is there, and whatever is shown is whole', {
    timeout: 180_000,
  }, async () => {
    server.missing = (path) => {
      const [, , number, name = ''] = path.split('/');
      return versionOf(Number(number), COUNT)[name];
    };
    let from = 1;
    let changed = 0;
    /** Milliseconds within which a child is ended: longer where this computer gets little done. */
    let reach = 150;
    // Children that were ended before they had done anything test nothing: others follow them.
    for (let round = 0; round < ROUNDS || changed <= ROUNDS / 3; round++) {
      const child = spawn(
        process.execPath,
        [
          join(import.meta.dirname, '../../support/uicache-child.ts'),
          folder.path,
          server.url,
          String(COUNT),
          String(from),
        ],
        { stdio: ['ignore', 'pipe', 'inherit'] },
      );
      onTestFinished(() => void child.kill('SIGKILL'));
      let acknowledged = from - 1;
      const lines = createInterface({ input: child.stdout });
      const opened = once(lines, 'line');
      const ended = once(child, 'close');
      lines.on('line', (line) => {
        if (line.startsWith('active ')) acknowledged = Number(line.slice(7));
      });
      await Promise.race([opened, ended]);
      setTimeout(() => child.kill('SIGKILL'), Math.random() * reach);
      await ended;

      const bench = await start(null);
      if (acknowledged > 0) {
        const shown = await wholeVersion(bench, COUNT);
        expect([acknowledged, acknowledged + 1]).toContain(shown);
        if (shown !== from - 1) changed++;
      }
      if (acknowledged < from) reach *= 1.2;
      await stop(bench);
      from = acknowledged + 1;
    }
  });

  test('a transfer goes on where it was', async () => {
    const bench = await start();
    await activate(bench, 1, 40);
    await stop(bench);
    const before = segments();
    const second = await start();
    await second.cache.apply(server.publish('2', versionOf(2, 40)));
    await stop(second);
    // The index of before the transfer, as if the process had died before it was written.
    const blobs = segments().filter((path) => !before.includes(path));
    expect(blobs).toHaveLength(1);
    server.requests.length = 0;
    const bundle = server.publish('3', versionOf(2, 40));
    const third = await start();
    await third.cache.apply(bundle);
    expect(server.requests).toEqual([]);
  });
});

describe('damage', () => {
  /** Changes one byte in the middle of what a blob holds. */
  function damage(content: string): void {
    for (const path of segments()) {
      const bytes = readFileSync(path);
      const at = bytes.indexOf(content);
      if (at < 0) continue;
      bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
      writeFileSync(path, bytes);
      return;
    }
    throw new Error('no segment holds it');
  }

  test('of a file is noticed when it is read, and it is fetched again', async () => {
    const first = await start();
    await activate(first, 1);
    await stop(first);
    damage('version 1 1 ');
    const bench = await start();
    await bench.load();
    server.requests.length = 0;
    expect(text(await bench.get('/asset-1.js'))).toContain('version 1 1 ');
    expect(server.requests).toEqual(['/ui/1/asset-1.js']);
    expect(bench.reports).toMatchObject([{ kind: 'ui.repaired', version: '1' }]);
    // Once: it is sound on the disk now.
    await stop(bench);
    const again = await start(null);
    await wholeVersion(again, 4);
  });

  test('without a network is never shown; the rest goes on, and it is repaired later', async () => {
    const first = await start();
    await activate(first, 1);
    await stop(first);
    damage('version 1 1 ');
    let url: string | null = null;
    const bench = await start(null, {
      retryBaseMs: 600_000,
      fetchFile: async (file, bundle) => {
        if (url === null) throw new Error('no network');
        return (await fetch(new URL(bundle.base + file.path, url))).bytes();
      },
    });
    expect(await bench.load()).toBe('version 1');
    expect((await bench.get('/asset-1.js')).status).toBe(503);
    expect((await bench.get('/asset-2.js')).status).toBe(200);
    expect(bench.cache.status().error).toMatchObject({ code: 'UI_NOT_CACHED' });
    url = server.url;
    bench.cache.setOnline(true);
    await expect.poll(() => bench.reloads).toContain('repaired');
    await wholeVersion(bench, 4);
    expect(bench.cache.status()).toMatchObject({ state: 'active', error: null });
  });

  test('of the entry page without a network shows the built-in UI', async () => {
    const first = await start();
    await activate(first, 1);
    await stop(first);
    damage('version 1');
    const bench = await start(null, { retryBaseMs: 600_000 });
    expect(await bench.load()).toContain('built in');
    expect(bench.cache.status().source).toBe('fallback');
  });

  test('of the index: it is set aside, made again from the blobs, and reported', async () => {
    const first = await start();
    await activate(first, 1);
    await activate(first, 2);
    await stop(first);
    writeFileSync(join(folder.path, 'cache', 'index.db'), 'this is no database'.repeat(500));
    const bench = await start(null);
    expect(bench.reports).toMatchObject([
      { kind: 'ui.rebuilt', error: { code: 'DATABASE_CORRUPT' } },
    ]);
    expect(await wholeVersion(bench, 4)).toBe(2);
    bench.cache.rendered();
    expect(bench.cache.status().state).toBe('active');
    expect(readdirSync(join(folder.path, 'cache')).join()).toContain('index.db.corrupt-');
  });

  test('of a whole segment costs the UI, not the kiosk', async () => {
    const first = await start();
    await activate(first, 1);
    await stop(first);
    for (const path of segments()) rmSync(path);
    const bench = await start();
    expect(await bench.load()).toContain('built in');
    await bench.cache.apply(server.publish('1', versionOf(1, 4)));
    expect(bench.reloads).toEqual(['repaired']);
    expect(await wholeVersion(bench, 4)).toBe(1);
  });
});

test('a second start on the same folder is refused, and takes nothing from the first', async () => {
  const bench = await start();
  await activate(bench, 1);
  await expect(openUiCache(folder.path, server.url)).rejects.toMatchObject({
    code: 'STORE_LOCKED',
  });
  await activate(bench, 2);
  await stop(bench);
  expect(await wholeVersion(await start(null), 4)).toBe(2);
});

test('old versions give their space back', async () => {
  const bench = await start();
  const size = (): number => segments().reduce((sum, path) => sum + statSync(path).size, 0);
  await activate(bench, 1, 200);
  const one = size();
  for (let number = 2; number <= 8; number++) await activate(bench, number, 200);
  await bench.cache.apply(server.publish('8', versionOf(8, 200)));
  await expect.poll(size).toBeLessThan(2.5 * one);
  await stop(bench);
  expect(await wholeVersion(await start(null), 200)).toBe(8);
});

const root = process.getuid?.() === 0;
if (!root) console.log('skipped: full and read-only disks (mounting a tmpfs needs root)');

describe.skipIf(!root)('a disk', () => {
  let disk: string;

  beforeEach(() => {
    disk = join(folder.path, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=40m', 'tmpfs', disk]);
  });
  afterEach(async () => {
    await Promise.all(open.map((bench) => bench.close()));
    open = [];
    execFileSync('umount', [disk]);
  });

  test('that is full keeps the version that is there, and takes the next when there is room', async () => {
    const bench = await start(server.url, { retryBaseMs: 600_000 }, disk);
    await activate(bench, 1);
    writeFileSync(join(disk, 'filler'), Buffer.alloc(20 * 1024 * 1024));
    const second = server.publish('2', versionOf(2, 4));
    await expect(bench.cache.apply(second)).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect(bench.reports.at(-1)).toMatchObject({ kind: 'ui.failed', error: { code: 'DISK_FULL' } });
    expect(await wholeVersion(bench, 4)).toBe(1);
    rmSync(join(disk, 'filler'));
    await bench.cache.apply(second);
    expect(await wholeVersion(bench, 4)).toBe(2);
  });

  test('that is full to the last byte at start still shows the version that is there', async () => {
    const first = await start(server.url, {}, disk);
    await activate(first, 1);
    await stop(first);
    try {
      writeFileSync(join(disk, 'filler'), Buffer.alloc(64 * 1024 * 1024));
    } catch {
      // ENOSPC: as full as it can be.
    }
    const bench = await start(server.url, { retryBaseMs: 600_000 }, disk);
    expect(await wholeVersion(bench, 4)).toBe(1);
    await expect(bench.cache.apply(server.publish('2', versionOf(2, 4)))).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
    expect(await wholeVersion(bench, 4)).toBe(1);
  });

  test('that is read-only at start shows what it holds', async () => {
    const first = await start(server.url, {}, disk);
    await activate(first, 1);
    await activate(first, 2);
    await stop(first);
    execFileSync('mount', ['-o', 'remount,ro', disk]);
    const bench = await start(server.url, { retryBaseMs: 600_000 }, disk);
    expect(bench.reports[0]).toMatchObject({ error: { code: 'DISK_READ_ONLY' } });
    expect(await wholeVersion(bench, 4)).toBe(2);
    await expect(bench.cache.apply(server.publish('3', versionOf(3, 4)))).rejects.toMatchObject({
      code: 'DISK_READ_ONLY',
    });
  });

  test('that becomes read-only keeps on showing, and says so', async () => {
    const bench = await start(server.url, { retryBaseMs: 600_000 }, disk);
    await activate(bench, 1);
    // A file open for writing would hold up the remount; the kernel's own remount asks nobody.
    const refused = (() => {
      try {
        execFileSync('mount', ['-o', 'remount,ro', disk], { stdio: 'pipe' });
        return false;
      } catch {
        return true;
      }
    })();
    if (refused) {
      console.log('skipped: this kernel does not remount a tmpfs whose files are open for writing');
      return;
    }
    await expect(bench.cache.apply(server.publish('2', versionOf(2, 4)))).rejects.toMatchObject({
      code: 'DISK_READ_ONLY',
    });
    expect(await wholeVersion(bench, 4)).toBe(1);
  });
});
