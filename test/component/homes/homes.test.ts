/** People's folders: real gocryptfs, real Apache with mod_dav, two kiosks. */
import { spawnSync } from 'node:child_process';
import {
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHomes, type Homes } from '../../../main/homes/homes.ts';
import { openedAt } from '../../../main/homes/vault.ts';
import { silentLogger } from '../../../main/log/logger.ts';
import { Launcher } from '../../../main/process/launcher.ts';
import type { HomeState, Person } from '../../../preload/contract/model.ts';
import { startWebdav, type WebdavServer } from '../../support/webdav-server.ts';

const SECRET = 'correct horse, “staple”';
const alice: Person = { id: 'alice', name: 'Alice', kind: 'member', groups: [], offline: false };

interface Kiosk {
  readonly homes: Homes;
  readonly folder: string;
  readonly runtime: string;
  enter(secret?: string, person?: Person): Promise<void>;
  write(path: string, text: string): Promise<void>;
  read(path: string): Promise<string>;
  names(): Promise<string[]>;
  synced(): Promise<HomeState>;
}

let root: string;
let server: WebdavServer;
let launcher: Launcher;
const kiosks: Kiosk[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'vestibule-homes-'));
  launcher = new Launcher(silentLogger);
  server = await startWebdav({ alice: SECRET, bob: 'another' });
});
afterEach(async () => {
  for (const { homes } of kiosks.splice(0)) await homes.close();
  await server[Symbol.asyncDispose]();
  await launcher.stopAll();
  await rm(root, { recursive: true, force: true });
});

function kiosk(name: string, url = server.url): Kiosk {
  const folder = join(root, name, 'persons');
  const runtime = join(root, name, 'run');
  const homes = createHomes({
    launcher,
    folder,
    runtimeFolder: runtime,
    policy: () => ({ url, everyMs: 3_600_000 }),
    where: name,
    userAgent: 'test',
    log: silentLogger,
  });
  const at = (path: string) => {
    const files = homes.folderOf('alice');
    if (files === undefined) throw new Error(`no folder: ${JSON.stringify(homes.state)}`);
    return join(files, path);
  };
  const made: Kiosk = {
    homes,
    folder,
    runtime,
    enter: (secret = SECRET, person = alice) => homes.open(person, Buffer.from(secret)),
    async write(path, text) {
      await mkdir(join(at(path), '..'), { recursive: true });
      await writeFile(at(path), text);
    },
    read: (path) => readFile(at(path), 'utf8'),
    names: () => readdir(at('')),
    synced: () =>
      settled(
        homes,
        ({ state }) => state === 'synced' || state === 'waiting' || state === 'failed',
      ),
  };
  kiosks.push(made);
  return made;
}

/** The state after a synchronisation that begins from now on. */
function settled(homes: Homes, wanted: (state: HomeState) => boolean): Promise<HomeState> {
  return new Promise((resolve) => {
    let running = homes.state?.state === 'syncing';
    let begun = false;
    const stop = homes.on('changed', (state) => {
      if (state?.state === 'syncing') {
        if (!running) begun = true;
        running = true;
        return;
      }
      running = false;
      if (!state || !begun || !wanted(state)) return;
      stop();
      resolve(state);
    });
    homes.sync();
  });
}

test('a file is found on a replacement computer, and only ciphertext lies on the disk', async () => {
  const first = kiosk('first');
  await first.enter();
  await first.write('notes/été plan #1?.txt', 'the secret plan');
  await first.write('empty', '');
  const { plain, cipher } = { plain: first.homes.folderOf('alice') ?? '', cipher: first.folder };
  await first.homes.close();

  await expect(stat(plain)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(await readdir(first.runtime)).toEqual([]);
  const stored = await readdir(cipher, { recursive: true, withFileTypes: true });
  expect(stored.some(({ name }) => name.includes('plan') || name.includes('notes'))).toBe(false);
  for (const entry of stored.filter((one) => one.isFile())) {
    const bytes = await readFile(join(entry.parentPath, entry.name));
    expect(bytes.includes('secret plan')).toBe(false);
    expect(bytes.includes(SECRET)).toBe(false);
  }
  expect(await readFile(join(server.folder('alice'), 'notes/été plan #1?.txt'), 'utf8')).toBe(
    'the secret plan',
  );

  const second = kiosk('second');
  await second.enter();
  expect(await second.synced()).toMatchObject({ state: 'synced', unsent: 0, error: null });
  expect(await second.read('notes/été plan #1?.txt')).toBe('the secret plan');
  expect(await second.read('empty')).toBe('');
});

test('works without the storage, says what is unsent, and sends it when the storage is back', async () => {
  const one = kiosk('one');
  await one.enter();
  await one.synced();
  await server.stop();
  await one.write('a', 'offline work');
  await one.write('b', 'more');
  expect(await one.synced()).toMatchObject({
    state: 'waiting',
    unsent: 2,
    error: { code: 'CAMPUS_UNREACHABLE' },
  });
  await one.homes.close();

  // Still there at the next visit without the network.
  await one.enter(SECRET, { ...alice, offline: true });
  expect(await one.read('a')).toBe('offline work');
  await server.start();
  expect(await one.synced()).toMatchObject({ state: 'synced', unsent: 0 });
  expect(await readFile(join(server.folder('alice'), 'a'), 'utf8')).toBe('offline work');
});

test('changes of two computers are both kept', async () => {
  const [one, two] = [kiosk('seat 1'), kiosk('seat 2')];
  await one.enter();
  await one.write('essay.txt', 'first draft');
  await one.write('same.txt', 'x');
  await one.synced();
  await two.enter();
  await two.synced();

  await one.write('essay.txt', 'draft of seat 1');
  await two.write('essay.txt', 'the draft of seat 2');
  await one.write('same.txt', 'the same words');
  await two.write('same.txt', 'the same words');
  await one.synced();
  expect(await two.synced()).toMatchObject({ conflicts: 1 });

  expect(await two.read('essay.txt')).toBe('draft of seat 1');
  const aside = (await two.names()).find((name) => name.startsWith('essay (seat 2, '));
  expect(aside).toMatch(/\.txt$/);
  expect(await two.read(aside ?? '')).toBe('the draft of seat 2');
  await one.synced();
  expect((await one.names()).sort()).toEqual((await two.names()).sort());
});

test('deletions travel, but a change outlives one, and a mass deletion is undone', async () => {
  const [one, two] = [kiosk('one'), kiosk('two')];
  await one.enter();
  await one.write('gone/file', 'x');
  await one.write('changed', 'x');
  for (let index = 0; index < 30; index++) await one.write(`many/${index}`, `file ${index}`);
  await one.synced();
  await two.enter();
  await two.synced();

  const files = one.homes.folderOf('alice') ?? '';
  await rm(join(files, 'gone'), { recursive: true });
  await rm(join(files, 'changed'));
  await two.write('changed', 'written while deleted elsewhere');
  await one.synced();
  await two.synced();
  await one.synced();
  expect(await two.names()).not.toContain('gone');
  expect(await one.read('changed')).toBe('written while deleted elsewhere');

  // The storage was restored empty, or mounted wrongly.
  const stored = server.folder('alice');
  await rename(join(stored, 'many'), join(root, 'lost'));
  await two.synced();
  expect(await two.read('many/7')).toBe('file 7');
  expect(await readFile(join(stored, 'many/7'), 'utf8')).toBe('file 7');
});

describe('another password', () => {
  const CHANGED = 'a new pass-phrase';

  test('what was sent is fetched again', async () => {
    const one = kiosk('one');
    await one.enter();
    await one.write('kept', 'words');
    await one.homes.close();
    const sameStorage = await startWebdav({ alice: CHANGED });
    try {
      await rm(sameStorage.folder('alice'), { recursive: true });
      await rename(server.folder('alice'), sameStorage.folder('alice'));
      const again = kiosk('one', sameStorage.url);
      await again.enter(CHANGED);
      expect(await again.synced()).toMatchObject({ state: 'synced', error: null });
      expect(await again.read('kept')).toBe('words');
      await again.homes.close();
    } finally {
      await sameStorage[Symbol.asyncDispose]();
    }
  });

  test('what was not sent is set aside, and the person is told', async () => {
    const one = kiosk('one');
    await one.enter();
    await one.synced();
    await server.stop();
    await one.write('unsent', 'words');
    await one.homes.close();
    await one.enter(CHANGED);
    expect(one.homes.state).toMatchObject({ error: { code: 'HOME_LOCKED' } });
    const [home = ''] = await readdir(one.folder);
    const kept = (await readdir(join(one.folder, home))).filter((name) => name.includes('locked'));
    expect(kept).toHaveLength(1);
    await one.homes.close();

    // With the old password it opens again: by hand, as docs say.
    await rm(join(one.folder, home, 'cipher'), { recursive: true });
    await rename(join(one.folder, home, kept[0] ?? ''), join(one.folder, home, 'cipher'));
    await one.enter();
    expect(await one.read('unsent')).toBe('words');
  });

  test('offline, nothing is set aside: the wrong one opens nothing', async () => {
    const one = kiosk('one');
    await one.enter();
    await one.homes.close();
    await one.enter(CHANGED, { ...alice, offline: true });
    expect(one.homes.state).toMatchObject({ state: 'failed', error: { code: 'HOME_LOCKED' } });
    expect(one.homes.folderOf('alice')).toBeUndefined();
  });
});

test('a storage that refuses is said; guests and kiosks without policy have no folder', async () => {
  const one = kiosk('one');
  await one.enter('not the password of the storage');
  expect(await one.synced()).toMatchObject({
    state: 'waiting',
    error: { code: 'HOME_STORAGE_REFUSED' },
  });
  await one.homes.close();
  await one.homes.open({ ...alice, id: 'guest', kind: 'guest' }, Buffer.from('x'));
  expect(one.homes.state).toBeNull();
});

test('a folder that a killed main left open is used by the next one, or closed', async () => {
  const before = kiosk('one');
  await before.enter();
  await before.write('work', 'in a machine');
  const after = kiosk('one');
  await after.homes.open(alice, undefined);
  expect(await after.read('work')).toBe('in a machine');
  const [name = ''] = await readdir(after.runtime);
  expect(await openedAt(join(after.runtime, name))).toBeDefined();
  await after.homes.close();
  expect(await openedAt(join(after.runtime, name))).toBeUndefined();
});

const CHILD = fileURLToPath(new URL('../../support/home-child.ts', import.meta.url));
const NOBODY = ['--reuid=65534', '--regid=65534', '--clear-groups'];
/** As the kiosk's unit confines it. */
const CONFINED = ['--no-new-privs', '--bounding-set=-all', '--inh-caps=-all'];
const mayRead =
  process.getuid?.() === 0 &&
  spawnSync('setpriv', [...NOBODY, process.execPath, '--version']).status === 0 &&
  spawnSync('setpriv', [...NOBODY, 'cat', CHILD]).status === 0;
if (!mayRead)
  console.log('homes: confined user skipped, needs root and files that others may read');

test.skipIf(!mayRead)(
  'an ordinary user without any capability opens, writes and closes',
  async () => {
    await chown(root, 65_534, 65_534);
    const { stdout, stderr } = spawnSync(
      'setpriv',
      [...NOBODY, ...CONFINED, process.execPath, CHILD, root],
      { encoding: 'utf8', timeout: 60_000, env: { ...process.env, HOME: root } },
    );
    expect(stderr).toBe('');
    expect(stdout).toBe('65534 kept');
  },
);
