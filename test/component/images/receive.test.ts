import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseImageManifest } from '../../../main/images/manifest.ts';
import {
  imageBytes,
  imageRig,
  packBytes,
  rangeServer,
  refOf,
  scratchFolder,
} from '../../support/images.ts';

describe('an image arrives from the campus by HTTP', () => {
  test('it is packed, received, verified and handed to a machine', async () => {
    await using scratch = await scratchFolder();
    const bytes = imageBytes(40, 1234);
    const packed = await packBytes(scratch.path, bytes, { id: 'debian', version: '1' });
    await using server = await rangeServer({
      chunks: await readFile(packed.chunksPath),
      manifest: await readFile(packed.manifestPath),
    });
    await using rig = await imageRig(scratch.path);
    await rig.images.apply([refOf(packed, [`${server.url}/chunks`], `${server.url}/manifest`)]);
    expect(rig.images.status('debian')).toMatchObject({ current: null, next: '1' });
    await rig.idle();
    expect(rig.images.status('debian')).toEqual({
      current: '1',
      next: null,
      progress: null,
      secondsLeft: null,
      startable: true,
      error: null,
    });
    const acquired = await rig.images.acquire('debian');
    expect(acquired).toMatchObject({ format: 'raw', version: '1' });
    expect(await readFile(acquired.path)).toEqual(bytes);
    expect(await rig.images.list()).toMatchObject([
      { image: 'debian', current: true, inUse: true },
    ]);
    acquired.release();
    expect(rig.reports).toMatchObject([
      {
        kind: 'image.committed',
        body: { root: packed.manifest.root, transferredBytes: packed.manifest.storedSize },
      },
    ]);
    expect(await readFile(join(scratch.path, 'images/debian/current'))).toEqual(bytes);
    expect(parseImageManifest(await readFile(packed.manifestPath)).root).toBe(packed.manifest.root);
  });
});
