import {
  chmod,
  mkdir,
  open,
  readFile,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CHUNK_SIZE } from '../../../main/images/manifest.ts';
import { createQcow2 } from '../../../main/sessions/vm/overlay.ts';
import {
  imageBytes,
  imageRig,
  packBytes,
  rangeServer,
  refOf,
  scratchFolder,
} from '../../support/images.ts';

const V1 = imageBytes(20, 10);
const V2 = imageBytes(20, 10, { 2: 'two' });
const V3 = imageBytes(20, 10, { 2: 'three' });

/** A campus with three versions of an image, and a kiosk's store. */
async function kiosk(options: Parameters<typeof imageRig>[1] = {}) {
  const scratch = await scratchFolder();
  const files: Record<string, Buffer> = {};
  const refs: Array<(url: string) => ReturnType<typeof refOf>> = [];
  for (const [at, bytes] of [V1, V2, V3].entries()) {
    const version = String(at + 1);
    const packed = await packBytes(scratch.path, bytes, { id: 'win', version });
    files[version] = await readFile(packed.chunksPath);
    files[`${version}.manifest`] = await readFile(packed.manifestPath);
    refs.push((url) => refOf(packed, [`${url}/${version}`], `${url}/${version}.manifest`));
  }
  const server = await rangeServer(files);
  let rig = await imageRig(scratch.path, options);
  const offer = async (version: 1 | 2 | 3): Promise<void> => {
    const ref = refs[version - 1]?.(server.url);
    await rig.images.apply(ref ? [ref] : []);
    await rig.idle();
  };
  return {
    folder: scratch.path,
    server,
    get rig() {
      return rig;
    },
    offer,
    async restart(): Promise<void> {
      await rig[Symbol.asyncDispose]();
      rig = await imageRig(scratch.path, options);
    },
    async [Symbol.asyncDispose]() {
      await rig[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

async function flip(path: string, position: number): Promise<void> {
  const { mtime, atime } = await stat(path);
  await chmod(path, 0o600);
  const file = await open(path, 'r+');
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 0xff;
  await file.write(byte, 0, 1, position);
  await file.close();
  // As a failing disk does: without a trace in the file's times.
  await utimes(path, atime, mtime);
}

const current = async (images: { list(): Promise<Array<{ version: string; current: boolean }>> }) =>
  (await images.list()).find((one) => one.current)?.version;

describe('versions', () => {
  test('one previous version stays; a rollback holds until something new is offered', async () => {
    await using k = await kiosk();
    await k.offer(1);
    await k.offer(2);
    await k.offer(3);
    expect((await k.rig.images.list()).map(({ version }) => version)).toEqual(['3', '2']);
    await k.rig.images.rollback('win', '2');
    await k.offer(3);
    expect(await current(k.rig.images)).toBe('2');
    await k.restart();
    await k.offer(3);
    expect(await current(k.rig.images)).toBe('2');
    expect(k.rig.images.status('win')).toMatchObject({ current: '2', next: null, error: null });
    await k.offer(1);
    expect(await current(k.rig.images)).toBe('1');
    await k.offer(3);
    expect(await current(k.rig.images)).toBe('3');
    await expect(k.rig.images.rollback('win', '9')).rejects.toMatchObject({
      code: 'IMAGE_UNKNOWN',
    });
  });

  test('a campus that goes back costs no transfer', async () => {
    await using k = await kiosk();
    await k.offer(1);
    await k.offer(2);
    const requests = k.server.requests.length;
    await k.offer(1);
    expect(await current(k.rig.images)).toBe('1');
    expect(k.server.requests.length).toBe(requests);
  });

  test('what is pinned, held, or under a session disk is not collected nor removed', async () => {
    await using k = await kiosk({ policy: { keepPrevious: 0 } });
    await k.offer(1);
    await k.rig.images.pin('win', '1', true);
    await k.offer(2);
    const held = await k.rig.images.acquire('win');
    await mkdir(join(k.folder, 'overlays/ana'), { recursive: true });
    const overlay = join(k.folder, 'overlays/ana/disk.qcow2');
    await createQcow2(overlay, 1024 * 1024, held);
    await k.offer(3);
    expect((await k.rig.images.list()).map(({ version }) => version)).toEqual(['3', '2', '1']);
    await expect(k.rig.images.remove('win', '2')).rejects.toMatchObject({ code: 'IMAGE_IN_USE' });
    held.release();
    await expect(k.rig.images.remove('win', '2')).rejects.toMatchObject({ code: 'IMAGE_IN_USE' });
    await rm(overlay);
    await k.offer(3);
    expect((await k.rig.images.list()).map(({ version }) => version)).toEqual(['3', '1']);
    await k.rig.images.remove('win', '1');
    expect((await k.rig.images.list()).map(({ version }) => version)).toEqual(['3']);
  });

  test('an image that is no longer offered stays until its place is needed', async () => {
    await using k = await kiosk();
    await k.offer(1);
    await k.rig.images.apply([]);
    await k.restart();
    expect(await current(k.rig.images)).toBe('1');
    (await k.rig.images.acquire('win')).release();
  });

  test('two stores do not open one folder', async () => {
    await using k = await kiosk();
    await expect(imageRig(k.folder)).rejects.toMatchObject({ code: 'STORE_LOCKED' });
  });
});

describe('damage', () => {
  test('a flipped byte is found by verification and repaired from the campus', async () => {
    await using k = await kiosk();
    await k.offer(1);
    const { path, release } = await k.rig.images.acquire('win');
    release();
    await flip(path, 7 * CHUNK_SIZE + 12345);
    await flip(path, 3 * CHUNK_SIZE + 1);
    k.server.bytesSent = 0;
    k.rig.images.verify('win');
    await k.rig.idle();
    expect(k.rig.reports.at(-1)).toMatchObject({
      kind: 'image.repaired',
      body: { checked: 21, wrong: 2, repaired: 2 },
    });
    // Chunk 3 is zeros: it need not be asked for.
    expect(k.server.bytesSent).toBeLessThanOrEqual(CHUNK_SIZE);
    expect(await readFile(path)).toEqual(V1);
    (await k.rig.images.acquire('win')).release();
  });

  test('a version that was not read for as long as policy says is read whole again', async () => {
    const clock = { time: Date.parse('2026-11-20T12:00:00Z'), now: () => clock.time };
    await using k = await kiosk({ clock, policy: { verifyDays: 30 } });
    await k.offer(1);
    const [first] = await k.rig.images.list();
    expect(first?.verifiedAt).toBe(clock.time);
    clock.time += 29 * 86_400_000;
    await k.offer(1);
    expect((await k.rig.images.list())[0]?.verifiedAt).toBe(first?.verifiedAt);
    await flip(join(k.folder, 'images/win/current'), 5);
    clock.time += 2 * 86_400_000;
    await k.offer(1);
    expect((await k.rig.images.list())[0]?.verifiedAt).toBe(clock.time);
    expect(k.rig.reports.at(-1)).toMatchObject({ kind: 'image.repaired', body: { wrong: 1 } });
  });

  test('a chunk that another version has is repaired without the network', async () => {
    await using k = await kiosk();
    await k.offer(1);
    await k.offer(2);
    const { path, release } = await k.rig.images.acquire('win');
    release();
    await flip(path, 7 * CHUNK_SIZE);
    k.server.bytesSent = 0;
    k.rig.images.verify('win');
    await k.rig.idle();
    expect(k.server.bytesSent).toBe(0);
    expect(await readFile(path)).toEqual(V2);
  });

  test('damage that nobody can repair stops the image from being started, until they can', async () => {
    await using k = await kiosk();
    await k.offer(1);
    const { path, release } = await k.rig.images.acquire('win');
    release();
    await flip(path, 7 * CHUNK_SIZE);
    k.server.fault = (_request, response) => {
      response.writeHead(503).end();
      return true;
    };
    k.rig.images.verify('win');
    await k.rig.idle();
    expect(k.rig.images.status('win')).toMatchObject({
      startable: false,
      error: { code: 'MACHINE_IMAGE_CORRUPT' },
    });
    await k.restart();
    await expect(k.rig.images.acquire('win')).rejects.toMatchObject({
      code: 'MACHINE_IMAGE_CORRUPT',
    });
    await k.rig.idle();
    k.server.fault = undefined;
    await k.offer(1);
    k.rig.images.verify('win');
    await k.rig.idle();
    expect(k.rig.images.status('win')).toMatchObject({ startable: true, error: null });
    expect(await readFile(path)).toEqual(V1);
  });

  const harms: Record<string, (path: string) => Promise<void>> = {
    'is written to': async (path) => {
      await chmod(path, 0o600);
      const file = await open(path, 'r+');
      await file.write('hello', 5 * CHUNK_SIZE);
      await file.close();
    },
    'is cut off': (path) => truncate(path, 5 * CHUNK_SIZE),
    grows: (path) => truncate(path, 50 * CHUNK_SIZE),
    'is replaced': async (path) => {
      await rm(path);
      await writeFile(path, V3);
    },
    'loses its first chunk': (path) => flip(path, 0),
    disappears: (path) => rm(path),
    'loses its manifest': (path) => rm(path.replace('.img', '.manifest')),
    'gets another manifest': (path) => writeFile(path.replace('.img', '.manifest'), 'VSTIMG1\n'),
  };
  for (const [name, harm] of Object.entries(harms)) {
    test(`an image that ${name} is refused at launch, and whole again soon after`, async () => {
      await using k = await kiosk();
      await k.offer(1);
      const { path, release } = await k.rig.images.acquire('win');
      release();
      await harm(path);
      await expect(k.rig.images.acquire('win')).rejects.toMatchObject({
        code: 'MACHINE_IMAGE_CORRUPT',
      });
      await k.rig.idle();
      const again = await k.rig.images.acquire('win');
      expect(await readFile(again.path)).toEqual(V1);
      again.release();
    });
  }
});
