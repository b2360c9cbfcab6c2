/** The campus as this kiosk's settings and features see it. */
import { readFileSync } from 'node:fs';
import { KioskError } from './base/errors.ts';
import type { ManifestEntry } from './base/manifest.ts';
import { VERSION } from './base/version.ts';
import type { Campus, OrderPort } from './campus/api.ts';
import { createCampus } from './campus/campus.ts';
import { type Identity, readAddresses } from './device/identity.ts';
import type { Logger } from './log/logger.ts';
import { present } from './reports.ts';
import type { Settings } from './settings/settings.ts';
import { WHOLE_FILE_BYTES } from './uicache/api.ts';
import { createFastLane, type FastLane } from './uicache/fast-lane.ts';
import type { SavedPages } from './uicache/page-saver.ts';

export interface KioskCampusOptions {
  readonly settings: Settings;
  readonly identity: Identity;
  readonly kioskId: string;
  readonly dataFolder: string;
  readonly orders: OrderPort;
  readonly log: Logger;
}

/** @throws KioskError `SETTINGS_INVALID`, `SETTINGS_UNREADABLE`, `DISK_FULL`, `DISK_READ_ONLY` */
export function createKioskCampus(options: KioskCampusOptions): Campus {
  const { settings, identity, kioskId, dataFolder, orders, log } = options;
  return createCampus({
    servers: settings.get('campus.servers'),
    trustedKeys: settings.get('campus.keys'),
    ...authority(settings),
    allowPlainServices: settings.get('campus.allowPlainServices'),
    timings: { pollMs: settings.get('campus.pollSeconds') * 1000 },
    kioskId,
    facts: () => ({
      hostname: identity.hostname,
      macs: identity.macs,
      addresses: readAddresses(),
      ...present('room', settings.get('kiosk.room')),
      ...present('seat', settings.get('kiosk.seat')),
    }),
    version: VERSION,
    dataFolder,
    log,
    orders,
  });
}

/** Files of a UI bundle: small ones over kept-alive connections, the rest through the campus client. */
export function createUiLane(campus: Campus, settings: Settings): FastLane {
  return createFastLane({
    server: () => campus.link.server,
    ca: authority(settings).ca,
    userAgent: `Vestibule/${VERSION}`,
    otherwise: (file, bundle, { signal }) => {
      const url = `${bundle.base}${encodeURI(file.path)}`;
      return file.size > WHOLE_FILE_BYTES
        ? campus.http.range(url, 0, file.size, { signal })
        : campus.http.get(url, { maxBytes: file.size, signal }).then(({ body }) => body);
    },
  });
}

/** The pages that an entry of the catalogue wants kept for offline use. */
export function savedPages(entry: ManifestEntry): SavedPages[] {
  if (entry.kind !== 'web' || entry.saved.length === 0) return [];
  return [{ entryId: entry.id, urls: entry.saved, ...present('hosts', entry.hosts) }];
}

function authority(settings: Settings): { readonly ca?: string } {
  const file = settings.get('campus.caFile');
  if (file === null) return {};
  try {
    return { ca: readFileSync(file, 'utf8') };
  } catch (error) {
    throw new KioskError('SETTINGS_UNREADABLE', `campus.caFile: ${file} cannot be read.`, {
      cause: error,
    });
  }
}
