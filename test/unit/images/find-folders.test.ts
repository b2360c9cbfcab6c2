import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findFolders } from '../../../main/images/find-folders.ts';
import { scratchFolder } from '../../support/images.ts';

test('folders at hand: two levels deep, no links, no end of them', async () => {
  await using scratch = await scratchFolder();
  const root = join(scratch.path, 'media');
  for (const path of ['alice/STICK/deeper', 'DISK']) {
    await mkdir(join(root, path), { recursive: true });
  }
  await symlink('/', join(root, 'everything'));
  const gone = join(scratch.path, 'gone');
  expect(await findFolders([root, gone])).toEqual(
    ['', 'DISK', 'alice', 'alice/STICK'].map((path) => join(root, path)),
  );
  for (let n = 0; n < 100; n++) await mkdir(join(gone, `${n}`), { recursive: true });
  expect(await findFolders([gone])).toHaveLength(64);
  await rm(root, { recursive: true });
  expect(await findFolders([root])).toEqual([]);
});
