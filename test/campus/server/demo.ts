/**
 * The demo campus's content: what `npm start` and the smoke run show. Everything in it is real:
 * images that boot, pages that load, people who can sign in.
 */
import { createHash } from 'node:crypto';
import { copyFile, cp, link, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../main/base/files.ts';
import { Manifest } from '../../../main/base/manifest.ts';
import type { TrustedKey } from '../../../main/campus/api.ts';
import {
  bundleFolder,
  type KeyPair,
  signManifest,
  writeKey,
} from '../../../main/campus/publish.ts';
import type { Json } from '../../../preload/contract/errors.ts';
import { COURSE_PAGES, writeCourseSite } from './course-site.ts';
import { DEMO_ADMIN_GROUPS } from './people.ts';

/** An image as `main/images` packed it. */
interface DemoImage {
  readonly id: string;
  readonly version: string;
  readonly title?: string;
  /** Paths of the image manifest and of the image's stored bytes. */
  readonly manifestFile: string;
  readonly dataFile: string;
  readonly multicast?: readonly Json[];
}

interface RemoteDemo {
  readonly title: string;
  /** As main/sessions/rdp or main/sessions/spice reads it. */
  readonly target: Json;
}

export interface DemoCampusOptions {
  /** Gets `www/` (what is served) and `keys/` (what never is). */
  readonly folder: string;
  /** Where `www/` will be served, with a final slash. */
  readonly webUrl: string;
  /** The first is the machine of both local entries; none: there are no local entries. */
  readonly images: readonly DemoImage[];
  /** Fields of the machine description for the demo's machines, over the defaults here. */
  readonly machine?: { readonly [key: string]: Json };
  /** Machines of the networks lab. Default 2. */
  readonly labMachines?: number;
  /** A built UI with `index.html`; absent: kiosks show their own. */
  readonly uiFolder?: string;
  /** Host name of the kiosk that is to be seat 07 of room B204. */
  readonly hostname: string;
  readonly rdp?: RemoteDemo;
  readonly spice?: RemoteDemo;
  /** More entries of the catalogue, as the manifest has them. */
  readonly entries?: readonly { readonly [key: string]: Json }[];
  /** False: no login, reports, events, …: a plain static web server. Default true. */
  readonly services?: boolean;
  /** Days until the manifest expires. Default 30. */
  readonly validDays?: number;
}

export interface DemoCampus {
  /** To be served at `webUrl`. */
  readonly www: string;
  readonly trustedKey: TrustedKey;
  readonly manifest: Manifest;
  /** Signs and writes a changed manifest under the next version. */
  publish(change: (manifest: Manifest) => Manifest): Promise<Manifest>;
}

const KEY_ID = 'demo-campus';
const DAY_MS = 24 * 60 * 60 * 1000;

/** Writes the whole campus. A second call in the same folder keeps the key and raises the version. */
export async function buildDemoCampus(options: DemoCampusOptions): Promise<DemoCampus> {
  const www = join(options.folder, 'www');
  const key = await demoKey(join(options.folder, 'keys'));
  await mkdir(www, { recursive: true });
  await writeCourseSite(www);
  const publish = async (content: unknown): Promise<Manifest> => {
    const bytes = Buffer.from(`${JSON.stringify(content, null, 2)}\n`);
    const { manifest, signature } = signManifest(bytes, [
      { id: KEY_ID, privateKey: key.privateKey },
    ]);
    await writeFileAtomic(join(www, 'manifest.json.sig'), signature, 0o644);
    await writeFileAtomic(join(www, 'manifest.json'), bytes, 0o644);
    return manifest;
  };
  const now = Date.now();
  let manifest = await publish({
    format: 1,
    campus: { id: 'demo-campus', name: 'Université · Sciences' },
    version: await nextVersion(www),
    issuedAt: new Date(now).toISOString(),
    expiresAt: new Date(now + (options.validDays ?? 30) * DAY_MS).toISOString(),
    servers: [{ url: options.webUrl }],
    endpoints:
      options.services === false
        ? {}
        : {
            login: 'api/login',
            catalogue: 'api/catalogue',
            jobs: 'api/jobs',
            reports: 'api/reports',
            events: 'api/events',
            live: 'api/live',
          },
    ...(options.uiFolder === undefined ? {} : { ui: await publishUi(options.uiFolder, www) }),
    images: await Promise.all(options.images.map((image) => publishImage(image, www))),
    catalogue: catalogueOf(options),
    rooms: [
      {
        id: 'b204',
        name: 'B204',
        match: { hostnames: [options.hostname] },
        seats: { [options.hostname]: '07' },
      },
    ],
    policy: { guests: true, offlineSignInDays: 30, adminGroups: DEMO_ADMIN_GROUPS },
  });
  return {
    www,
    trustedKey: key.trusted,
    get manifest() {
      return manifest;
    },
    async publish(change) {
      const changed = change(structuredClone(manifest));
      manifest = await publish({ ...changed, version: manifest.version + 1 });
      return manifest;
    },
  };
}

function catalogueOf(options: DemoCampusOptions): unknown[] {
  const { images, machine = {}, labMachines = 2, webUrl, rdp, spice } = options;
  const [image] = images;
  const describe = (network: string): Json => ({
    cpu: { count: 1 },
    memory: { mib: 320 },
    audio: false,
    networks: [{ type: network }],
    ...machine,
  });
  const local =
    image === undefined
      ? []
      : [
          {
            id: 'debian-console',
            kind: 'vm',
            title: 'Debian — Console',
            icon: { letters: 'D', colour: '#1f5fd6' },
            machines: [{ name: 'console', image: image.id, description: describe('user') }],
          },
          {
            id: 'debian-networks',
            kind: 'vm',
            title: {
              en: 'Debian — Networks lab',
              fr: 'Debian — TP réseaux',
              es: 'Debian — Prácticas de redes',
              de: 'Debian — Netzwerkpraktikum',
            },
            icon: { letters: 'D', colour: '#17795e' },
            machines: Array.from({ length: labMachines }, (_, index) => ({
              name: `lab-${index + 1}`,
              image: image.id,
              description: describe('group:lab'),
            })),
          },
        ];
  const remote = [
    ...(rdp
      ? [
          {
            id: 'staff-desktop',
            kind: 'rdp',
            title: rdp.title,
            icon: { letters: 'R', colour: '#6a7586' },
            target: rdp.target,
          },
        ]
      : []),
    ...(spice
      ? [
          {
            id: 'shared-linux',
            kind: 'spice',
            title: spice.title,
            icon: { letters: 'S', colour: '#6a7586' },
            target: spice.target,
          },
        ]
      : []),
  ];
  return [
    ...local,
    ...remote,
    ...(options.entries ?? []),
    {
      id: 'course-site',
      kind: 'web',
      title: {
        en: 'Course site',
        fr: 'Site du cours',
        es: 'Sitio del curso',
        de: 'Kursseiten',
      },
      icon: { letters: 'E', colour: '#b4533f' },
      url: new URL('course/index.html', webUrl).href,
      saved: COURSE_PAGES.map((page) => new URL(page, webUrl).href),
    },
  ];
}

async function publishImage(image: DemoImage, www: string): Promise<unknown> {
  const folder = join(www, 'images', image.id);
  await mkdir(folder, { recursive: true });
  const name = image.version.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  await share(image.manifestFile, join(folder, `${name}.manifest`));
  await share(image.dataFile, join(folder, `${name}.data`));
  const manifest = await readFile(image.manifestFile);
  return {
    id: image.id,
    version: image.version,
    ...(image.title === undefined ? {} : { title: image.title }),
    manifest: {
      url: `images/${image.id}/${name}.manifest`,
      size: manifest.length,
      sha256: createHash('sha256').update(manifest).digest('hex'),
    },
    urls: [`images/${image.id}/${name}.data`],
    ...(image.multicast === undefined ? {} : { multicast: image.multicast }),
  };
}

async function publishUi(uiFolder: string, www: string): Promise<unknown> {
  const draft = await bundleFolder(uiFolder, { base: 'ui/' });
  // A folder per version: kiosks that still fetch the old one find all of it.
  const base = `ui/${draft.version}/`;
  await cp(uiFolder, join(www, base), { recursive: true });
  return { ...draft, base };
}

/** A hard link where that is possible: images are large and never changed. */
async function share(from: string, to: string): Promise<void> {
  await rm(to, { force: true });
  await link(from, to).catch(() => copyFile(from, to));
}

/** Kept between starts, so that kiosks that trust it go on doing so. */
async function demoKey(folder: string): Promise<KeyPair> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${KEY_ID}.private.pem`);
  const exists = await stat(path).then(
    () => true,
    () => false,
  );
  if (!exists) return writeKey(folder, KEY_ID);
  const trusted = z
    .object({ id: z.string(), publicKey: z.string() })
    .parse(JSON.parse(await readFile(join(folder, `${KEY_ID}.public.json`), 'utf8')));
  return { trusted, privateKey: await readFile(path, 'utf8') };
}

async function nextVersion(www: string): Promise<number> {
  const seconds = Math.floor(Date.now() / 1000);
  try {
    const old = Manifest.parse(JSON.parse(await readFile(join(www, 'manifest.json'), 'utf8')));
    return Math.max(seconds, old.version + 1);
  } catch {
    return seconds;
  }
}
