/**
 * A room on one evening: whole kiosks (without screens) in network namespaces, the campus of
 * development, and `scripts/campus-send.ts` from waking to the mail. Two receive by multicast, one
 * comes late and receives from its neighbours, one has the image on a disk that was plugged in.
 * The campus's web server has no image at all.
 */
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { imageBytes, packBytes, refOf, scratchFolder } from '../support/images.ts';
import { createNetwork, type Host, networkObstacle, type Process } from '../support/namespaces.ts';
import { bytesOf, KEY, signatureOf } from '../unit/campus/support.ts';
import { currentContent } from './support.ts';

const obstacle = networkObstacle();
if (obstacle) console.warn(`a room in namespaces: skipped, because ${obstacle}`);

const PORT = 8080;
const Room = z.object({
  kiosks: z.array(
    z.object({
      kiosk: z.string(),
      room: z.string().nullable(),
      images: z.array(z.object({ current: z.string().nullable(), progress: z.number() })),
    }),
  ),
});
const Report = z.object({
  kiosk: z.string(),
  kind: z.string(),
  body: z.object({
    root: z.string(),
    transports: z.array(z.object({ transport: z.string(), chunks: z.number() })),
  }),
});

const script = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

test.skipIf(obstacle !== undefined)(
  'an image comes to a room: by multicast, from neighbours, from a disk; seen live, reported, told',
  async () => {
    await using scratch = await scratchFolder();
    await using network = createNetwork(5);
    const at = (index: number): Host => {
      const host = network.hosts[index];
      if (!host) throw new Error('there are too few hosts');
      return host;
    };
    const www = join(scratch.path, 'www');
    const disk = join(scratch.path, 'media', 'STICK');
    const reportsFile = join(scratch.path, 'reports.jsonl');
    await mkdir(join(www, 'images'), { recursive: true });
    await mkdir(disk, { recursive: true });
    const packed = await packBytes(scratch.path, imageBytes(128, 77), { id: 'lab', version: '1' });
    const manifestName = basename(packed.manifestPath);
    await copyFile(packed.manifestPath, join(www, 'images', manifestName));
    for (const path of [packed.manifestPath, packed.chunksPath]) {
      await copyFile(path, join(disk, basename(path)));
    }
    const manifest = bytesOf(
      currentContent({
        endpoints: { reports: 'api/reports', live: 'api/live' },
        rooms: [{ id: 'b204', name: 'B204', match: { subnets: ['10.77.0.0/24'] } }],
        images: [
          {
            ...refOf(packed, ['images/none'], `images/${manifestName}`),
            multicast: [{ type: 'multicast', group: '239.77.0.1', port: 9100, startTimeout: 120 }],
          },
        ],
      }),
    );
    await writeFile(join(www, 'manifest.json'), manifest);
    await writeFile(join(www, 'manifest.json.sig'), signatureOf(manifest, KEY));
    const campus = at(0).start(process.execPath, [
      script('../support/lab-campus-child.ts'),
      ...[www, at(0).address, String(PORT), reportsFile],
    ]);
    await campus.said(/^campus http/m);
    const url = `http://${at(0).address}:${PORT}`;
    const watch = `setInterval(async () => console.log(await (await fetch('${url}/api/room')).text()), 100)`;
    const watcher = at(0).start(process.execPath, ['-e', watch]);
    const last = (): z.infer<typeof Room> => {
      // What follows the last line break may be half a line.
      const line = watcher.output().split('\n').at(-2);
      return line === undefined ? { kiosks: [] } : Room.parse(JSON.parse(line));
    };

    const kiosk = async (host: Host, id: string, more: object): Promise<Process> => {
      const folder = join(scratch.path, id);
      await mkdir(folder);
      const settings = {
        'campus.servers': [`${url}/`],
        'campus.keys': [KEY.trusted],
        'campus.pollSeconds': 5,
        'kiosk.id': id,
        'images.peers': true,
        'images.reserveMiB': 0,
        'images.folders': [],
        ...more,
      };
      await writeFile(join(folder, 'settings.json'), JSON.stringify(settings));
      return host.start(process.execPath, [
        script('../support/lab-kiosk-child.ts'),
        `--settings=${join(folder, 'settings.json')}`,
        `--data-folder=${join(folder, 'data')}`,
        `--runtime-folder=${join(folder, 'run')}`,
      ]);
    };
    await kiosk(at(1), 'early-1', { 'images.transports': ['multicast'] });
    await kiosk(at(2), 'early-2', { 'images.transports': ['multicast'] });
    // Both wait for the image, however long this computer took to start them.
    await expect
      .poll(() => last().kiosks.filter(({ images }) => images.length > 0).length, {
        timeout: 120_000,
      })
      .toBe(2);

    const mail = join(scratch.path, 'mail');
    const notify = join(scratch.path, 'notify');
    await writeFile(notify, `#!/bin/sh\ncat > ${mail}\n`);
    await chmod(notify, 0o755);
    const sender = at(0).start(process.execPath, [
      script('../../scripts/campus-send.ts'),
      ...['--manifest', packed.manifestPath, '--file', packed.chunksPath],
      ...['--wake', '52:54:00:12:34:56', '--receivers', '4', '--wait', '15', '--mbit', '10'],
      ...['--reports', reportsFile, '--report-wait', '240', '--notify', notify],
    ]);
    const reports = async (): Promise<Array<z.infer<typeof Report>>> => {
      const text = await readFile(reportsFile, 'utf8').catch(() => '');
      return text
        .split('\n')
        .filter((line) => line.includes('"image.committed"'))
        .map((line) => Report.parse(JSON.parse(line)));
    };
    await expect.poll(async () => (await reports()).length, { timeout: 180_000 }).toBe(2);
    await kiosk(at(3), 'late', { 'images.transports': ['peer', 'http'] });
    await kiosk(at(4), 'disk', {
      'images.transports': ['file'],
      'images.folders': [join(scratch.path, 'media')],
    });
    // As many as were waited for have it in the end, so the command says yes.
    expect(await sender.exited).toBe(0);
    const text = await readFile(mail, 'utf8');
    expect(text).toContain('lab 1: complete');
    expect(text).toMatch(/connected: 10\.77\.0\.[23], 10\.77\.0\.[23]\n/);
    expect(text).toContain('failed: none');

    const ways = Object.fromEntries(
      (await reports()).map(({ kiosk: id, body }) => [
        id,
        body.transports.filter(({ chunks }) => chunks > 0).map(({ transport }) => transport),
      ]),
    );
    expect(ways).toEqual({
      'early-1': ['multicast'],
      'early-2': ['multicast'],
      late: ['peer'],
      disk: ['file'],
    });
    for (const { body } of await reports()) expect(body.root).toBe(packed.manifest.root);

    await expect
      .poll(() => last().kiosks.filter((one) => one.images[0]?.current === '1').length, {
        timeout: 60_000,
      })
      .toBe(4);
    for (const { room } of last().kiosks) expect(room).toBe('b204');
    const halfway = watcher
      .output()
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => Room.parse(JSON.parse(line)).kiosks)
      .filter(({ images }) => images.some(({ progress }) => progress > 0 && progress < 1));
    expect(new Set(halfway.map((one) => one.kiosk))).toContain('early-1');
  },
  400_000,
);
