/**
 * The images of this kiosk as the rest of it sees them: what the campus offers is received in the
 * background while older versions go on being started, and what is here can be listed, verified,
 * pinned, rolled back and removed.
 */
import type { Json, WireError } from '../../preload/contract/errors.ts';
import type { ImageVersion, Job } from '../../preload/contract/model.ts';
import type { Clock } from '../base/clock.ts';
import type { ImageRef } from '../base/manifest.ts';
import type { Jobs } from '../jobs/jobs.ts';
import type { Logger } from '../log/logger.ts';
import type { Launcher } from '../process/launcher.ts';
import type { GetPort } from './fetch-manifest.ts';
import type { RangePort } from './http.ts';
import { ImageManager } from './image-manager.ts';
import type { AcquiredImage } from './launch.ts';
import type { ImageManifest } from './manifest.ts';
import type { PaceSettings } from './pace.ts';
import type { ImagePolicy } from './policy.ts';
import type { PeerPolicy } from './serve-peers.ts';
import type { Transport } from './transport.ts';

export interface ImagesOptions {
  /** The store; made where it is missing. */
  readonly folder: string;
  /**
   * Where sessions keep their disks; made where missing, on BTRFS without copy-on-write. Versions
   * that these disks refer to are not collected.
   */
  readonly overlayFolders: readonly string[];
  /** Folders that may hold packed images: a USB disk, a network share. Asked at each transfer. */
  readonly nearbyFolders?: () => Promise<readonly string[]>;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly launcher: Launcher;
  /** Image work is defined as jobs before it starts: call {@link createImages} before `jobs.start()`. */
  readonly jobs: Jobs;
  /** The campus's HTTP client. */
  readonly http: GetPort & RangePort;
  /** Serves this kiosk's versions to its room, and asks the room for others. Default: neither. */
  readonly peers?: PeerPolicy;
  /** Other ways (multicast) for an image; `http` and `file` are always there. */
  readonly transports?: (ref: ImageRef, manifest: ImageManifest) => readonly Transport[];
  /** Hands an account to the campus's outbox. */
  readonly report: (report: {
    readonly kind: string;
    readonly level: 'info' | 'warning' | 'error';
    readonly body: { [key: string]: Json };
  }) => void;
  readonly policy?: Partial<ImagePolicy>;
}

/** An image for the tiles. */
export interface ImageStatus {
  /** The version that starts; null: none is here. */
  readonly current: string | null;
  /** The version that arrives or is awaited; null: up to date. */
  readonly next: string | null;
  /** 0 to 1 of `next`. */
  readonly progress: number;
  readonly secondsLeft: number | null;
  /** `current` can be started now. */
  readonly startable: boolean;
  /** Why `next` does not arrive, or `current` does not start. */
  readonly error: WireError | null;
}

export type ImagesEvents = {
  /** Something that {@link Images.status} or {@link Images.list} says has changed. */
  changed: { readonly image: string };
};

export interface Images {
  /**
   * Takes over what an accepted campus manifest offers: starts to receive what is missing,
   * switches to what is here already, and collects what policy lets go. Returns once that is
   * begun, not once it has arrived.
   */
  apply(refs: readonly ImageRef[]): Promise<void>;
  /**
   * The current version, checked and held until released. A damaged one is put under repair.
   * @throws KioskError `IMAGE_UNKNOWN`, `MACHINE_IMAGE_MISSING`, `MACHINE_IMAGE_CORRUPT`
   */
  acquire(image: string): Promise<AcquiredImage>;
  status(image: string): ImageStatus;
  list(): Promise<ImageVersion[]>;
  /**
   * Goes back to a version that is here; what the campus offers now stays refused until it offers
   * something else.
   * @throws KioskError `IMAGE_UNKNOWN`
   */
  rollback(image: string, version: string): Promise<void>;
  /**
   * Verifies the current version, repairing what is wrong.
   * @param fraction of the chunks, chosen at random; default 1
   * @throws KioskError `IMAGE_UNKNOWN`
   */
  verify(image: string, fraction?: number): Job;
  /** @throws KioskError `IMAGE_UNKNOWN` */
  pin(image: string, version: string, pinned: boolean): Promise<void>;
  /** @throws KioskError `IMAGE_UNKNOWN`, `IMAGE_IN_USE` */
  remove(image: string, version: string): Promise<void>;
  /** Manners: a ceiling for the network, and low priority while someone works. */
  setPace(settings: PaceSettings): void;
  on<N extends keyof ImagesEvents>(
    event: N,
    listener: (payload: ImagesEvents[N]) => void,
  ): () => void;
  close(): Promise<void>;
}

/**
 * Opens the store, finishing what a crash left half done.
 * @throws KioskError `STORE_LOCKED`, `DISK_FULL`, `DISK_READ_ONLY`
 */
export function createImages(options: ImagesOptions): Promise<Images> {
  return ImageManager.open(options);
}
