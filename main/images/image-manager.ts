/** The implementation of images.ts. */
import { z } from 'zod';
import { Id, type ImageVersion, type Job } from '../../preload/contract/model.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { errno, isAbort, KioskError, toWireError } from '../base/errors.ts';
import { Emitter } from '../base/events.ts';
import { ImageRef, Sha256 } from '../base/manifest.ts';
import type { JobContext } from '../jobs/jobs.ts';
import { prepareImageFolder, prepareOverlayFolder } from './filesystem.ts';
import { ImageWork } from './image-work.ts';
import type { ImageStatus, Images, ImagesEvents, ImagesOptions } from './images.ts';
import { type AcquiredImage, LaunchCheck } from './launch.ts';
import { lockFolder } from './lock.ts';
import { OfferedImages } from './offered.ts';
import { overlayBases } from './overlays.ts';
import type { PaceSettings } from './pace.ts';
import type { PeerServer } from './peers/peer-server.ts';
import { DEFAULT_IMAGE_POLICY, type ImagePolicy } from './policy.ts';
import { servePeers } from './serve-peers.ts';
import { ImageStore } from './store.ts';
import type { VersionRecord } from './version.ts';

const ReceiveParams = z.object({ ref: ImageRef });
const VerifyParams = z.object({
  image: Id,
  root: Sha256,
  fraction: z.number().positive().max(1),
});
const RECEIVE = 'image.receive';
const VERIFY = 'image.verify';

/** How often versions that are due for verification are looked for. */
const MAINTAIN_MS = 60 * 60_000;
const DAY_MS = 86_400_000;

export class ImageManager implements Images {
  readonly #options: ImagesOptions;
  readonly #policy: ImagePolicy;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #store: ImageStore;
  readonly #unlock: () => Promise<void>;
  readonly #launches: LaunchCheck;
  readonly #work: ImageWork;
  readonly #offers: OfferedImages;
  readonly #events: Emitter<ImagesEvents>;
  readonly #stopListening: () => void;
  readonly #maintenance: NodeJS.Timeout;
  #peers: PeerServer | undefined;
  /** Applications of manifests follow each other. */
  #applying: Promise<void> = Promise.resolve();

  static async open(options: ImagesOptions): Promise<ImageManager> {
    const { folder, launcher, log, clock = systemClock } = options;
    const policy = { ...DEFAULT_IMAGE_POLICY, ...options.policy };
    await prepareImageFolder(folder, { launcher, log, compression: policy.compression });
    for (const overlays of options.overlayFolders) {
      await prepareOverlayFolder(overlays, { launcher, log });
    }
    const unlock = await lockFolder(folder);
    try {
      const store = await ImageStore.open({ folder, log, clock });
      const manager = new ImageManager(options, policy, store, unlock);
      if (options.peers) {
        manager.#peers = await servePeers({
          ...{ policy: options.peers, store, clock, log },
          damaged: (version) => void manager.#enqueueVerify(version, 1),
        });
      }
      return manager;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  private constructor(
    options: ImagesOptions,
    policy: ImagePolicy,
    store: ImageStore,
    unlock: () => Promise<void>,
  ) {
    this.#options = options;
    this.#policy = policy;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#store = store;
    this.#unlock = unlock;
    this.#events = new Emitter((error) =>
      options.log.error('a listener of images failed', { error }),
    );
    this.#launches = new LaunchCheck({ store, random: this.#random });
    this.#offers = new OfferedImages({
      jobs: options.jobs,
      jobKind: RECEIVE,
      random: this.#random,
    });
    this.#work = new ImageWork({
      images: options,
      policy,
      store,
      clock: this.#clock,
      random: this.#random,
      offered: (image) => this.#offers.get(image)?.ref,
      anythingOffered: () => this.#offers.size > 0,
      changed: (image) => this.#changed(image),
    });
    for (const image of store.images()) this.#prepareLaunch(image);
    const { jobs } = options;
    jobs.define(RECEIVE, {
      params: ReceiveParams,
      resumable: true,
      run: (context, { ref }) => this.#receive(context, ref),
    });
    jobs.define(VERIFY, {
      params: VerifyParams,
      resumable: true,
      run: (context, params) => this.#verify(context, params),
    });
    this.#stopListening = jobs.on('changed', (list) => this.#onJobs(list));
    this.#maintenance = setInterval(() => this.#maintain(), MAINTAIN_MS);
    this.#maintenance.unref();
  }

  apply(refs: readonly ImageRef[]): Promise<void> {
    const applied = this.#applying.then(() => this.#apply(refs));
    this.#applying = applied.catch(() => {});
    return applied;
  }

  async acquire(image: string): Promise<AcquiredImage> {
    const version = this.#store.current(image);
    if (!version) {
      throw this.#offers.get(image)
        ? new KioskError('MACHINE_IMAGE_MISSING', `${image} has not arrived yet.`)
        : new KioskError('IMAGE_UNKNOWN', `There is no image ${image}.`);
    }
    try {
      return await this.#launches.launch(version);
    } catch (error) {
      this.#enqueueVerify(version, 1);
      throw error;
    }
  }

  status(image: string): ImageStatus {
    const current = this.#store.current(image);
    const offer = this.#offers.get(image);
    const awaited =
      offer !== undefined &&
      current?.manifestSha256 !== offer.ref.manifest.sha256 &&
      this.#store.refused(image) !== offer.ref.manifest.sha256;
    const job = awaited ? this.#offers.job(offer) : undefined;
    const damaged = current?.damaged
      ? new KioskError('MACHINE_IMAGE_CORRUPT', `${image} is damaged.`).toWire()
      : null;
    return {
      current: current?.version ?? null,
      next: awaited ? offer.ref.version : null,
      progress: job?.progress ?? 0,
      secondsLeft: job?.secondsLeft ?? null,
      startable: current !== undefined && !current.damaged,
      error: damaged ?? (awaited ? offer.error : null),
    };
  }

  async list(): Promise<ImageVersion[]> {
    const bases = await overlayBases(this.#options.overlayFolders);
    return this.#store.all().map((version) => ({
      image: version.image,
      version: version.version,
      bytes: version.size,
      current: this.#store.isCurrent(version),
      pinned: version.pinned,
      inUse: this.#store.isUsed(version) || bases.has(this.#store.imagePath(version)),
      committedAt: version.committedAt,
      verifiedAt: version.verifiedAt,
    }));
  }

  async rollback(image: string, version: string): Promise<void> {
    const target = this.#find(image, version, (record) => !this.#store.isCurrent(record));
    const offered = this.#offers.get(image)?.ref.manifest.sha256;
    await this.#store.setRefused(
      image,
      offered === target.manifestSha256
        ? undefined
        : (offered ?? this.#store.current(image)?.manifestSha256),
    );
    await this.#store.setCurrent(target);
    this.#prepareLaunch(image);
    this.#options.log.warn('image rolled back', { image, version });
    this.#changed(image);
  }

  verify(image: string, fraction = 1): Job {
    const version = this.#store.current(image);
    if (!version) throw new KioskError('IMAGE_UNKNOWN', `There is no image ${image}.`);
    return this.#enqueueVerify(version, fraction);
  }

  async pin(image: string, version: string, pinned: boolean): Promise<void> {
    await this.#store.update(this.#find(image, version), { pinned });
    this.#changed(image);
  }

  async remove(image: string, version: string): Promise<void> {
    const target = this.#find(image, version, (record) => !this.#store.isCurrent(record));
    const bases = await overlayBases(this.#options.overlayFolders);
    if (bases.has(this.#store.imagePath(target))) {
      throw new KioskError('IMAGE_IN_USE', `A session has a disk on ${image} ${version}.`);
    }
    await this.#store.remove(target);
    this.#changed(image);
  }

  setPace(settings: PaceSettings): void {
    this.#work.pace.set(settings);
  }

  on<N extends keyof ImagesEvents>(
    event: N,
    listener: (payload: ImagesEvents[N]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  async close(): Promise<void> {
    this.#stopListening();
    clearInterval(this.#maintenance);
    this.#offers.close();
    await this.#peers?.close();
    await this.#applying;
    await this.#work.close();
    await this.#unlock();
  }

  async #apply(refs: readonly ImageRef[]): Promise<void> {
    const offered = new Map<string, ImageRef>();
    for (const ref of refs) {
      if (offered.has(ref.id)) {
        this.#options.log.warn('the campus offers an image twice; the first counts', {
          image: ref.id,
        });
      } else offered.set(ref.id, ref);
    }
    await this.#offers.keepOnly(offered);
    for (const [image, ref] of offered) {
      await this.#take(image, ref);
      this.#changed(image);
    }
    await this.#work.collect();
    this.#maintain();
  }

  /** Switches to what is here, or begins to receive it. */
  async #take(image: string, ref: ImageRef): Promise<void> {
    const { sha256 } = ref.manifest;
    const refused = this.#store.refused(image);
    if (refused !== undefined && refused !== sha256) await this.#store.setRefused(image, undefined);
    this.#offers.set(ref);
    if (refused === sha256) return;
    const here = this.#store.versions(image).find((one) => one.manifestSha256 === sha256);
    if (here) {
      await this.#store.setCurrent(here);
      this.#prepareLaunch(image);
    } else this.#offers.receive(image);
  }

  #enqueueVerify(version: VersionRecord, fraction: number): Job {
    return this.#options.jobs.enqueue(
      VERIFY,
      { image: version.image, root: version.root, fraction },
      { title: `${version.image} ${version.version}`, key: `${version.image}:${version.root}` },
    );
  }

  async #receive(context: JobContext, ref: ImageRef): Promise<void> {
    const { sha256 } = ref.manifest;
    if (this.#store.versions(ref.id).some((one) => one.manifestSha256 === sha256)) return;
    try {
      await this.#work.receive(context, ref);
      this.#offers.succeeded(ref);
      this.#prepareLaunch(ref.id);
      this.#maintain();
    } catch (error) {
      if (!context.signal.aborted && !isAbort(error)) this.#failed(ref, error);
      throw error;
    } finally {
      this.#changed(ref.id);
    }
  }

  #failed(ref: ImageRef, error: unknown): void {
    const wire = toWireError(error);
    this.#options.report({
      kind: 'image.failed',
      level: 'error',
      body: { image: ref.id, version: ref.version, code: wire.code, details: wire.details ?? {} },
    });
    this.#offers.failed(ref, error);
  }

  async #verify(
    context: JobContext,
    { image, root, fraction }: z.output<typeof VerifyParams>,
  ): Promise<void> {
    const version = this.#store.versions(image).find((one) => one.root === root);
    if (!version) return;
    try {
      await this.#work.verify(context, version, fraction);
    } catch (error) {
      if (context.signal.aborted || isAbort(error)) throw error;
      await this.#discardIfHopeless(version, error);
      const { code } = toWireError(error);
      this.#options.report({
        kind: 'image.damaged',
        level: 'error',
        body: { image, version: version.version, code },
      });
      throw error;
    } finally {
      this.#changed(image);
    }
  }

  /** Without its image manifest, or its bytes, a version cannot be repaired: it is received anew. */
  async #discardIfHopeless(version: VersionRecord, error: unknown): Promise<void> {
    const hopeless =
      errno(error) === 'ENOENT' ||
      (error instanceof KioskError &&
        ['IMAGE_HASH_MISMATCH', 'IMAGE_MANIFEST_INVALID'].includes(error.code));
    if (!hopeless || this.#store.isUsed(version)) return;
    await this.#store.remove(version);
    const offer = this.#offers.get(version.image);
    if (offer?.ref.manifest.sha256 === version.manifestSha256) this.#offers.receive(version.image);
  }

  /** Versions that were not verified for long are, when nobody works. */
  #maintain(): void {
    if (this.#policy.verifyDays === 0 || this.#work.pace.busy) return;
    const due = this.#clock.now() - this.#policy.verifyDays * DAY_MS;
    for (const version of this.#store.all()) {
      if (version.damaged || (version.verifiedAt ?? 0) < due) this.#enqueueVerify(version, 1);
    }
  }

  #find(
    image: string,
    version: string,
    prefer: (record: VersionRecord) => boolean = () => false,
  ): VersionRecord {
    const named = this.#store.versions(image).filter((record) => record.version === version);
    const found = named.find(prefer) ?? named[0];
    if (!found) throw new KioskError('IMAGE_UNKNOWN', `${image} ${version} is not on this kiosk.`);
    return found;
  }

  #onJobs(list: readonly Job[]): void {
    const under = new Set(
      list.filter((job) => job.kind === RECEIVE && job.finishedAt === null).map(({ id }) => id),
    );
    for (const [image, { jobId }] of this.#offers) {
      if (jobId !== undefined && under.has(jobId)) this.#changed(image);
    }
  }

  /** So that a start does not wait for the reading of a large image manifest. */
  #prepareLaunch(image: string): void {
    const version = this.#store.current(image);
    if (version) void this.#launches.prepare(version);
  }

  #changed(image: string): void {
    this.#events.emit('changed', { image });
  }
}
