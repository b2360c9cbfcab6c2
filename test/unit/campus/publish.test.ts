import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  bundleFolder,
  describeSystem,
  manifestJsonSchema,
  signFolder,
  writeKey,
} from '../../../main/campus/publish.ts';
import { verifyManifest } from '../../../main/campus/verify.ts';
import { codeOf, manifestContent } from './support.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vestibule-publish-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (content: unknown) =>
  writeFile(
    join(folder, 'manifest.json'),
    typeof content === 'string' ? content : JSON.stringify(content),
  );

test('keygen, sign, and a kiosk that pins the key believes it', async () => {
  const key = await writeKey(folder, 'lab-2026');
  expect((await stat(join(folder, 'lab-2026.private.pem'))).mode & 0o777).toBe(0o600);
  await put(manifestContent());
  await signFolder(folder, [join(folder, 'lab-2026.private.pem')]);
  const trusted = JSON.parse(await readFile(join(folder, 'lab-2026.public.json'), 'utf8'));
  expect(trusted).toEqual(key.trusted);
  const { manifest, keyId } = verifyManifest(
    {
      bytes: await readFile(join(folder, 'manifest.json')),
      signature: await readFile(join(folder, 'manifest.json.sig')),
    },
    [trusted],
  );
  expect([manifest.version, keyId]).toEqual([7, 'lab-2026']);
});

test('a key is never replaced', async () => {
  await writeKey(folder, 'a');
  expect(await codeOf(() => writeKey(folder, 'a'))).toBe('SETTINGS_INVALID');
  expect(await codeOf(() => writeKey(folder, '../a'))).toBe('SETTINGS_INVALID');
});

test('what kiosks would refuse is not signed', async () => {
  const { privateKey } = await writeKey(folder, 'a');
  const keys = [join(folder, 'a.private.pem')];
  await put('{');
  expect(await codeOf(() => signFolder(folder, keys))).toBe('MANIFEST_NOT_JSON');
  await put(manifestContent({ version: 0 }));
  await expect(signFolder(folder, keys)).rejects.toThrow(/version/);
  await put(manifestContent());
  await signFolder(folder, keys);
  await signFolder(folder, keys);
  await put(manifestContent({ campus: { id: 'sciences', name: 'Renamed' } }));
  expect(await codeOf(() => signFolder(folder, keys))).toBe('MANIFEST_OLDER');
  await put(manifestContent({ version: 8 }));
  expect((await signFolder(folder, keys)).version).toBe(8);
  await writeFile(join(folder, 'bad.pem'), privateKey.slice(0, 40));
  expect(await codeOf(() => signFolder(folder, [join(folder, 'bad.pem')]))).toBe(
    'SETTINGS_INVALID',
  );
});

test('bundle: sorted, hashed, hidden files left out, equal content gives an equal version', async () => {
  const ui = join(folder, 'ui');
  await mkdir(join(ui, 'assets'), { recursive: true });
  await writeFile(join(ui, 'index.html'), '<!doctype html>');
  await writeFile(join(ui, 'assets', 'a.js'), '');
  await writeFile(join(ui, '.hidden'), 'x');
  const first = await bundleFolder(ui, { base: 'ui/' });
  expect(first.files).toEqual([
    {
      path: 'assets/a.js',
      size: 0,
      sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    },
    expect.objectContaining({ path: 'index.html', size: 15 }),
  ]);
  expect(await bundleFolder(ui, { base: 'ui/' })).toEqual(first);
  await writeFile(join(ui, 'assets', 'a.js'), '1');
  expect((await bundleFolder(ui, { base: 'ui/' })).version).not.toBe(first.version);
  await rm(join(ui, 'index.html'));
  expect(await codeOf(() => bundleFolder(ui, { base: 'ui/' }))).toBe('MANIFEST_INVALID');
});

test('docs/manifest.schema.json is that of the schema', async () => {
  await expect(manifestJsonSchema()).toMatchFileSnapshot('../../../docs/manifest.schema.json');
});

test('a folder of a system is described whole, or not at all', async () => {
  for (const name of ['vmlinuz', 'initrd.img', 'root.sqfs', 'root.cfg.sig']) {
    await writeFile(join(folder, name), name);
  }
  expect(await codeOf(() => describeSystem(folder, 'system/2'))).toBe('SETTINGS_INVALID');
  await writeFile(join(folder, 'root.cfg'), 'format=1\nversion=2026.12.0\n');
  const system = await describeSystem(folder, 'system/2');
  expect(system).toMatchObject({ version: '2026.12.0', base: 'system/2/' });
  expect(system.files.map(({ name, size }) => [name, size])).toContainEqual(['vmlinuz', 7]);
  await rm(join(folder, 'root.sqfs'));
  expect(await codeOf(() => describeSystem(folder, 'system/2'))).toBe('SETTINGS_INVALID');
});
