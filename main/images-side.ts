/** Images as this kiosk's settings and campus see them. */
import { join } from 'node:path';
import ipaddr from 'ipaddr.js';
import type { Json } from '../preload/contract/errors.ts';
import type { Campus } from './campus/api.ts';
import { LiveState } from './campus/live.ts';
import { readNetworks } from './device/identity.ts';
import { findFolders } from './images/find-folders.ts';
import { createImages, type Images } from './images/images.ts';
import { multicastTransports } from './images/multicast/transports.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Log } from './log/log.ts';
import type { Launcher } from './process/launcher.ts';
import type { Settings } from './settings/settings.ts';

export interface KioskImagesOptions {
  readonly settings: Settings;
  readonly campus: Campus;
  readonly launcher: Launcher;
  readonly jobs: Jobs;
  readonly dataFolder: string;
  readonly kioskId: string;
  /** As people call this computer. */
  readonly kioskName: () => string;
  readonly log: Log;
}

export interface KioskImages {
  readonly images: Images;
  /** Someone works in a session, or nobody does any more. */
  setBusy(busy: boolean): void;
  close(): Promise<void>;
}

/** @throws as `createImages` */
export async function createKioskImages(options: KioskImagesOptions): Promise<KioskImages> {
  const { settings, campus, launcher, jobs, dataFolder, log } = options;
  const images = await createImages({
    folder: join(dataFolder, 'images'),
    overlayFolders: [join(dataFolder, 'machines')],
    nearbyFolders: () => findFolders(settings.get('images.folders')),
    launcher,
    jobs,
    http: campus.http,
    transports: multicastTransports({ launcher, log: log.scope('multicast') }),
    report: (report) => campus.report(report),
    policy: {
      order: settings.get('images.transports'),
      reserve: settings.get('images.reserveMiB') * 2 ** 20,
      keepPrevious: settings.get('images.keepVersions') - 1,
      verifyDays: settings.get('images.verifyDays'),
    },
    ...(settings.get('images.peers')
      ? {
          peers: {
            port: settings.get('images.peerPort'),
            bytesPerSecond: bytesPerSecond(settings.get('images.peerMbit')),
            allows: (address: string) => isOfRoom(address, campus),
          },
        }
      : {}),
    log: log.scope('images'),
  });
  let busy = false;
  const setPace = (): void => {
    const ceiling = settings.get('images.bandwidthMbit');
    images.setPace({ bytesPerSecond: ceiling === null ? null : bytesPerSecond(ceiling), busy });
  };
  setPace();
  const live = new LiveState({
    http: campus.http,
    endpoint: () =>
      campus.link.state === 'online' ? campus.manifest?.manifest.endpoints.live : undefined,
    about: () => {
      const { room, seat } = campus.place();
      const { kioskId: kiosk, kioskName } = options;
      return { kiosk, name: kioskName(), room: room?.id ?? null, seat };
    },
    log: log.scope('live'),
  });
  const tell = (): void => live.set({ images: stateOf(images, campus) });
  const stopListening = [
    images.on('changed', tell),
    campus.on('link', tell),
    settings.on('changed', setPace),
  ];
  return {
    images,
    setBusy(now) {
      busy = now;
      setPace();
    },
    async close() {
      for (const stop of stopListening) stop();
      await live.close();
      await images.close();
    },
  };
}

/** Each offered image as docs/campus-protocol.md describes it under `live`. */
function stateOf(images: Images, campus: Campus): Json[] {
  return (campus.manifest?.manifest.images ?? []).map(({ id }) => {
    const { current, next, progress, secondsLeft, error } = images.status(id);
    return {
      ...{ image: id, current, next, secondsLeft, error: error?.code ?? null },
      // Percents: finer steps would be news all the time.
      progress: Math.floor(progress * 100) / 100,
    };
  });
}

/**
 * Where the campus names the room's networks, these; else those that this computer is in itself.
 */
function isOfRoom(address: string, campus: Campus): boolean {
  if (!ipaddr.IPv4.isValid(address)) return false;
  const named = campus.place().room?.match.subnets ?? [];
  const subnets = named.length > 0 ? named : readNetworks();
  const parsed = ipaddr.IPv4.parse(address);
  return subnets.some((subnet) => {
    if (!ipaddr.IPv4.isValidCIDR(subnet)) return false;
    return parsed.match(ipaddr.IPv4.parseCIDR(subnet));
  });
}

function bytesPerSecond(mbit: number): number {
  return (mbit * 1_000_000) / 8;
}
