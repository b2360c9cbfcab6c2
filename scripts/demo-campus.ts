/**
 * The embedded campus of `npm start`: demo content with a real bootable disk, served on loopback,
 * and the settings of a kiosk that belongs to it.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packImage } from '../main/images/pack.ts';
import { type CampusServer, startCampus } from '../test/campus/server/campus.ts';
import { buildDemoCampus, type DemoCampus } from '../test/campus/server/demo.ts';
import { buildDemoImage } from './demo-image.ts';

const root = join(fileURLToPath(import.meta.url), '..', '..');

export interface Demo {
  readonly server: CampusServer;
  readonly content: DemoCampus;
  /** For `--settings`. */
  readonly settingsFile: string;
}

interface SeenFrom {
  /** What the kiosk calls this computer, where it is another one. Default: loopback. */
  readonly address?: string;
  /** The kiosk's host name. Default: this computer's. */
  readonly hostname?: string;
}

/**
 * @param folder kept between runs: the campus's key and version, so that the kiosk goes on
 * believing it
 * @param say tells what takes long
 */
export async function startDemoCampus(
  folder: string,
  say: (text: string) => void,
  settings: Record<string, unknown> = {},
  seen: SeenFrom = {},
): Promise<Demo> {
  const images = join(folder, 'images');
  await mkdir(images, { recursive: true });
  say('making the demo machine from Debian packages (cached after the first time)');
  const disk = join(images, 'debian.qcow2');
  await buildDemoImage(disk);
  const packed = await packImage({
    source: disk,
    id: 'debian',
    version: '1',
    outputFolder: images,
  });

  // The port decides the address in the signed manifest, and the server the port.
  const www = join(folder, 'www');
  await mkdir(www, { recursive: true });
  const server = await startCampus({
    folder: www,
    reportsFile: join(folder, 'reports.jsonl'),
  });
  const webUrl = seen.address === undefined ? server.url : `http://${seen.address}:${server.port}/`;
  const content = await buildDemoCampus({
    folder,
    webUrl,
    images: [
      {
        id: 'debian',
        version: '1',
        manifestFile: packed.manifestPath,
        dataFile: packed.chunksPath,
      },
    ],
    uiFolder: join(root, 'dist', 'renderer'),
    hostname: seen.hostname ?? hostname(),
  });
  const settingsFile = join(folder, 'settings.json');
  await writeFile(
    settingsFile,
    `${JSON.stringify(
      { 'campus.servers': [webUrl], 'campus.keys': [content.trustedKey], ...settings },
      null,
      2,
    )}\n`,
  );
  return { server, content, settingsFile };
}
