/** What of the store other kiosks of the room may have, see peers/peer-server.ts. */
import type { Clock } from '../base/clock.ts';
import { errno } from '../base/errors.ts';
import type { Logger } from '../log/logger.ts';
import type { ImageManifest } from './manifest.ts';
import { Pace } from './pace.ts';
import type { PeerServer } from './peers/peer-server.ts';
import type { ImageStore } from './store.ts';
import type { VersionRecord } from './version.ts';

export interface PeerPolicy {
  /** UDP and TCP, the same on all kiosks of a room. */
  readonly port: number;
  /** Bytes per second that this kiosk sends, at most. */
  readonly bytesPerSecond: number;
  /** Whether the kiosk at this IPv4 address is of this room. */
  readonly allows: (address: string) => boolean;
}

export interface ServePeersOptions {
  readonly policy: PeerPolicy;
  readonly store: ImageStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly damaged: (version: VersionRecord) => void;
}

/** @returns undefined where the port is taken: then this kiosk serves nobody, and says so in its log */
export async function servePeers(options: ServePeersOptions): Promise<PeerServer | undefined> {
  const { policy, store, clock, log, damaged } = options;
  const pace = new Pace(clock);
  pace.set({ bytesPerSecond: policy.bytesPerSecond, busy: false });
  const find = (root: string): VersionRecord | undefined =>
    store.all().find((one) => one.root === root && !one.damaged && one.verifiedAt !== null);
  /** Of the version that was asked for last: a large image's tables take a second to read. */
  let recent: { readonly root: string; readonly manifest: Promise<ImageManifest> } | undefined;
  // Loaded where a room wants it: the kiosk's first picture does not wait for it.
  const { PeerServer: Server } = await import('./peers/peer-server.ts');
  try {
    return await Server.start({
      port: policy.port,
      allows: policy.allows,
      has: (root) => find(root) !== undefined,
      async open(root) {
        const version = find(root);
        if (!version) return undefined;
        const release = store.use(version);
        try {
          if (recent?.root !== root) recent = { root, manifest: store.manifest(version) };
          return { path: store.imagePath(version), manifest: await recent.manifest, release };
        } catch (error) {
          recent = undefined;
          release();
          throw error;
        }
      },
      damaged: (root) => {
        const version = find(root);
        if (version) damaged(version);
      },
      pace,
      log,
    });
  } catch (error) {
    log.warn('images are not served to the room', { port: policy.port, reason: errno(error) });
    return undefined;
  }
}
